"""Detectors of backdoored models compare a model with clean ones of its topology, once they are calibrated."""

from typing import Any

import numpy as np
import pytest

from art_snn.defences.detector import ArtificialBrainStimulation, MembranePotentialDefence, ModelReport, NeuralCleanse
from art_snn.defences.detector.model_detector import ModelDetector, rank_p_value
from art_snn.typing import Array, Indices
from tests.backdoored import trained, untrained


class Reports(ModelDetector):
    """A detector that reports a given anomaly and never accuses by itself."""

    def __init__(self, classifier: Any, anomaly: float | None = None) -> None:
        super().__init__(classifier)
        self.anomaly = anomaly

    def _examine(self, x: Array | None, y: Indices | None) -> ModelReport:
        return ModelReport(False, 2, 0.7, np.zeros(4), self.anomaly)


def test_a_p_value_is_the_rank_among_clean_models() -> None:
    null = np.random.default_rng(0).normal(size=19)
    for anomaly in (-9.0, float(null[3]), 0.0, 9.0):
        assert rank_p_value(anomaly, null) == (1 + sum(other >= anomaly for other in null)) / 20


def test_at_most_the_significance_of_clean_models_is_accused() -> None:
    draws = np.random.default_rng(0).normal(size=(2000, 20))
    accused = [rank_p_value(draw[0], draw[1:]) <= 0.1 for draw in draws]
    assert np.mean(accused) == pytest.approx(0.1, abs=0.02)  # three deviations of a share of 2000


@pytest.mark.parametrize(("anomaly", "p_value", "is_accused"), [(10.0, 0.1, True), (8.5, 0.2, False), (0.5, 1, False)])
def test_a_calibrated_detector_accuses_by_the_p_value(anomaly: float, p_value: float, is_accused: bool) -> None:
    report = Reports(untrained("ann"), anomaly).calibrate(range(1, 10)).detect_backdoor()
    assert (report.p_value, report.is_backdoored, report.target_class) == (p_value, is_accused, 2)


def test_without_a_null_the_report_is_the_detectors_own() -> None:
    report = Reports(untrained("ann"), 10.0).detect_backdoor()
    assert (report.p_value, report.is_backdoored) == (0.7, False)


def test_too_few_clean_models_for_the_significance_are_refused() -> None:
    detector = Reports(untrained("ann"), 1.0)
    with pytest.raises(ValueError, match="expected anomalies of at least 9 clean models, got 8"):
        detector.calibrate(np.zeros(8))
    with pytest.raises(ValueError, match="expected anomalies of at least 19 clean models, got 18"):
        detector.calibrate(np.zeros(18), significance=0.05)
    assert detector.detect_backdoor().p_value == 0.7  # nothing was changed
    assert detector.calibrate(np.zeros(19), significance=0.05).detect_backdoor().p_value == 0.05


def test_a_null_must_be_finite() -> None:
    with pytest.raises(ValueError, match="expected null to be finite"):
        Reports(untrained("ann"), 1.0).calibrate([np.nan] * 9)
    with pytest.raises(ValueError, match="expected significance to be"):
        Reports(untrained("ann"), 1.0).calibrate(np.zeros(9), significance=0)


def test_a_detector_without_an_anomaly_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="expected Reports to report an anomaly once calibrated, got None"):
        Reports(untrained("ann")).calibrate(np.zeros(9)).detect_backdoor()


@pytest.mark.filterwarnings("ignore:only")  # three steps reach no class
@pytest.mark.parametrize("make", [MembranePotentialDefence, NeuralCleanse, ArtificialBrainStimulation])
def test_every_detector_of_models_can_be_calibrated(make: Any) -> None:
    detector, x = make(trained("ann"), steps=3), np.random.default_rng(0).random((8, 1, 8, 8), np.float32)
    alone = detector.detect_backdoor(x)
    report = detector.calibrate(np.full(9, alone.anomaly - 1)).detect_backdoor(x)
    assert (report.is_backdoored, report.p_value, report.anomaly) == (True, 0.1, alone.anomaly)
