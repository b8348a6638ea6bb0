"""How well features of a layer tell two kinds of samples apart, asked of samples that nothing was fitted on."""

import math
from dataclasses import dataclass

import numpy as np

from art_snn.metrics import auroc
from art_snn.typing import Array

ALARMS = 0.05  # share of clean samples that a limit lets through as alarms
_LEAST = 4  # samples that can be halved
_FLOOR = 1e-3  # share of the mean variance that is added to each feature's


@dataclass(frozen=True, kw_only=True)
class Separation:
    """How well features tell triggered from clean samples: fitted on one half of them, asked on the other.

    Args:
        auroc: Chance that a triggered sample scores higher than a clean one; 0.5 is guessing.
        tpr: Share of triggered samples above the limit that 5 % of the clean samples of the first half exceed.
        fpr: Share of clean samples above this limit, the false alarms.
        n: Number of samples of either kind that were asked about.
    """

    auroc: float = math.nan
    tpr: float = math.nan
    fpr: float = math.nan
    n: int


def separation(clean: Array, triggered: Array) -> Separation:
    """How well rows of features tell two kinds of samples apart, by a diagonal linear discriminant.

    Every second sample fits the direction and the limit, the others are asked about.

    Args:
        clean: Features of clean samples, (N, F).
        triggered: Features of the same samples with the trigger, (N, F).

    Returns:
        Shares; NaN where there are fewer than 4 samples or a feature is not finite.

    Source: diagonal linear discriminant analysis, Dudoit et al., 2002, https://doi.org/10.1198/016214502753479248.
    """
    asked = clean[1::2], triggered[1::2]
    if len(clean) < _LEAST or not (np.isfinite(clean).all() and np.isfinite(triggered).all()):
        return Separation(n=len(asked[0]))
    fitted = clean[::2].astype(np.float64), triggered[::2].astype(np.float64)
    variance = (fitted[0].var(axis=0) + fitted[1].var(axis=0)) / 2
    direction = (fitted[1].mean(axis=0) - fitted[0].mean(axis=0)) / (variance + _FLOOR * variance.mean() + 1e-12)
    limit = np.quantile(fitted[0] @ direction, 1 - ALARMS)
    scores = [rows @ direction for rows in asked]
    is_triggered = np.repeat([False, True], [len(rows) for rows in scores])
    return Separation(
        auroc=auroc(is_triggered, np.concatenate(scores)),
        tpr=float((scores[1] > limit).mean()),
        fpr=float((scores[0] > limit).mean()),
        n=len(scores[0]),
    )
