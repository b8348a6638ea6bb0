"""What detectors of backdoored models have in common, and what they say of a model."""

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
    """Whether a model holds a backdoor, and on what grounds.

    Args:
        is_backdoored: The verdict at the detector's threshold.
        target_class: The most suspicious class, accused only if `is_backdoored`.
        p_value: Chance of so extreme a class in a model without backdoor; None where the detector does not estimate it.
        scores: Suspicion of each class, (K,); higher is more suspicious.
        anomaly: What the threshold is compared with, higher is more suspicious: it ranks models.
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
    """Examines a trained classifier, which it leaves as it is, and says whether it holds a backdoor.

    Args:
        classifier: ART's `PyTorchClassifier` or a spiking one.
    """

    def __init__(self, classifier: PyTorchClassifier) -> None:
        self.classifier = classifier

    def detect_backdoor(self, x: Array | None = None, y: Labels | None = None, **kwargs: Any) -> ModelReport:
        """Examine the classifier in evaluation mode.

        Args:
            x: Clean samples, where the method uses any.
            y: Their labels, indices (N,) or one-hot (N, K), where it uses any.

        Raises:
            TypeError: If an argument is unknown, or samples or labels are no numbers.
            ValueError: If samples and labels do not fit, or the samples are not what the classifier takes.
        """
        check_unknown(f"{type(self).__name__}.detect_backdoor", kwargs)
        classes = None if y is None else class_indices(y, self.classifier.nb_classes)
        x = None if x is None else samples_for(self.classifier, x, "x")
        if x is not None and classes is not None:
            check_same_length("x", x, "y", classes)
        with mode(self.classifier.model, False):
            return self._examine(x, classes)

    @abc.abstractmethod
    def _examine(self, x: Array | None, y: Indices | None) -> ModelReport:
        """What `detect_backdoor` does, with everything checked and the model in evaluation mode."""
