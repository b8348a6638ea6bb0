"""What ART asks of an attack that takes part in a training: to poison a classifier of its own."""

from abc import abstractmethod
from typing import Any

from art.attacks import PoisoningAttackTransformer
from art.estimators.classification import PyTorchClassifier

from art_snn.attacks.poisoning.protocol import AttackRecord
from art_snn.estimators.classification import rule_of
from art_snn.typing import Array, Labels


class TrainsACopy(PoisoningAttackTransformer):
    """An attack that trains classifiers itself; that of `poison_estimator` stays as it is.

    Args:
        classifier: Classifier of `poison_estimator`; None where an evaluation hands one to `train`.
    """

    _estimator_requirements = ()

    def __init__(self, classifier: PyTorchClassifier | None) -> None:
        super().__init__(classifier)
        self.classifier = classifier

    @abstractmethod
    def train(
        self, estimator: PyTorchClassifier, x: Array, y: Labels, *, seed: int = 0, **fit_arguments: Any
    ) -> tuple[PyTorchClassifier, AttackRecord]:
        """As `BackdoorAttack`."""

    def poison_estimator(
        self, x: Array, y: Labels, batch_size: int = 128, nb_epochs: int = 10, **kwargs: Any
    ) -> PyTorchClassifier:
        """Train a copy of the classifier; afterwards `poison` triggers what that obeys.

        Args:
            x: Clean training samples, as in `train`.
            y: Labels of the samples.
            batch_size: Samples a step.
            nb_epochs: Passes over the data, as in `train`.
            **kwargs: Further arguments of `train`.

        Raises:
            ValueError: As `train`.
            TypeError: If the attack was made without a classifier, or an argument is unknown.
        """
        if self.classifier is None:
            raise TypeError("expected the attack to have a classifier, got None; train(estimator, x, y) takes one")
        copied = rule_of(self.classifier).copied().classifier
        trained, record = self.train(copied, x, y, batch_size=batch_size, nb_epochs=nb_epochs, **kwargs)
        self._take_over(record.attack)
        return trained

    def _take_over(self, learnt: Any) -> None:
        """What the attack has learned with the copy; nothing of one that learns nothing."""
