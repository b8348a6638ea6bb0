"""Outlier limits that tolerate a poisoned minority."""

from typing import Annotated

import numpy as np
from scipy import stats

from art_snn._declared import Declared
from art_snn._validation import check_number
from art_snn.typing import Array

_DEVIATION_OF_NORMAL = float(stats.norm.ppf(3 / 4))  # median absolute deviation of a standard normal


def _check_rate(name: str, rate: float) -> None:
    check_number(name, rate)
    if not 0 < rate <= 1 / 2:
        raise ValueError(f"expected {name} in (0, 0.5], got {rate!r}")


FalseAlarmRate = Annotated[float, Declared("in (0, 0.5]", _check_rate)]


def upper_limit(scores: Array, rate: float) -> float:
    """Limit that a share `rate` of clean scores exceeds, if these are normal and the majority.

    The median and the median absolute deviation estimate mean and standard deviation; a poisoned minority moves them
    little. If more than half of the scores are equal, as in a network that hardly fires, the deviation is that of the
    other scores, and few scores exceed the limit.

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
