"""What attacks share whose poison is computed on a network of the attacker's, by ART."""

from abc import abstractmethod
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from art.attacks import PoisoningAttackBlackBox
from art.estimators.classification import PyTorchClassifier

from art_snn._layouts import check_image_batch
from art_snn._parameters import Parameters
from art_snn._validation import check_class, check_same_length, check_unknown, class_indices, share_of_rows
from art_snn.attacks.poisoning._row_choice import target_labels
from art_snn.attacks.poisoning._sample_trigger import checked_labels, checked_samples
from art_snn.attacks.poisoning.adapters.adapter import Adapter
from art_snn.attacks.poisoning.patch import PatchTrigger
from art_snn.attacks.poisoning.poisoned import PoisonedDataset
from art_snn.attacks.poisoning.protocol import TrainsOnPoison
from art_snn.estimators.classification import rule_of
from art_snn.typing import Array, Labels, Mask


class Share(NamedTuple):
    """How many rows an attack may change.

    Args:
        n: Rows that it may change.
        n_target: Rows of the target class, of which these are.
        n_all: Rows of all classes.
    """

    n: int
    n_target: int
    n_all: int

    def of_target(self) -> float:
        """For ART, which rounds down: the share of the target class, below 1."""
        return min((self.n + 0.5) / self.n_target, 1 - 1e-9)

    def of_all(self) -> float:
        """For ART, which rounds down: the share of all rows."""
        return min((self.n + 0.5) / self.n_all, 1.0)


_ANY = Share(1, 2, 2)  # where no rows are poisoned


class CraftedAttack(Parameters, TrainsOnPoison, PoisoningAttackBlackBox):
    """An attack of ART's that changes rows of the target class and no label.

    Attributes:
        needs_classifier: That an experiment trains a network of the attacker's for it, see `with_classifier`.
        takes_frames: Whether it is for frames, too; else for images alone.
        reads_samples_raw: Whether ART asks the network without what stands before it, such as a normalisation.
        classifier: That network; None before.
    """

    needs_classifier: ClassVar[bool] = True
    takes_frames: ClassVar[bool] = False
    reads_samples_raw: ClassVar[bool] = False
    _estimator_requirements = ()

    classifier: PyTorchClassifier | None
    percent_poison: float
    seed: int

    def with_classifier(self, classifier: PyTorchClassifier) -> Self:
        """The same attack on a network of the attacker's.

        Args:
            classifier: Trained on clean samples, never the victim; spiking or not.

        Raises:
            ValueError: If the target class is none of its classes.
        """
        check_class("target_class", self.target_class, classifier.nb_classes)
        return type(self)(**{**self.get_params(), "classifier": classifier})

    def poison_dataset(self, x: Array, y: Labels) -> PoisonedDataset:
        """The training set with the poison in it, which is computed anew on each call.

        Args:
            x: Clean samples, N first, which are not changed.
            y: Labels of the samples, indices (N,) or one-hot (N, K).

        Raises:
            ValueError: If the attack has no network, samples and labels do not fit, a positive share comes to no row,
                or there are fewer rows of the target class.
            TypeError: If samples or labels are tensors, or not arrays.
        """
        x, y = self._checked(x), checked_labels(y)
        check_same_length("samples", x, "labels", y)
        return self._adapter(self._share(class_indices(y))).poison_dataset(x, y)

    def trigger_test(self, x: Array, y: Labels) -> tuple[Array, Mask]:
        """The test samples as the attacker shows them, and which of them count for success.

        Args:
            x: Clean test samples, N first, which are not changed.
            y: Labels of the samples, indices (N,) or one-hot (N, K).
        """
        return self._adapter(_ANY).trigger_test(self._checked(x), checked_labels(y))

    def poison(self, x: Array, y: Labels | None = None, **kwargs: Any) -> tuple[Array, Labels]:
        """Samples as the attacker shows them to the victim, and the label that they are to get.

        Args:
            x: Clean samples, N first, which are not changed.
            y: Labels of the samples, whose form the result takes; None for indices.
        """
        check_unknown(f"{type(self).__name__}.poison", kwargs)
        x = self._checked(x)
        form = np.zeros(len(x), np.int64) if y is None else checked_labels(y)
        check_same_length("samples", x, "labels", form)
        return self.trigger_test(x, form)[0], target_labels(self.target_class, form)

    def check_input_shape(self, shape: tuple[int, ...]) -> None:
        """Check that samples of a shape are of the kind that the attack takes.

        Raises:
            ValueError: If they are frames, which most of these attacks do not take.
        """
        if len(shape) == 4 and not self.takes_frames:
            raise ValueError(f"expected images for {type(self).__name__}, got frames of shape {shape}")

    @abstractmethod
    def _adapter(self, share: Share) -> Adapter:
        """ART's attack with these parameters."""

    def _checked(self, x: Any) -> Array:
        """Samples that ART's attack takes: images in [0, 1], or what else this attack does."""
        samples = checked_samples(x)
        if samples.ndim != 5 or not self.takes_frames:
            check_image_batch("images", samples)
            PatchTrigger(clip_values=(0.0, 1.0)).range_of(samples)
        return samples

    def _share(self, classes: Array) -> Share:
        n_target = int((classes == self.target_class).sum())
        n = share_of_rows("percent_poison", self.percent_poison, len(classes))
        if not 0 < n <= n_target:
            raise ValueError(
                f"expected percent_poison to come to 1 to {n_target} rows of class {self.target_class}, got {n} of "
                f"{len(classes)}"
            )
        return Share(n, n_target, len(classes))

    def _own(self) -> PyTorchClassifier:
        if self.classifier is None:
            raise ValueError("expected an attack with a network of the attacker's, got none; use with_classifier(…)")
        return self.classifier

    def _features(self, layer: int | None) -> int:
        """Number of the layer whose outputs are features: None is the last before the logits."""
        names = list(self._own().layer_names)
        last = -1 if rule_of(self._own()).is_spiking else -2  # of spiking networks the layers are their neurons
        number = last if layer is None else layer
        if not -len(names) <= number < len(names):
            raise ValueError(f"expected layer to be one of the {len(names)} layers, got {layer}")
        return number % len(names)

    def _one_hot(self, label: int) -> Array:
        check_class("the attack's class", label, self._own().nb_classes)
        one_hot: Array = np.eye(self._own().nb_classes, dtype=np.float32)[label]
        return one_hot


def check_source_class(source_class: int, target_class: int) -> None:
    """Check that samples to be taken for the target are of another class.

    Raises:
        ValueError: If they are of the target class.
    """
    if source_class == target_class:
        raise ValueError(f"expected source_class to be another than target_class, got {source_class} for both")
