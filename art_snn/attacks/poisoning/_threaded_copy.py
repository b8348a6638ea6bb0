"""The one copy that poisoning makes of its samples, by several threads where it is large."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import joblib
import numpy as np

from art_snn.typing import Array

_LARGE = 8 * 2**20  # bytes, about where starting threads begins to pay
_MOST_THREADS = 4  # the memory has no more to give


def copied(x: Array) -> Array:
    """A new array with the values of `x`.

    Half of the time of a large copy goes into new pages of memory, which one thread waits for and several do not.

    >>> copied(np.arange(3))
    array([0, 1, 2])
    """
    if x.nbytes < _LARGE or x.dtype.hasobject:
        return x.copy()
    copy = np.empty(x.shape, x.dtype)
    n_threads = min(_MOST_THREADS, joblib.cpu_count())
    borders = [len(x) * part // n_threads for part in range(n_threads + 1)]

    def copy_rows(ends: tuple[int, int]) -> None:
        np.copyto(copy[slice(*ends)], x[slice(*ends)])  # without the interpreter's lock

    with ThreadPoolExecutor(n_threads) as pool:
        list(pool.map(copy_rows, pairwise(borders)))
    return copy
