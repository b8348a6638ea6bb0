"""The reference defence compares voltages and spikes with clean samples or a clean model."""

import numpy as np
import pytest

from art_snn.defences.detector import (
    ReferenceDefence,
)
from art_snn.defences.detector._voltage_sequences import Recorder, Translation
from art_snn.metrics import auroc
from tests.backdoored import TARGET, bars, trained
from tests.detecting import DATA, DETECTORS, KINDS, POISONED, X_CLEAN, Y_CLEAN


@KINDS
@pytest.mark.parametrize("name", ["reference samples", "reference model"])
def test_a_reference_accuses_the_backdoored_model_and_not_the_clean_one(name: str, kind: str) -> None:
    report = DETECTORS[name](trained(kind), *DATA).detect_backdoor()
    assert report.is_backdoored
    assert report.target_class == TARGET
    assert not DETECTORS[name](trained("lif", backdoored=False), *bars()).detect_backdoor().is_backdoored


@pytest.mark.parametrize("name", ["reference samples", "reference model"])
def test_voltages_and_spikes_are_pictured(name: str) -> None:
    figure = DETECTORS[name](trained("lif"), *DATA).plot_sequences(n_neurons=5)
    traces, others, clean_raster, raster = figure.axes
    assert [axes.get_title() for axes in (traces, others)] == ["clean", "suspect"]
    assert len(traces.lines) == len(others.lines) == 5
    assert raster.images[0].get_array().shape == (5, 3)  # neurons, time steps
    assert not np.array_equal(raster.images[0].get_array(), clean_raster.images[0].get_array())


def test_exactly_one_kind_of_reference_is_needed() -> None:
    for wrong in (
        {},
        {"x_reference": X_CLEAN},
        {"reference": trained("ann"), "x_reference": X_CLEAN, "y_reference": Y_CLEAN},
    ):
        with pytest.raises(ValueError, match="either a reference model"):
            ReferenceDefence(trained("ann"), *DATA, **wrong)
    some = Y_CLEAN != 2
    with pytest.raises(ValueError, match=r"every class, got none of \[2\]"):
        ReferenceDefence(trained("ann"), *DATA, x_reference=X_CLEAN[some], y_reference=Y_CLEAN[some])


@pytest.mark.parametrize("name", ["reference samples", "reference model"])
def test_sequences_are_held_for_one_batch_at_a_time(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    defence = DETECTORS[name](trained("lif"), *DATA, batch_size=16)
    whole = defence.scores(X_CLEAN)
    lengths, record = [], Recorder.__call__
    monkeypatch.setattr(Recorder, "__call__", lambda self, x: lengths.append(len(x)) or record(self, x))
    assert np.array_equal(defence.scores(X_CLEAN), whole)
    assert max(lengths) == 16
    if name == "reference samples":
        defence.set_params(seed=1)
        lengths.clear()
        defence.scores()
        assert set(lengths) == {16, len(X_CLEAN)}  # batches, and the reference


def test_new_samples_of_a_class_without_reference_are_an_error() -> None:
    some, known = POISONED.y != 2, Y_CLEAN != 2
    references = {"x_reference": X_CLEAN[known], "y_reference": Y_CLEAN[known]}
    defence = ReferenceDefence(trained("ann"), POISONED.x[some], POISONED.y[some], **references)
    assert defence.scores(X_CLEAN[known]).all()
    with pytest.raises(ValueError, match=r"every class, got none of \[2\]"):
        defence.scores(X_CLEAN)


def test_a_translation_leaves_only_what_one_model_sees_otherwise() -> None:
    rng = np.random.default_rng(0)
    clean = rng.standard_normal((200, 10))
    suspected = clean @ rng.standard_normal((10, 8))
    suspected[:20] += 5
    residuals = Translation(clean, suspected, seed=0).residuals(clean, suspected)
    assert auroc(np.arange(200) < 20, residuals) == 1
