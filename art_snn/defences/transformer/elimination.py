"""The base class of transformers that remove backdoors."""

import abc
from typing import Any

from art.defences.trainer import Trainer
from art.defences.transformer import Transformer
from art.estimators.classification import PyTorchClassifier

from art_snn._parameters import Parameters
from art_snn._validation import class_indices
from art_snn.estimators.classification import rule_of
from art_snn.estimators.classification.inputs import samples_for
from art_snn.typing import Array, Labels


class Elimination(Parameters, Transformer, abc.ABC):
    """Transformer of ART's that removes a backdoor from a copy of a trained classifier.

    Args:
        classifier: ART's `PyTorchClassifier` or a spiking one, which is not changed.
    """

    def __init__(self, classifier: PyTorchClassifier) -> None:
        super().__init__(classifier)

    def __call__(
        self,
        x: Array | None = None,
        transformed_classifier: PyTorchClassifier | None = None,
        y: Labels | None = None,
    ) -> PyTorchClassifier:
        """Return a new classifier with less of the backdoor, or none; the given classifiers stay as they are.

        Args:
            x: Clean samples (N, ...), if the method needs them.
            transformed_classifier: Classifier to start from; None for the constructor's.
            y: Labels of the clean samples, indices (N,) or one-hot (N, K), if the method needs them.

        Raises:
            ValueError: If samples or labels that the method needs are missing or do not fit.
            TypeError: If samples or labels are not numbers.
        """
        given = transformed_classifier or self.classifier
        x = None if x is None else samples_for(given, x, "x")
        if y is not None:
            class_indices(y, given.nb_classes)
        return self._transform(rule_of(given).copied().classifier, x, y)

    def fit(self, x: Array, y: Labels | None = None, **kwargs: Any) -> None:
        """Raise: nothing is fitted beforehand; call the object instead."""
        raise NotImplementedError(f"{type(self).__name__} has nothing to fit: call it with clean samples")

    @abc.abstractmethod
    def _transform(self, classifier: PyTorchClassifier, x: Array | None, y: Labels | None) -> PyTorchClassifier:
        """Remove the backdoor from `classifier`, which is a copy, and return it."""


def eliminate(defence: Transformer | Trainer | PyTorchClassifier, x: Array, y: Labels) -> PyTorchClassifier:
    """The new classifier that a defence makes of its own, whichever of ART's two interfaces it has.

    Args:
        defence: A transformer or a trainer, of this package or ART's; or the new classifier itself.
        x: Clean samples, (N, ...).
        y: Labels of the clean samples.
    """
    if isinstance(defence, PyTorchClassifier):
        return defence
    if isinstance(defence, Trainer):
        defence.fit(x, y)
        return defence.get_classifier()
    return defence(x, y=y)
