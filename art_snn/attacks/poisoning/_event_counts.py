"""Give a stream of events other counts: the few events that differ are inserted or removed, all others stay."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from art_snn._validation import check_counts
from art_snn.attacks.poisoning._event_insertion import keep_ends, new_events, warn_of_lost_ends
from art_snn.events import SensorSize, SplitBy, Window, bin_borders, bin_centres, check_events, check_sensor_size
from art_snn.typing import Array, Events, Frames, Indices, Mask


def with_counts(
    events: Events,
    frames: Frames,
    sensor_size: SensorSize,
    *,
    split_by: SplitBy = "time",
    window: Window | None = None,
) -> Events:
    """The stream that bins to given counts and differs from the one given in as few events as that takes.

    Of a pixel and polarity with too many events in a bin, the last ones go; with too few, new ones come at the middle
    of the bin. Events outside `window` stay. The first and the last event give their times to their neighbours in the
    bin where they go, so that the recording lasts as long as before; with a warning where there is none.

    Args:
        events: One stream.
        frames: Counts (T, 2, H, W), whole numbers from 0 up.
        sensor_size: Width and height in pixels.
        split_by: Rule that cuts the bins: "time", or a duration in µs. Not "count": each new event would move them.
        window: Interval (start, stop) in µs that the bins cover; None is the recording itself, (first, last + 1).

    Raises:
        ValueError: If the counts are no whole numbers, do not fit the sensor, are cut by "count", or a bin that needs
            an event holds no whole µs.
    """
    width, height, _ = check_sensor_size(sensor_size)
    check_events(events, sensor_size)
    counts = _checked_counts(frames, (2, height, width))
    check_keeps_bins(split_by)
    borders = bin_borders(events, len(counts), split_by, window=window)
    is_kept, missing = _compared(events, borders, counts)
    new = _lacking(events, missing, split_by, window)
    chosen = np.flatnonzero(is_kept)
    bins = np.searchsorted(borders, chosen, side="right") - 1
    places = np.searchsorted(events["t"][chosen], new["t"], side="right")
    stamped = np.insert(events[chosen], places, new)
    keep_ends(stamped, np.insert(bins, places, np.nonzero(missing)[0].repeat(missing[missing > 0])), events, borders)
    if window is None:
        warn_of_lost_ends(stamped, events, stacklevel=2)
    return stamped


def each_with_counts(
    streams: Events | Sequence[Events],
    frames: Frames,
    sensor_size: SensorSize,
    split_by: SplitBy,
    window: Window | None,
) -> Events:
    """Streams (N,) that bin to given frames (N, T, 2, H, W), each as `with_counts`."""
    found = np.empty(len(streams), object)
    for row, (stream, counts) in enumerate(zip(streams, frames, strict=True)):
        found[row] = with_counts(stream, counts, sensor_size, split_by=split_by, window=window)
    return found


def check_keeps_bins(split_by: SplitBy) -> None:
    """Check that bins stay where they are when events come or go.

    Raises:
        ValueError: If they are cut by "count".
    """
    if split_by == "count":
        raise ValueError("expected split_by to be 'time' or a duration in µs, got 'count': new events move such bins")


def _checked_counts(frames: Frames, shape: tuple[int, ...]) -> Array:
    counts = np.asarray(frames)
    if counts.ndim != 4 or counts.shape[1:] != shape:
        raise ValueError(f"expected frames of shape (T, {', '.join(map(str, shape))}), got shape {counts.shape}")
    check_counts("frames", counts)
    whole = counts.astype(np.int64)
    if not np.array_equal(whole, counts):
        raise ValueError("expected frames of whole numbers, got fractions: no camera sends a part of an event")
    return whole


def _compared(events: Events, borders: Indices, counts: Array) -> tuple[Mask, Array]:
    """Which events stay, and how many each bin, polarity, row and column lacks, (T, 2, H, W)."""
    is_kept, missing = np.ones(len(events), bool), counts.copy()
    for number, (start, stop) in enumerate(pairwise(borders)):
        part = events[start:stop]
        cells = np.ravel_multi_index(tuple(part[name].astype(np.int64) for name in ("p", "y", "x")), counts.shape[1:])
        order = np.argsort(cells, kind="stable")
        is_first = np.diff(cells[order], prepend=-1) != 0
        ranks = np.arange(len(order)) - np.maximum.accumulate(np.where(is_first, np.arange(len(order)), 0))
        wanted = counts[number].ravel()
        is_kept[start + order] = ranks < wanted[cells[order]]
        missing[number] -= np.bincount(cells, minlength=wanted.size).reshape(counts.shape[1:])
    return is_kept, np.maximum(missing, 0)


def _lacking(events: Events, missing: Array, split_by: SplitBy, window: Window | None) -> Events:
    """The events that are lacking, in the order of time, each in the middle of its bin."""
    numbers, p, y, x = (axis.repeat(missing[missing > 0]) for axis in np.nonzero(missing))
    if not len(numbers):
        return events[:0]
    times = bin_centres(events, len(missing), split_by, window=window)[numbers]
    return new_events(events.dtype, t=times, p=p, y=y, x=x)
