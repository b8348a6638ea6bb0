"""Calibration samples, read and prepared a few at a time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from art_snn._layouts import layout_hint
from art_snn.typing import Array

_AT_ONCE, _NUMBERS_AT_ONCE = 32, 2**19  # samples, and numbers in them; larger batches measured no faster


@dataclass(frozen=True)
class JoinedArrays:
    """Two arrays of samples as one, of which only the slices taken are copied."""

    first: Array
    second: Array

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.result_type(self.first.dtype, self.second.dtype)

    def __len__(self) -> int:
        return len(self.first) + len(self.second)

    def __getitem__(self, index: Any) -> Array:
        """One sample, or a slice of them without a step."""
        n = len(self.first)
        if not isinstance(index, slice):
            sample: Array = self.first[index] if index < n else self.second[index - n]
            return sample
        start, stop, _ = index.indices(len(self))
        if stop <= n:
            return self.first[start:stop]
        return np.concatenate([self.first[start:n], self.second[max(0, start - n) : stop - n]])


@dataclass(frozen=True)
class Samples:
    """Samples, and the preparation that the network wants.

    Args:
        x: At least one sample, (N, C, H, W).
        batch_size: Number of samples that are read, prepared and moved to the device at once.
        prepare: Function that prepares an array of samples, each by itself.
    """

    x: Array | JoinedArrays
    batch_size: int
    prepare: Callable[[Array], Array]

    def batches(self, like: Tensor) -> Iterator[tuple[Tensor, int]]:
        """Yield batches with dtype and device of `like`, all of one size (padded with zeros), and how many are samples.

        For another batch size a library may sum in another order, which changes a deep network's output by 1e-6. In
        batches of one size each sample gets the same output wherever it stands and whatever stands beside it, which a
        test checks. So the size depends on the shape of a sample alone.
        """
        at_once = min(_AT_ONCE, max(1, _NUMBERS_AT_ONCE // max(1, self.x[0].size)))
        for start in range(0, len(self.x), self.batch_size):
            rows = self.prepare(self.x[start : start + self.batch_size])
            batch = as_tensor(rows).to(like)
            for samples in torch.split(batch, at_once):
                padding = samples.new_zeros(at_once - len(samples), *samples.shape[1:])
                yield torch.cat([samples, padding]), len(samples)


def as_tensor(rows: Array) -> Tensor:
    """Copy samples, which may be read-only, into this machine's byte order."""
    return torch.from_numpy(np.array(rows, rows.dtype.newbyteorder("="), order="C"))


@contextmanager
def layout_named(ann: nn.Module, name: str, shape: tuple[int, ...]) -> Iterator[None]:
    """Add to an error of the block, if the ANN does not take samples of this shape, the layout that they seem to have.

    What the ANN takes is guessed from the first convolution that it holds, which need not run first; so this alone
    refuses nothing.
    """
    try:
        yield
    except ValueError as error:
        first = next((layer for layer in ann.modules() if isinstance(layer, nn.Conv2d)), None)
        if first is None or len(shape) < 3 or (len(shape) == 4 and shape[1] == first.in_channels):
            raise
        guesses = ((first.in_channels, *pixels) for pixels in (shape[1:3], shape[-2:]))
        hint = next((hint for guess in guesses if (hint := layout_hint(shape, guess))), "")
        if not hint:
            raise
        expected = f"(N, {first.in_channels}, H, W)"
        raise ValueError(f"expected {name} of shape {expected}, got shape {shape}, which {hint}") from error
