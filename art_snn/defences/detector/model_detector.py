"""The base class of detectors of backdoored models, and their report."""

import abc
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from art.estimators.classification import PyTorchClassifier

from art_snn._parameters import Parameters
from art_snn._validation import check_finite, check_fraction, check_same_length, check_unknown, class_indices
from art_snn.estimators.classification.inputs import samples_for
from art_snn.estimators.classification.mode import mode
from art_snn.typing import Array, Indices, Labels


@dataclass(frozen=True, eq=False)
class ModelReport:
    """Verdict on a model, with the figures behind it.

    Args:
        is_backdoored: Whether the anomaly reaches the detector's threshold.
        target_class: Most suspicious class, accused only if `is_backdoored`.
        p_value: Probability of so extreme a class in a clean model; None if the detector neither estimates it nor was
            calibrated.
        scores: Suspicion of each class, (K,); higher is more suspicious.
        anomaly: Figure that is compared with the threshold and ranks models; higher is more suspicious.
    """

    is_backdoored: bool
    target_class: int
    p_value: float | None
    scores: Array
    anomaly: float | None = None

    def __post_init__(self) -> None:
        scores = np.array(self.scores, dtype=np.float64)
        scores.setflags(write=False)
        object.__setattr__(self, "scores", scores)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ModelReport) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[object, ...]:
        return self.is_backdoored, self.target_class, self.p_value, self.scores.tobytes(), self.anomaly


class ModelDetector(Parameters, abc.ABC):
    """Detector that says whether a trained classifier, which it does not change, has a backdoor.

    Args:
        classifier: Trained classifier: ART's `PyTorchClassifier` or a spiking one.
    """

    def __init__(self, classifier: PyTorchClassifier) -> None:
        self.classifier = classifier
        self._null: Array | None = None
        self._significance = 1.0

    def calibrate(self, null: Sequence[float] | Array, significance: float = 0.1) -> Self:
        """Accuse by comparison with clean models, no longer by the threshold.

        The p-value of a report is then `rank_p_value` of its anomaly. The null holds for one topology, one kind of data
        and one choice of parameters: with others, take another.

        Args:
            null: Anomalies that this detector, with the same parameters, reports of clean models of the same topology
                trained on like data, (n,).
            significance: p-value up to which the model is accused, in (0, 1]: the rate of false alarms.

        Returns:
            The detector.

        Raises:
            ValueError: If an anomaly is not finite, or n models are too few for the significance: the lowest p-value is
                1 / (n + 1), so that 0.1 takes 9 models and 0.05 takes 19.
        """
        check_fraction("significance", significance, zero=False)
        anomalies = np.array(null, dtype=np.float64).ravel()
        check_finite("null", anomalies)
        if 1 / (len(anomalies) + 1) > significance:
            fewest = int(np.ceil(1 / significance - 1))
            raise ValueError(f"expected anomalies of at least {fewest} clean models, got {len(anomalies)}; train more")
        self._null, self._significance = anomalies, significance
        return self

    def detect_backdoor(self, x: Array | None = None, y: Labels | None = None, **kwargs: Any) -> ModelReport:
        """Examine the classifier in evaluation mode.

        Args:
            x: Clean samples (N, ...), if the method uses any.
            y: Labels of the clean samples, indices (N,) or one-hot (N, K), if the method uses any.

        Raises:
            TypeError: If an argument is unknown, or samples or labels are not numbers.
            ValueError: If samples and labels do not fit each other or the classifier.
        """
        check_unknown(f"{type(self).__name__}.detect_backdoor", kwargs)
        classes = None if y is None else class_indices(y, self.classifier.nb_classes)
        x = None if x is None else samples_for(self.classifier, x, "x")
        if x is not None and classes is not None:
            check_same_length("x", x, "y", classes)
        with mode(self.classifier.model, False):
            return self._calibrated(self._examine(x, classes))

    def _calibrated(self, report: ModelReport) -> ModelReport:
        if self._null is None:
            return report
        if report.anomaly is None:
            raise ValueError(f"expected {type(self).__name__} to report an anomaly once calibrated, got None")
        p_value = rank_p_value(report.anomaly, self._null)
        return replace(report, is_backdoored=p_value <= self._significance, p_value=p_value)

    @property
    def sees_time(self) -> bool:
        """Whether what it compares keeps the time axis; others see of time what the classifier makes of it."""
        return False

    @abc.abstractmethod
    def _examine(self, x: Array | None, y: Indices | None) -> ModelReport:
        """The report on the model, which is in evaluation mode, from checked samples and class indices."""


def rank_p_value(anomaly: float, null: Array) -> float:
    """Share of anomalies that reach the given one, among those of n clean models and itself: (1 + reached) / (n + 1).

    Returns:
        A p-value in [1 / (n + 1), 1]. No distribution is fitted: the rate of false alarms is at most the significance,
        on average over draws of the clean models.

    Source: Davison and Hinkley, Bootstrap Methods and their Application, 1997, section 4.2.

    >>> rank_p_value(0.5, np.array([0.1, 0.5, 0.7, 0.2]))
    0.6
    """
    return float((1 + np.sum(null >= anomaly)) / (len(null) + 1))
