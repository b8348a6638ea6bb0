"""Where frames are active: the smart trigger chooses its place and polarity by it."""

from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

import numpy as np

from art_snn.typing import Array, Frames

Counting = Literal["reference", "pixels", "transitions"]

_SAMPLES_AT_ONCE = 16  # counted at once, which takes little memory however large the set is


class Activity(NamedTuple):
    """Activity of one mask of the frame, over all samples and time bins.

    Args:
        total: Number of active pixels, or of transitions.
        states: Numbers of the states "none", "on", "off" and "both", in this order (that of the NDSS codes).
    """

    total: int
    states: tuple[int, int, int, int]


def grid(n_lines: int, height: int, width: int) -> list[tuple[slice, slice]]:
    """Cut a frame into masks by `n_lines` lines each way, row by row; every pixel lies in one mask.

    Source: Abad et al., Sneaky Spikes, NDSS 2024, released code. That adds up fractions, which loses a border for some
    sizes; the whole numbers here give the same masks for all other sizes.

    >>> [(rows.start, rows.stop) for rows, columns in grid(2, 34, 34)[::3]]
    [(0, 11), (11, 22), (22, 34)]
    """
    parts = n_lines + 1
    rows, columns = (
        [slice(length * part // parts, length * (part + 1) // parts) for part in range(parts)]
        for length in (height, width)
    )
    return [(some_rows, some_columns) for some_rows in rows for some_columns in columns]


def measure(x: Frames, n_lines: int, counting: Counting) -> list[Activity]:
    """Measure the activity in each mask of the grid.

    Args:
        x: Frames (N, T, 2, H, W).
        n_lines: Lines of the grid each way.
        counting: "reference" as released: a pixel counts only where its count is exactly 1, "none" and "both" count
            channels rather than pixels; "pixels": each pixel and time bin counts for its one state, counts above 1
            too; "transitions": activity is the number of changes from one time bin to the next that do not end in
            "none", as in the paper.

    Source: Abad et al., Sneaky Spikes, NDSS 2024, https://arxiv.org/abs/2302.06279 ("transitions"), and its released
    code ("reference").
    """
    height, width = x.shape[-2:]
    totals, states = np.zeros((height, width), np.int64), np.zeros((4, height, width), np.int64)
    for start in range(0, len(x), _SAMPLES_AT_ONCE):
        some_totals, some_states = _MAPS[counting](x[start : start + _SAMPLES_AT_ONCE])
        totals += some_totals
        states += some_states
    return list(_by_mask(totals, states, n_lines))


def _by_mask(totals: Array, states: Array, n_lines: int) -> Iterator[Activity]:
    for rows, columns in grid(n_lines, *totals.shape):
        none, on, off, both = (int(state[rows, columns].sum()) for state in states)
        yield Activity(int(totals[rows, columns].sum()), (none, on, off, both))


def _reference(x: Frames) -> tuple[Array, Array]:
    """Maps (H, W) of activity and (4, H, W) of states."""
    off, on = x[:, :, 0], x[:, :, 1]
    none = _sum(off == 0) + _sum(on == 0)
    only_on, only_off = _sum((off == 0) & (on == 1)), _sum((off == 1) & (on == 0))
    both = _sum(off == 1) + _sum(on == 1)
    return only_on + only_off + both, np.stack([none, only_on, only_off, both])


def _pixels(x: Frames) -> tuple[Array, Array]:
    counts = _occupancy(_states(x))
    return counts[1:].sum(axis=0), counts


def _transitions(x: Frames) -> tuple[Array, Array]:
    states = _states(x)
    return _sum((states[:, 1:] != states[:, :-1]) & (states[:, 1:] != 0)), _occupancy(states)


_MAPS: dict[Counting, Callable[[Frames], tuple[Array, Array]]] = {
    "reference": _reference,
    "pixels": _pixels,
    "transitions": _transitions,
}


def _states(x: Frames) -> Array:
    """The state of each pixel, (N, T, H, W): 0 none, 1 on, 2 off, 3 both."""
    states: Array = (x[:, :, 1] != 0) + np.uint8(2) * (x[:, :, 0] != 0)
    return states


def _occupancy(states: Array) -> Array:
    """How often each pixel is in each state, (4, H, W)."""
    return np.stack([_sum(states == state) for state in range(4)])


def _sum(marks: Array) -> Array:
    """How often each pixel is marked, (H, W)."""
    counts: Array = marks.sum(axis=(0, 1), dtype=np.int64)
    return counts
