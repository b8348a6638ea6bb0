"""Samples that are larger than memory: rows that are made when they are read."""

import mmap
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from art_snn.typing import Array, Indices, Mask


class LazyRows:
    """Samples (N, ...) whose rows are made anew each time that they are read; this package takes them as arrays.

    Reading takes a number, a slice, row numbers or a mask, and gives an array; `np.asarray` makes all rows at once.

    Args:
        read: Makes the rows of these numbers (n,), as a new array (n, ...).
        shape: Shape of all samples, (N, ...).
        dtype: Data type of the rows; they come in the byte order of this machine, which torch needs.
    """

    def __init__(self, read: Callable[[Indices], Array], shape: tuple[int, ...], dtype: npt.DTypeLike) -> None:
        self.shape, self.ndim, self.dtype = shape, len(shape), np.dtype(dtype).newbyteorder("=")
        self._read, self._numbers = read, np.arange(shape[0])

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> Array:
        numbers = self._numbers[index]
        if np.ndim(numbers) > 1:
            raise IndexError(f"expected rows by number, slice or mask, got {index!r}; np.asarray makes an array")
        rows = self._read(np.atleast_1d(numbers)).astype(self.dtype, copy=False)
        row: Array = rows if np.ndim(numbers) else rows[0]
        return row

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"expected an array to have {name!r}, got LazyRows; np.asarray(x) makes an array of all rows"
        )

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> Array:
        if copy is False:
            raise ValueError("expected copy to be None or True for rows that are made when they are read, got False")
        return np.asarray(self[:], dtype)


def lazy_rows(read: Callable[[Indices], Array], shape: tuple[int, ...], dtype: npt.DTypeLike) -> Array:
    """`LazyRows` under the type of what they stand for."""
    return cast(Array, LazyRows(read, shape, dtype))


def is_mapped(x: Any) -> bool:
    """Whether samples are read from a file, or made, only when they are looked at.

    >>> is_mapped(np.zeros(3)), is_mapped(np.memmap("/dev/zero", mode="r", shape=3)[1:])
    (False, True)
    """
    while x is not None and not isinstance(x, LazyRows | mmap.mmap):
        x = getattr(x, "base", None)
    return x is not None


def rows_of(x: Array, rows: Indices | Mask) -> Array:
    """Some samples, which are copied only where they are in memory anyway."""
    if not is_mapped(x):
        return x[rows]
    numbers = np.arange(len(x))[rows]
    return lazy_rows(lambda some: x[numbers[some]], (len(numbers), *x.shape[1:]), x.dtype)
