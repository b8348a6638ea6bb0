"""What an evaluation asks of any backdoor attack: to train a classifier, and to show what it has learned."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, runtime_checkable

from art.estimators.classification import PyTorchClassifier

from art_snn.attacks.poisoning.poisoned import PoisonedDataset, PoisonedRows, poisoned_rows
from art_snn.estimators.classification import TrainingData, rule_of
from art_snn.typing import Array, Labels, Mask


class AttackRecord(NamedTuple):
    """What came of the training of one classifier under an attack.

    Args:
        attack: The attack as the classifier has learned it: its `trigger_test` makes what the classifier obeys.
        poisoned: Which training samples were changed.
        control: Makes of a clean classifier, which it leaves alone, one to which everything was done that needs no
            poison, such as moving thresholds: what the trigger does to that is the floor. None where that is nothing.
    """

    attack: "BackdoorAttack"
    poisoned: PoisonedRows
    control: Callable[[PyTorchClassifier], PyTorchClassifier] | None = None


@runtime_checkable
class BackdoorAttack(Protocol):
    """An attack that takes part in the training of a classifier.

    Attributes:
        target_class: Index of the class that triggered samples should be classified as.
    """

    target_class: int

    def train(
        self, estimator: PyTorchClassifier, x: Array, y: Labels, *, seed: int = 0, **fit_arguments: Any
    ) -> tuple[PyTorchClassifier, AttackRecord]:
        """Train a classifier from the weights that it has, under the attack, which is not changed itself.

        Args:
            estimator: The classifier, which is trained in place.
            x: Clean training samples, (N, ...), which are not changed.
            y: Labels of the samples, indices (N,) or one-hot (N, K).
            seed: Seed of all draws.
            **fit_arguments: As those of `fit`, such as `batch_size`, `nb_epochs`, `scheduler` and `verbose`.

        Returns:
            The classifier with the backdoor, the one given or another that takes its place, and what came of it.
        """

    def trigger_test(self, x: Array, y: Labels) -> tuple[Array, Mask]:
        """The test samples as the attacker shows them, (N, ...), and which of them count for success, (N,).

        Args:
            x: Clean test samples, (N, ...), which are not changed.
            y: Labels of the samples, indices (N,) or one-hot (N, K).
        """


@runtime_checkable
class DataAttack(BackdoorAttack, Protocol):
    """An attack on data alone: whoever trains on the poisoned set, by whatever rule, plants the backdoor."""

    def poison_dataset(self, x: Array, y: Labels) -> PoisonedDataset:
        """The training set with the poison in it, of the same N rows.

        Args:
            x: Clean samples, (N, ...), which are not changed.
            y: Labels of the samples, indices (N,) or one-hot (N, K).
        """


class TrainsOnPoison(ABC):
    """How an attack on data trains a classifier: it poisons them once, and every step of the training sees them."""

    target_class: int

    @abstractmethod
    def poison_dataset(self, x: Array, y: Labels) -> PoisonedDataset:
        """As `DataAttack`."""

    @abstractmethod
    def trigger_test(self, x: Array, y: Labels) -> tuple[Array, Mask]:
        """As `BackdoorAttack`."""

    def train(
        self, estimator: PyTorchClassifier, x: Array, y: Labels, *, seed: int = 0, **fit_arguments: Any
    ) -> tuple[PyTorchClassifier, AttackRecord]:
        """Poison the samples and train a classifier on them, each step of its learning rule in turn.

        Args:
            estimator: The classifier, which is trained in place.
            x: Clean training samples, (N, ...), which are not changed.
            y: Labels of the samples, indices (N,) or one-hot (N, K).
            seed: Seed of the order of samples, of dropout and of Poisson draws.
            **fit_arguments: As those of `fit`, such as `batch_size` and `nb_epochs`.

        Returns:
            The classifier, and which samples were poisoned.
        """
        dataset, rule = self.poison_dataset(x, y), rule_of(estimator)
        for step in rule.training_steps:
            n_epochs = rule.n_epochs(step)
            own = {} if n_epochs is None else {"nb_epochs": n_epochs}
            rule.train_step(step, TrainingData(dataset.x, dataset.y), seed=seed, **{**fit_arguments, **own})
        return estimator, AttackRecord(self, poisoned_rows(x, dataset))
