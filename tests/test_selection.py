"""The strongest elimination whose accuracy on held-out clean samples stays near the classifier's own."""

from functools import partial
from typing import Any

import numpy as np
import pytest
from art.defences.transformer import Transformer
from art.estimators.classification import PyTorchClassifier

from art_snn._random import host_seed
from art_snn.defences.selection import StrongestElimination
from art_snn.defences.transformer import FinePruning
from art_snn.estimators.classification import rule_of
from art_snn.evaluations.elimination import eliminate
from tests.backdoored import trained
from tests.eliminating import CLEAN

SHARES = tuple(partial(FinePruning, share=share, nb_epochs=0) for share in (1.0, 0.5, 0.0))


class _Spying(Transformer):
    """Notes the samples that it gets, and changes nothing."""

    def __init__(self, classifier: PyTorchClassifier, seen: list[Any]) -> None:
        super().__init__(classifier)
        self.seen = seen

    def __call__(self, x: Any, transformed_classifier: Any = None, y: Any = None) -> PyTorchClassifier:
        self.seen.append(x)
        return rule_of(self.classifier).copied().classifier

    def fit(self, x: Any, y: Any = None, **kwargs: Any) -> None: ...


def test_the_strongest_within_the_loss_is_taken() -> None:
    strict = StrongestElimination(trained("ann"), SHARES, max_loss=0.0)
    eliminate(strict, *CLEAN)
    lenient = StrongestElimination(trained("ann"), SHARES, max_loss=1.0)
    eliminate(lenient, *CLEAN)
    assert (lenient.chosen, len(lenient.accuracies)) == (0, 2)
    assert strict.chosen in (1, 2)
    assert strict.accuracies[1] < strict.accuracies[0] <= strict.accuracies[-1]


def test_what_was_chosen_runs_again_on_all_samples() -> None:
    chosen = StrongestElimination(trained("ann"), SHARES[1:2], max_loss=1.0)
    found, alone = eliminate(chosen, *CLEAN), eliminate(SHARES[1](trained("ann")), *CLEAN)
    with host_seed(0):
        assert np.array_equal(found.predict(CLEAN[0]), alone.predict(CLEAN[0]))


def test_no_candidate_is_judged_on_samples_that_it_saw() -> None:
    seen: list[Any] = []
    eliminate(StrongestElimination(trained("ann"), [partial(_Spying, seen=seen)], n_folds=4), *CLEAN)
    *folds, last = seen
    assert [len(x) for x in folds] == [30] * 4
    assert len(last) == 40
    held_out = [{x.tobytes() for x in CLEAN[0]} - {x.tobytes() for x in fold} for fold in folds]
    assert len(set().union(*held_out)) == sum(map(len, held_out)) == 40


def test_where_none_is_within_the_loss_the_weakest_is_taken() -> None:
    hopeless = StrongestElimination(trained("ann"), SHARES[:1], max_loss=0.0)
    eliminate(hopeless, *CLEAN)
    assert hopeless.chosen == 0
    assert hopeless.accuracies[1] < hopeless.accuracies[0]


def test_what_cannot_be_chosen_from_is_refused() -> None:
    with pytest.raises(ValueError, match="expected at least one candidate"):
        StrongestElimination(trained("ann"), [])
    with pytest.raises(ValueError, match="expected n_folds"):
        StrongestElimination(trained("ann"), SHARES, n_folds=1)
    with pytest.raises(ValueError, match="expected n_folds of at most 10"):
        StrongestElimination(trained("ann"), SHARES, n_folds=11)(CLEAN[0], y=CLEAN[1])
    with pytest.raises(ValueError, match="expected clean samples x and their labels y"):
        StrongestElimination(trained("ann"), SHARES)(CLEAN[0])
