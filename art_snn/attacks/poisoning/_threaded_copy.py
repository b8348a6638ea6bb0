"""Copy the samples that are to be poisoned, with several threads where they are large."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import joblib
import numpy as np

from art_snn.typing import Array

_LARGE = 8 * 2**20  # bytes from which threads pay
_MOST_THREADS = 4  # more do not copy faster


def copied(x: Array) -> Array:
    """Copy an array.

    Half of the time of a large copy is spent waiting for new pages of memory, which several threads share.

    >>> copied(np.arange(3))
    array([0, 1, 2])
    """
    if x.nbytes < _LARGE or x.dtype.hasobject:
        return x.copy()
    copy = np.empty(x.shape, x.dtype)
    n_threads = min(_MOST_THREADS, joblib.cpu_count())
    borders = [len(x) * part // n_threads for part in range(n_threads + 1)]

    def copy_rows(ends: tuple[int, int]) -> None:
        np.copyto(copy[slice(*ends)], x[slice(*ends)])  # releases the interpreter's lock

    with ThreadPoolExecutor(n_threads) as pool:
        list(pool.map(copy_rows, pairwise(borders)))
    return copy
