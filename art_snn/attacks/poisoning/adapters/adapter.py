"""What all adapters share: ART's attack is run under a seed, and only the rows that it means to change are changed."""

import copy
import io
from abc import abstractmethod
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from typing import Any

import numpy as np
from art.attacks import Attack

from art_snn._random import host_seed
from art_snn._validation import check_at_least, check_same_length, class_indices
from art_snn.attacks.poisoning._sample_trigger import checked_labels, checked_samples
from art_snn.attacks.poisoning._threaded_copy import copied
from art_snn.attacks.poisoning.poisoned import PoisonedDataset
from art_snn.attacks.poisoning.protocol import TrainsOnPoison
from art_snn.typing import Array, Indices, Labels, Mask

Form = Callable[[Array], Array]


class Adapter(TrainsOnPoison):
    """One of ART's attacks, none of which changes labels, for `BackdoorEvaluation`.

    Args:
        attack: The attack, with the classifier of the attacker's own on which it makes its samples.
        target_class: Index of the class that it aims at.
        seed: Seed of whatever ART's attack draws.
    """

    def __init__(self, attack: Attack, target_class: int, seed: int = 0) -> None:
        check_at_least("seed", seed, 0)
        check_at_least("target_class", target_class, 0)
        self.attack, self.target_class, self.seed = attack, int(target_class), seed

    def __repr__(self) -> str:
        return f"adapted({type(self.attack).__name__}, target_class={self.target_class}, seed={self.seed})"

    def poison_dataset(self, x: Array, y: Labels) -> PoisonedDataset:
        """The training set with ART's poison in it; samples that the attack does not choose stay as they are.

        Frames and samples of whole numbers get whole numbers, not negative: ART's values are rounded.

        Args:
            x: Clean images (N, C, H, W) or frames (N, T, 2, H, W), which are not changed.
            y: Labels of the samples, indices (N,) or one-hot (N, K).

        Raises:
            ValueError: If samples and labels do not fit, or the attack finds nothing to poison.
            TypeError: If samples or labels are tensors, or not arrays.
        """
        x, y = checked_samples(x), checked_labels(y)
        check_same_length("samples", x, "labels", y)
        if x.dtype == object:
            raise TypeError(f"expected images or frames for {self}, got event streams; bin them into frames first")
        form = partial(in_form, like=x)
        rows, samples = self._crafted(copy.copy(self.attack), x, y, form)
        poisoned = copied(x)
        poisoned[rows] = form(samples)
        is_poison = np.zeros(len(x), bool)
        is_poison[rows] = (poisoned[rows] != x[rows]).reshape(len(rows), -1).any(axis=1)
        return PoisonedDataset(poisoned, y.copy(), is_poison, y.copy())

    @abstractmethod
    def trigger_test(self, x: Array, y: Labels) -> tuple[Array, Mask]:
        """The test samples as the attacker shows them, and which of them count for success.

        Args:
            x: Clean test samples, (N, ...), which are not changed.
            y: Labels of the samples, indices (N,) or one-hot (N, K).
        """

    @abstractmethod
    def _poison(self, attack: Any, x: Array, y: Array, form: Form) -> tuple[Indices, Array]:
        """The rows that an attack, which may change, poisons, and what it makes of them.

        Args:
            attack: A copy of ART's attack.
            x: Samples (N, ...), float32, which may be changed.
            y: One-hot labels (N, K), float32.
            form: Makes samples of the given type of ART's values.
        """

    def _crafted(self, attack: Any, x: Array, y: Labels, form: Form) -> tuple[Indices, Array]:
        """What `_poison` gives, under the seed and without what ART prints."""
        one_hot = np.eye(self._nb_classes, dtype=np.float32)[class_indices(y, self._nb_classes)]
        told = io.StringIO()  # ART's attacks print, show progress unasked, and draw globally
        with host_seed(self.seed), redirect_stdout(told), redirect_stderr(told):
            rows, samples = self._poison(attack, x.astype(np.float32), one_hot, form)
        if not np.isfinite(samples).all():
            raise ValueError(
                f"expected poison of finite values for {self}, got NaN: its network may be silent; train it longer, or "
                "choose another layer"
            )
        return rows, samples

    @property
    def _nb_classes(self) -> int:
        """K of the attacker's classifier."""
        classifier = getattr(self.attack, "proxy_classifier", None) or self.attack.estimator
        return int(classifier.nb_classes)


def in_form(values: Array, like: Array) -> Array:
    """ART's values as samples like others: whole numbers, not negative, for frames and for whole numbers."""
    if like.ndim != 5 and like.dtype.kind == "f":
        return values.astype(like.dtype)
    top = np.iinfo(like.dtype).max if like.dtype.kind in "iu" else np.inf
    return np.clip(np.rint(values), 0, top).astype(like.dtype)


def class_of(one_hot: Any, what: str) -> int:
    """The class that ART's attack names by a one-hot label (K,).

    Raises:
        ValueError: If it is something else.
    """
    label = np.asarray(one_hot)
    if label.ndim != 1 or len(label) < 2:
        raise ValueError(f"expected the attack's {what} as a one-hot label (K,), got {one_hot!r}")
    return int(class_indices(label[None])[0])
