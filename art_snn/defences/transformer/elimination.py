"""What the transformers that remove backdoors have in common."""

import abc
from typing import Any

from art.defences.transformer import Transformer
from art.estimators.classification import PyTorchClassifier

from art_snn._parameters import Parameters
from art_snn._validation import class_indices
from art_snn.estimators.classification import rule_of
from art_snn.estimators.classification.inputs import samples_for
from art_snn.typing import Array, Labels


class Elimination(Parameters, Transformer, abc.ABC):
    """Operates on a copy of a trained classifier.

    Args:
        classifier: ART's `PyTorchClassifier` or a spiking one.
    """

    def __init__(self, classifier: PyTorchClassifier) -> None:
        super().__init__(classifier)

    def __call__(
        self,
        x: Array | None = None,
        transformed_classifier: PyTorchClassifier | None = None,
        y: Labels | None = None,
    ) -> PyTorchClassifier:
        """A new classifier without the backdoor, or with less of it; no classifier given is changed.

        Args:
            x: Clean samples, where the method needs them.
            transformed_classifier: The one to start from; None is the one given to the constructor.
            y: Labels of the clean samples, indices (N,) or one-hot (N, K), where the method needs them.

        Raises:
            ValueError: If samples or labels that the method needs are missing or do not fit.
            TypeError: If they are no numbers.
        """
        given = transformed_classifier or self.classifier
        x = None if x is None else samples_for(given, x, "x")
        if y is not None:
            class_indices(y, given.nb_classes)
        return self._transform(rule_of(given).copied().classifier, x, y)

    def fit(self, x: Array, y: Labels | None = None, **kwargs: Any) -> None:
        """Nothing is learnt beforehand: call the object."""
        raise NotImplementedError(f"{type(self).__name__} has nothing to fit: call it with clean samples")

    @abc.abstractmethod
    def _transform(self, classifier: PyTorchClassifier, x: Array | None, y: Labels | None) -> PyTorchClassifier:
        """Operate on `classifier`, a copy, and return it."""
