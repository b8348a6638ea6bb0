"""What detectors of backdoored models have in common."""

import abc
from typing import Any

from art.estimators.classification import PyTorchClassifier

from art_snn._validation import check_same_length, check_unknown, class_indices
from art_snn.defences.detector.model_report import ModelReport
from art_snn.defences.parameters import Parameters
from art_snn.estimators.classification.streaming import mode
from art_snn.typing import Array, Indices, Labels


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
            TypeError: If an argument is unknown.
            ValueError: If samples and labels do not fit.
        """
        check_unknown(f"{type(self).__name__}.detect_backdoor", kwargs)
        classes = None if y is None else class_indices(y, self.classifier.nb_classes)
        if x is not None and classes is not None:
            check_same_length("x", x, "y", classes)
        with mode(self.classifier.model, False):
            return self._examine(x, classes)

    @abc.abstractmethod
    def _examine(self, x: Array | None, y: Indices | None) -> ModelReport:
        """What `detect_backdoor` does, with everything checked and the model in evaluation mode."""
