"""Choice among eliminations of different strength, by accuracy on the defender's clean samples alone."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from art.defences.trainer import Trainer
from art.defences.transformer import Transformer
from art.estimators.classification import PyTorchClassifier
from sklearn.model_selection import StratifiedKFold

from art_snn._declared import Fraction, Seed
from art_snn._random import host_seed
from art_snn._validation import check_at_least, check_same_length, class_indices
from art_snn.defences.transformer.elimination import Elimination, eliminate
from art_snn.metrics import accuracy
from art_snn.typing import Array, Labels

Candidate = Callable[[PyTorchClassifier], Transformer | Trainer]


class StrongestElimination(Elimination):
    """The strongest of several eliminations whose accuracy on held-out clean samples stays near the classifier's own.

    Each candidate in turn, strongest first, runs on all folds of the clean samples but one and is judged on that one.
    The first whose accuracy over all folds is at most `max_loss` below that of the given classifier, which was not
    trained on these samples, runs again on all of them; if none is, the last does. No triggered sample and no success
    rate is asked for.

    Args:
        classifier: Trained classifier, which is not changed.
        candidates: What makes each elimination of a classifier, strongest first, at least one.
        max_loss: Largest loss of accuracy, in [0, 1].
        n_folds: Folds, at least 2.
        seed: Seed of the folds.

    Attributes:
        accuracies: After a call, the accuracy of the given classifier and then of the candidates that were tried.
        chosen: After a call, the index of the candidate that was taken.
    """

    _data = frozenset({"candidates"})

    def __init__(
        self,
        classifier: PyTorchClassifier,
        candidates: Sequence[Candidate],
        max_loss: Fraction = 0.03,
        n_folds: int = 3,
        seed: Seed = 0,
    ) -> None:
        super().__init__(classifier)
        if not candidates:
            raise ValueError("expected at least one candidate, got none")
        self.candidates, self.max_loss, self.n_folds, self.seed = list(candidates), max_loss, n_folds, seed
        self.accuracies: list[float] = []
        self.chosen: int | None = None
        self._check_params()

    def _transform(self, classifier: PyTorchClassifier, x: Array | None, y: Labels | None) -> PyTorchClassifier:
        if x is None or y is None:
            raise ValueError("expected clean samples x and their labels y, got none")
        check_same_length("x", x, "y", y)
        labels = class_indices(y, classifier.nb_classes)
        if (rarest := int(np.bincount(labels)[np.unique(labels)].min())) < self.n_folds:
            raise ValueError(
                f"expected n_folds of at most {rarest}, the samples of the rarest class, got {self.n_folds}"
            )
        with host_seed(self.seed):  # ART's own class draws from the global streams
            self.accuracies = [accuracy(labels, classifier.predict(x))]
        for number, make in enumerate(self.candidates):
            self.chosen = number
            self.accuracies.append(self._held_out(classifier, make, x, labels))
            if self.accuracies[-1] >= self.accuracies[0] - self.max_loss:
                break
        return eliminate(self.candidates[self.chosen or 0](classifier), x, y)

    def _held_out(self, classifier: PyTorchClassifier, make: Candidate, x: Array, labels: Any) -> float:
        """Accuracy over all folds, each judged by what the candidate makes of the others."""
        right = []
        folds = StratifiedKFold(self.n_folds, shuffle=True, random_state=self.seed)
        for train, test in folds.split(labels, labels):
            new = eliminate(make(classifier), x[train], labels[train])
            with host_seed(self.seed):
                right.append(new.predict(x[test]).argmax(1) == labels[test])
        return float(np.concatenate(right).mean())

    def _check_params(self) -> None:
        super()._check_params()
        check_at_least("n_folds", self.n_folds, 2)
