"""A poisoned training set that may exceed memory: a sample gets its trigger when it is read."""

from collections.abc import Callable

import numpy as np
from torch.utils.data import Dataset

from art_snn.lazy_rows import lazy_rows
from art_snn.typing import Array, Indices, Labels, Mask


class LazilyPoisoned(Dataset[tuple[Array, Labels]]):
    """Pairs of a sample and its label, the poisoned ones triggered; made by `TriggerBackdoor.poison_lazily`.

    Each read gives the same sample, as a new array in this machine's byte order, which torch needs. torch's DataLoader
    makes batches of them, and ART's PyTorchDataGenerator takes that loader.

    Args:
        x: Clean samples, N first, which are not copied and may be memory-mapped.
        y: Poisoned labels, N first.
        is_poison: True for the rows that get the trigger, shape (N,).
        y_clean: Labels before the attack.
        trigger: Function from a batch to the triggered batch.

    Attributes:
        samples: All samples, to be read as an array.
    """

    def __init__(
        self, x: Array, y: Labels, is_poison: Mask, y_clean: Labels, trigger: Callable[[Array], Array]
    ) -> None:
        self.x, self.y, self.is_poison, self.y_clean = x, y, is_poison, y_clean
        self.samples = lazy_rows(self._read, x.shape, x.dtype)
        self._trigger = trigger

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, row: int) -> tuple[Array, Labels]:
        return np.array(self.samples[row]), self.y[row]  # a stream is not copied by being read

    def _read(self, rows: Indices) -> Array:
        samples, is_poison = self.x[rows], self.is_poison[rows]
        if is_poison.any():
            samples[is_poison] = self._trigger(samples[is_poison])
        return samples
