"""Limits set by data of which a part may be poison."""

import numpy as np
from scipy import stats

from art_snn.typing import Array

_DEVIATION_OF_NORMAL = float(stats.norm.ppf(3 / 4))  # median absolute deviation of a standard normal


def check_rate(name: str, rate: float) -> None:
    """A share of clean samples that may be flagged: above 0, at most one half."""
    if not 0 < rate <= 1 / 2:
        raise ValueError(f"expected {name} in (0, 0.5], got {rate!r}")


def upper_limit(scores: Array, rate: float) -> float:
    """What a share `rate` of clean scores exceed, if these are normal and most of the scores given are theirs.

    Mean and standard deviation are estimated by the median and the median absolute deviation, which poison below one
    half moves little. Where more than half of the scores are equal, as those of a network that hardly fires are, they
    have no deviation; then that of the others is taken, which seldom lets any exceed the limit.

    >>> scores = np.concatenate([np.linspace(-1, 1, 101), np.full(10, 50.0)])
    >>> 1 < upper_limit(scores, rate=0.01) < 3
    True
    """
    median = float(np.median(scores))
    deviations = np.abs(scores - median)
    deviation = np.median(deviations)
    if deviation == 0 and deviations.any():
        deviation = np.median(deviations[deviations > 0])
    return median + float(stats.norm.ppf(1 - rate) * deviation) / _DEVIATION_OF_NORMAL
