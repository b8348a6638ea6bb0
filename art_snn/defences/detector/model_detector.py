"""The base class of detectors of backdoored models, and their report."""

import abc
from dataclasses import dataclass
from typing import Any

import numpy as np
from art.estimators.classification import PyTorchClassifier

from art_snn._parameters import Parameters
from art_snn._validation import check_same_length, check_unknown, class_indices
from art_snn.estimators.classification.inputs import samples_for
from art_snn.estimators.classification.mode import mode
from art_snn.typing import Array, Indices, Labels


@dataclass(frozen=True, eq=False)
class ModelReport:
    """Verdict on a model, with the figures behind it.

    Args:
        is_backdoored: Whether the anomaly reaches the detector's threshold.
        target_class: Most suspicious class, accused only if `is_backdoored`.
        p_value: Probability of so extreme a class in a clean model; None if the detector does not estimate it.
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
            return self._examine(x, classes)

    @property
    def sees_time(self) -> bool:
        """Whether what it compares keeps the time axis; others see of time what the classifier makes of it."""
        return False

    @abc.abstractmethod
    def _examine(self, x: Array | None, y: Indices | None) -> ModelReport:
        """The report on the model, which is in evaluation mode, from checked samples and class indices."""
