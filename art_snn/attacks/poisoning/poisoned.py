"""A training set with poison in it, and what an attack has changed in one."""

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from art_snn._validation import class_indices
from art_snn.typing import Array, Indices, Labels, Mask

_VALUES_AT_ONCE = 1 << 17  # compared at once, in eight bytes each: the samples may be larger than memory


class PoisonedDataset(NamedTuple):
    """A training set with a backdoor in it, all of N rows in the order of the clean set.

    Args:
        x: Samples, the poisoned ones with the trigger.
        y: Labels, those of poisoned rows of other classes changed to the target class; same form as the clean labels.
        is_poison: True for the rows with the trigger, shape (N,).
        y_clean: Labels before the attack.
    """

    x: Array
    y: Labels
    is_poison: Mask
    y_clean: Labels


@dataclass(frozen=True, kw_only=True)
class PoisonedRows:
    """Which rows of a training set an attack changed, and by how much.

    Args:
        rows: Numbers of the changed rows, in rising order.
        classes: True class of each changed row; files hold only how many of each class there are.
        n_relabelled: How many of the changed rows bear another label than before.
        largest_change: Largest difference of a value in a changed row, in the samples' unit; NaN for event streams.
        mean_change: Mean absolute difference of all values in changed rows; NaN for event streams, 0 for no rows.
        n_events: How many events the changed streams have more than before, all together; None for other samples.
    """

    rows: tuple[int, ...]
    classes: tuple[int, ...] = field(default=(), repr=False, compare=False)
    n_relabelled: int
    largest_change: float
    mean_change: float
    n_events: int | None = None


def poisoned_rows(x: Array, dataset: PoisonedDataset) -> PoisonedRows:
    """Compare a training set with its clean samples.

    Args:
        x: Clean samples, (N, ...), or event streams (N,).
        dataset: What the attack made of these samples.
    """
    rows = np.flatnonzero(dataset.is_poison)
    before, after = (class_indices(y)[rows] for y in (dataset.y_clean, dataset.y))
    is_stream = x.dtype == object
    largest, mean = (math.nan, math.nan) if is_stream else _changes(x, dataset.x, rows)
    return PoisonedRows(
        rows=tuple(rows.tolist()),
        classes=tuple(before.tolist()),
        n_relabelled=int((before != after).sum()),
        largest_change=largest,
        mean_change=mean,
        n_events=sum(len(dataset.x[row]) - len(x[row]) for row in rows) if is_stream else None,
    )


def _changes(clean: Array, poisoned: Array, rows: Indices) -> tuple[float, float]:
    """The largest and the mean absolute difference of values in some rows."""
    largest, total, n_values = 0.0, 0.0, 0
    n_at_once = max(1, _VALUES_AT_ONCE // max(1, math.prod(clean.shape[1:])))
    for start in range(0, len(rows), n_at_once):
        some = rows[start : start + n_at_once]
        change = np.abs(np.asarray(poisoned[some], np.float64) - clean[some])
        largest, total = max(largest, float(change.max())), total + float(change.sum())
        n_values += change.size
    return largest, total / max(1, n_values)
