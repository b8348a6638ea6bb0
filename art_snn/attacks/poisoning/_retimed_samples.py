"""Retime samples of either kind: move counts between the bins of frames, or give the events of a stream other times."""

from typing import Any

import numpy as np

from art_snn._free_space import check_memory
from art_snn.attacks.poisoning._retiming_moves import Moves, Retimed
from art_snn.events import SplitBy, Window, bin_borders, bin_edges
from art_snn.typing import Array, Events, Frames, Indices

_CELLS_AT_ONCE = 2**20  # values of frames whose events are moved at once
_BYTES_AN_EVENT = 100  # that are in use meanwhile


def retimed_frames(x: Frames, moves: Moves) -> Frames:
    """Frames (N, T, 2, H, W), or (T, 2, H, W), whose events have moved.

    Raises:
        ValueError: If they are no whole counts, or a value would exceed what the dtype holds exactly.
        MemoryError: If the events do not fit into memory.
    """
    retimed = np.empty(x.shape, x.dtype)
    samples, out = (one if x.ndim == 5 else one[None] for one in (x, retimed))
    n_at_once = max(1, _CELLS_AT_ONCE // max(1, moves.priorities.size))
    for start in range(0, len(samples), n_at_once):
        some = slice(start, start + n_at_once)
        _retime(samples[some], moves, out[some])
    return retimed


def retimed_stream(events: Events, moves: Moves, split_by: SplitBy, window: Window | None) -> Events:
    """A stream whose events in the bins of the frames, `split_by` in a window, have moved; in order of time.

    Raises:
        ValueError: If a bin to which events move holds no whole µs, or the field t not their new times.
    """
    n_bins, _, height, width = moves.priorities.shape
    borders = bin_borders(events, n_bins, split_by, window=window)
    some = events[borders[0] : borders[-1]]
    bins = np.repeat(np.arange(n_bins), np.diff(borders))
    x, y, p = (some[name].astype(np.int64) for name in ("x", "y", "p"))
    cells = ((bins * 2 + p) * height + y) * width + x
    order = np.argsort(cells, kind="stable")
    found, (targets, donors) = moves.retime(cells[order], 1), np.empty((2, len(cells)), np.int64)
    targets[order], donors[order] = found.bins, order[found.donors]
    times = some["t"].astype(np.int64)[donors]
    leaving = np.flatnonzero(targets != bins[donors])
    if len(leaving):
        edges = bin_edges(events, n_bins, split_by, window=window)
        times[leaving] = _carried(times[leaving], bins[leaving], targets[leaving], edges, split_by)
    return _with_times(events, slice(borders[0], borders[-1]), times)


def _retime(x: Frames, moves: Moves, out: Frames) -> None:
    """Write into `out` what `x`, some samples, become."""
    if x.dtype.kind == "f" and (fractions := x[x != np.floor(x)]).size:
        got = float(fractions[0])
        raise ValueError(f"expected frames of whole counts, as events move whole, got {got}; give them before scaling")
    counts = np.ascontiguousarray(x).reshape(-1)
    check_memory(f"the events of {len(x)} samples", int(counts.sum(dtype=float)) * _BYTES_AN_EVENT, "choose fewer bins")
    lit = np.flatnonzero(counts)
    cells = np.repeat(lit, counts[lit].astype(np.int64))
    bin_size = moves.priorities[0].size
    found: Retimed = moves.retime(cells, len(x))
    cells += (found.bins - cells // bin_size % len(moves.targets)) * bin_size
    moved = np.bincount(cells, minlength=out.size)
    if (most := moved.max(initial=0)) > _largest(out.dtype):
        raise ValueError(
            f"expected frames of a dtype that holds {most} events a pixel and time bin, as they come together, got "
            f"{out.dtype}; widen it before the trigger"
        )
    out[...] = moved.reshape(out.shape)


def _largest(dtype: np.dtype[Any]) -> int:
    """The largest count up to which a dtype holds each exactly."""
    if dtype.kind == "f":
        return 2 << int(np.finfo(dtype).nmant)
    return 1 if dtype.kind == "b" else int(np.iinfo(dtype).max)


def _carried(times: Indices, bins: Indices, targets: Indices, edges: Indices, split_by: SplitBy) -> Indices:
    """Times in other bins, at the same place within the bin."""
    durations = np.diff(edges)
    if split_by != "count" and not durations[targets].all():
        got = f"a window of {edges[-1] - edges[0]} µs"
        raise ValueError(f"expected {len(durations)} bins of at least 1 µs each, got {got}")
    scales = durations[targets] / np.maximum(durations[bins], 1)
    within: Array = ((times - edges[bins]) * scales).astype(np.int64)
    carried: Indices = edges[targets] + np.minimum(within, np.maximum(durations[targets] - 1, 0))
    return carried


def _with_times(events: Events, part: slice, times: Indices) -> Events:
    """A stream with other times in one part, in order of time."""
    retimed = events.copy()
    retimed["t"][part] = times
    if not np.array_equal(retimed["t"][part], times):
        raise ValueError(
            f"expected a field t that holds the moved events' {times.min()} to {times.max()} µs, got dtype "
            f"{events.dtype['t']}; widen it, as make_events does"
        )
    return retimed.take(np.argsort(retimed["t"], kind="stable"))
