"""Sample detectors on degenerate or wrong data: a clear error or a documented score, never a flag on everything."""

from functools import partial
from typing import Any

import numpy as np
import pytest
import torch

from art_snn.defences.detector import (
    ReferenceDefence,
    SpikeActivationDefence,
    SpikeSpectralDefence,
    STRIPDefence,
)
from art_snn.typing import Array
from tests.backdoored import SHAPE, K, trained, untrained
from tests.detecting import ALL, DATA, DETECTORS, KINDS, POISONED, X_CLEAN, Make, streams


@pytest.mark.parametrize("spiking", [True, False])
@ALL
def test_a_silent_network_accuses_nobody(make: Make, spiking: bool) -> None:
    classifier = untrained("lif" if spiking else "ann")
    with torch.no_grad():
        for parameter in classifier.model.parameters():
            parameter.zero_()
    if make is DETECTORS["reference model"]:
        make = partial(ReferenceDefence, reference=classifier)
    detector = make(classifier, *DATA)
    _, is_clean = detector.detect_poison()
    assert all(is_clean)
    assert not detector.scores().any()


@ALL
def test_constant_samples_accuse_nobody(make: Make) -> None:
    x = np.full((40, *SHAPE), 0.5, np.float32)
    _, is_clean = make(trained("ann"), x, np.arange(40) % K).detect_poison()
    assert all(is_clean)


@ALL
def test_one_class_alone_accuses_nobody(make: Make) -> None:
    own = POISONED.y == 0
    detector = make(trained("lif"), POISONED.x[own], POISONED.y[own])
    _, is_clean = detector.detect_poison()
    assert np.isfinite(detector.scores()).all()
    assert np.mean(is_clean) > 0.9


@ALL
def test_three_samples_of_a_class_are_no_error_and_none_accused(make: Make) -> None:
    rows = np.concatenate([np.flatnonzero(POISONED.y != 2), np.flatnonzero(POISONED.y == 2)[:3]])
    detector = make(trained("lif"), POISONED.x[rows], POISONED.y[rows])
    report, is_clean = detector.detect_poison()
    assert 2 not in report.get("accused_classes", [])
    assert np.mean(is_clean) > 0.5


@ALL
def test_an_untrained_classifier_gives_scores_and_no_flag_on_everything(make: Make) -> None:
    detector = make(untrained("lif"), *DATA)
    _, is_clean = detector.detect_poison()
    assert np.isfinite(detector.scores()).all()
    assert np.mean(is_clean) > 0.5


@ALL
def test_nan_in_the_data_is_an_error(make: Make) -> None:
    x = POISONED.x.copy()
    x[3, 0, 0, 0] = np.nan
    with pytest.raises(ValueError, match="finite"):
        make(trained("ann"), x, POISONED.y)
    with pytest.raises(ValueError, match="finite"):
        make(trained("ann"), *DATA).scores(x)


@ALL
def test_data_that_do_not_fit_are_an_error(make: Make) -> None:
    with pytest.raises(ValueError, match="got none"):
        make(trained("ann"), POISONED.x[:0], POISONED.y[:0])
    with pytest.raises(ValueError, match="as many labels"):
        make(trained("ann"), POISONED.x, POISONED.y[1:])
    with pytest.raises(ValueError, match=r"labels in \[0, 4\)"):
        make(trained("ann"), POISONED.x, POISONED.y + 1)
    with pytest.raises(TypeError, match="PyTorchClassifier"):
        make("a classifier", *DATA)
    if make is not STRIPDefence:
        with pytest.raises(ValueError, match="got event streams"):
            make(trained("ann"), streams(2), np.array([0, 1]))


@ALL
def test_new_samples_must_be_like_those_of_the_training(make: Make) -> None:
    detector = make(trained("ann"), *DATA)
    for x, got in ((streams(2), "event streams"), (X_CLEAN[0], r"samples of shape \(8, 8\)")):
        with pytest.raises(ValueError, match=rf"expected x like x_train, samples of shape \(1, 8, 8\), got {got}"):
            detector.scores(x)


@ALL
def test_no_data_are_an_error(make: Make) -> None:
    for data in ((None, None), (POISONED.x, None), (None, POISONED.y)):
        with pytest.raises(ValueError, match="expected samples and their labels, got None"):
            make(trained("ann"), *data)


def test_a_truth_is_checked_before_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    detector = SpikeSpectralDefence(trained("ann"), *DATA)
    monkeypatch.setattr(detector, "_detect", lambda: pytest.fail("searched"))
    with pytest.raises(ValueError, match="is_clean"):
        detector.evaluate_defence(np.ones(3))


def test_nan_in_a_hidden_layer_is_an_error() -> None:
    classifier = untrained("ann")
    with torch.no_grad():
        next(classifier.model.parameters()).fill_(np.nan)
    with pytest.raises(ValueError, match="finite features"):
        SpikeSpectralDefence(classifier, *DATA).detect_poison()


@KINDS
@ALL
def test_nan_in_the_outputs_is_an_error(make: Make, kind: str) -> None:
    classifier = untrained(kind)
    with torch.no_grad():
        list(classifier.model.parameters())[-1].fill_(np.nan)
    with pytest.raises(ValueError, match="expected outputs of the classifier to be finite"):
        make(classifier, *DATA).scores(X_CLEAN)


@pytest.mark.parametrize("truth", [np.ones(3), np.full(len(POISONED.y), 2), np.ones((len(POISONED.y), 2))])
def test_a_truth_that_does_not_fit_is_an_error(truth: Array) -> None:
    with pytest.raises(ValueError, match="is_clean"):
        SpikeSpectralDefence(trained("ann"), *DATA).evaluate_defence(truth)


WRONG: list[tuple[Make, dict[str, Any]]] = [
    (SpikeActivationDefence, {"nb_clusters": 1}),
    (SpikeActivationDefence, {"nb_dims": 0}),
    (SpikeActivationDefence, {"reduce": "TSNE"}),
    (SpikeActivationDefence, {"clustering_method": "DBSCAN"}),
    (SpikeActivationDefence, {"cluster_analysis": "what"}),
    (SpikeActivationDefence, {"cluster_analysis": []}),
    (SpikeActivationDefence, {"ex_re_threshold": -1.0}),
    (SpikeActivationDefence, {"diversity_threshold": 1.5}),
    (SpikeActivationDefence, {"feature": "rates"}),
    (SpikeSpectralDefence, {"expected_pp_poison": 2.0}),
    (SpikeSpectralDefence, {"eps_multiplier": -1.0}),
    (SpikeSpectralDefence, {"batch_size": -1}),
    (SpikeSpectralDefence, {"n_directions": 0}),
    (SpikeSpectralDefence, {"spread_threshold": np.inf}),
    (STRIPDefence, {"num_samples": 0}),
    (STRIPDefence, {"num_samples": 1000}),
    (STRIPDefence, {"false_acceptance_rate": 0.0}),
    (STRIPDefence, {"superposition": "what"}),
    (STRIPDefence, {"outputs": "what"}),
    (DETECTORS["reference samples"], {"separation_threshold": -1.0}),
    (DETECTORS["reference samples"], {"max_features": 0}),
]


@pytest.mark.parametrize(("make", "wrong"), WRONG)
def test_a_wrong_value_is_an_error(make: Make, wrong: dict[str, Any]) -> None:
    (name,) = wrong
    with pytest.raises(ValueError, match=f"expected {name}"):
        make(trained("ann"), *DATA, **wrong)
    with pytest.raises(ValueError, match=f"expected {name}"):
        make(trained("ann"), *DATA).detect_poison(**wrong)
