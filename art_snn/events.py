"""Event streams of a neuromorphic camera: their rules, their time bins and the frames that they fill.

A stream is a structured array with the fields x, y (pixels), t (µs) and p (0 = OFF, 1 = ON) in any order, sorted by
time. So a bin, whether cut by time or by count, is a slice of the stream, given by its borders.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeGuard

import numpy as np
import numpy.typing as npt

from art_snn._arrays import FIELDS as FIELDS
from art_snn._arrays import described, is_tensor
from art_snn._arrays import is_stream as is_stream
from art_snn._free_space import check_memory
from art_snn._validation import check_at_least, whole_numbers
from art_snn.typing import Array, Events, Frames, Indices

EVENT_DTYPE = np.dtype([("x", np.int16), ("y", np.int16), ("t", np.int64), ("p", np.uint8)])
COORDINATE_LIMIT = int(np.iinfo(EVENT_DTYPE["x"]).max) + 1
TIME_LIMIT = 1 << 62  # µs: differences of times, and a time plus 1, fit into 64 bits
_ANY_SENSOR = COORDINATE_LIMIT, COORDINATE_LIMIT

SensorSize = tuple[int, int] | tuple[int, int, int]  # (width, height) or tonic's (width, height, 2)
SplitBy = Literal["count", "time"] | int  # int: the duration of each bin, µs
Window = tuple[int, int]  # (start, stop), µs, half-open


def to_frames(
    events: Events | Iterable[Events],
    sensor_size: SensorSize,
    n_bins: int,
    split_by: SplitBy = "count",
    *,
    window: Window | None = None,
    dtype: npt.DTypeLike = np.uint8,
    saturate: bool = False,
) -> Frames:
    """Count the events of each pixel, polarity and time bin.

    Events outside `window`, or after the last bin of a fixed duration, are left out. A stream without events gives
    empty frames.

    Args:
        events: One stream, or an object array (N,) of streams.
        sensor_size: Width and height in pixels.
        n_bins: Number T of time bins.
        split_by: Rule that cuts the bins. "count": each holds E // T of the E events, the last also the rest; "time": T
            equal half-open intervals of `window`; a whole number: T intervals of that many µs from the start of
            `window`.
        window: Interval (start, stop) in µs, half-open; None is (first, last + 1) of each stream.
        dtype: Dtype of the counts, one of whole numbers.
        saturate: Whether a count above the largest value of `dtype` becomes that value instead of an error.

    Returns:
        Counts of shape (T, 2, H, W), or (N, T, 2, H, W); channel 0 holds OFF, 1 ON.

    Raises:
        ValueError: If a stream breaks a rule of `check_events`, or a count exceeds `dtype` without `saturate`.
        MemoryError: If the frames do not fit into memory.

    Source: Abad et al., Sneaky Spikes, 2024, https://arxiv.org/abs/2302.06279, section V-A; "count" is SpikingJelly's
    splitting by number.

    >>> stream = make_events(x=[0, 1, 1], y=[0, 0, 0], t=[5, 6, 9], p=[1, 0, 0])
    >>> to_frames(stream, (2, 1), n_bins=2, split_by="time").tolist()
    [[[[0, 1]], [[1, 0]]], [[[0, 1]], [[0, 0]]]]
    """
    width, height, _ = check_sensor_size(sensor_size)
    check_bins(n_bins, split_by)
    dtype = np.dtype(dtype)
    if dtype.kind not in "iu":
        raise TypeError(f"expected dtype to be one of whole numbers, got {dtype}; convert the frames afterwards")
    streams = streams_of(events)
    shape = (len(streams), n_bins, 2, height, width)
    check_memory(f"{len(streams)} samples of n_bins={n_bins}", math.prod(shape) * dtype.itemsize, "choose fewer")
    frames = np.empty(shape, dtype)
    for rows, stream in zip(frames, streams, strict=True):
        check_events(stream, sensor_size)
        _count(stream, bin_borders(stream, n_bins, split_by, window=window), rows, saturate)
    return frames[0] if is_stream(events) else frames


def make_events(x: npt.ArrayLike, y: npt.ArrayLike, t: npt.ArrayLike, p: npt.ArrayLike) -> Events:
    """Make one stream of dtype `EVENT_DTYPE` from its four columns, and check it.

    Args:
        x: Columns of the sensor, pixels.
        y: Rows of the sensor, pixels.
        t: Times in µs, in order.
        p: Polarities: 0 or False for OFF, 1 or True for ON.

    Raises:
        ValueError: If the columns differ in length, or break a rule of `check_events`.
        TypeError: If they hold anything but whole numbers.
    """
    columns = [np.asarray(column) for column in (x, y, t, p)]
    columns = [column.astype(np.int64) if column.size == 0 else column for column in columns]
    shapes = {column.shape for column in columns}
    if len(shapes) > 1 or columns[0].ndim != 1:
        raise ValueError(f"expected x, y, t and p of one shape (E,), got shapes {sorted(shapes)}")
    _check_columns(*columns, width=COORDINATE_LIMIT, height=COORDINATE_LIMIT)
    events = np.empty(len(columns[0]), EVENT_DTYPE)
    for field, column in zip(FIELDS, columns, strict=True):
        events[field] = column
    return events


def streams_of(events: Events | Iterable[Events]) -> list[Events]:
    """Read one stream or several as a list of streams; the events are not checked.

    Args:
        events: One stream, or an object array (N,), a list or another collection of streams.

    Raises:
        TypeError: If it is anything else; the error says what it is, and the call that makes streams of it.
    """
    if is_stream(events) and events.ndim == 1:
        return [events]
    if not _is_collection(events):
        raise _no_stream(events)
    streams: list[Events] = []
    for stream in events:  # stop at the first that is none: a data set may have no end
        streams.append(stream)
        if not is_stream(stream) or stream.ndim != 1:
            raise _no_stream(events if isinstance(events, np.ndarray) else streams)
    return streams


def stack_streams(events: Iterable[Events]) -> Events:
    """Put streams into an object array (N,), the form of all data sets of events.

    >>> stack_streams([make_events([0], [0], [5], [1]), make_events([], [], [], [])]).shape
    (2,)
    """
    streams = streams_of(events)
    stacked = np.empty(len(streams), object)
    for row, stream in enumerate(streams):  # np.array would make a matrix of streams of one length
        stacked[row] = stream
    return stacked


def check_events(events: Events, sensor_size: SensorSize | None = None) -> None:
    """Check one stream: on the sensor, if its size is known, in order of time, polarities 0 and 1.

    Raises:
        TypeError: If it is not a structured array with the fields x, y, t and p of whole numbers.
        ValueError: If an event breaks a rule; the first one is named.
    """
    width, height, _ = check_sensor_size(_ANY_SENSOR if sensor_size is None else sensor_size)
    if not is_stream(events):
        got = getattr(events, "dtype", type(events))
        raise TypeError(f"expected a structured array with the fields x, y, t, p, got {got}")
    if events.ndim != 1:
        raise ValueError(f"expected a stream of shape (E,), got shape {events.shape}")
    _check_columns(*(events[field] for field in FIELDS), width=width, height=height)


def check_sensor_size(sensor_size: SensorSize) -> tuple[int, int, int]:
    """Check a sensor size, `(W, H)` or `(W, H, 2)` in pixels, and return `(W, H, 2)`."""
    size = whole_numbers("sensor_size", sensor_size, "(width, height) or (width, height, 2)")
    if len(size) not in (2, 3) or size[2:] not in ((), (2,)):
        raise ValueError(f"expected sensor_size to be (width, height) or (width, height, 2), got {sensor_size!r}")
    check_at_least("the sensor's width", size[0], 1)
    check_at_least("the sensor's height", size[1], 1)
    return size[0], size[1], 2


def check_bins(n_bins: int, split_by: SplitBy) -> None:
    """Check for at least one bin, split by "count", "time" or a duration of at least 1 µs."""
    check_at_least("n_bins", n_bins, 1)
    if not isinstance(split_by, str):
        check_at_least("split_by, a duration in µs,", split_by, 1)
    elif split_by not in ("count", "time"):
        raise ValueError(f"expected split_by to be 'count', 'time' or a duration in µs, got {split_by!r}")


def check_window(window: Window) -> Window:
    """Check an interval: start and stop in whole µs, start before stop."""
    ends = whole_numbers("window", window, "(start, stop) in µs")
    if len(ends) != 2 or not -TIME_LIMIT <= ends[0] < ends[1] <= TIME_LIMIT:
        raise ValueError(
            f"expected window to be (start, stop) in µs with start < stop, from -2^62 to 2^62, got {window!r}"
        )
    return ends


def recording_window(events: Events) -> Window:
    """The interval from the first event to one µs after the last.

    Raises:
        ValueError: If there is no event.
    """
    if len(events) == 0:
        raise ValueError("expected a stream with events, or a window, got a stream without events and no window")
    return int(events["t"][0]), int(events["t"][-1]) + 1


def time_edges(window: Window, n_bins: int) -> Indices:
    """Cut `window` into `n_bins` equal parts: the first whole µs of each, and the window's stop, shape (T + 1,).

    A part need not last a whole number of µs: bin j holds the times `edges[j] <= t < edges[j + 1]`.

    >>> time_edges((0, 10), 4).tolist()
    [0, 3, 5, 8, 10]
    """
    check_at_least("n_bins", n_bins, 1)
    start, stop = check_window(window)
    return np.array([start - (start - stop) * j // n_bins for j in range(n_bins + 1)], np.int64)


def bin_borders(events: Events, n_bins: int, split_by: SplitBy = "count", *, window: Window | None = None) -> Indices:
    """Where each bin begins in the stream, shape (T + 1,): bin j holds `events[borders[j]:borders[j + 1]]`.

    The arguments are those of `to_frames`.
    """
    check_bins(n_bins, split_by)
    t = np.ascontiguousarray(events["t"], np.int64)
    if split_by == "count":
        start, stop = (0, len(t)) if window is None else np.searchsorted(t, check_window(window)).tolist()
        borders: Indices = start + (stop - start) // n_bins * np.arange(n_bins + 1)
        borders[-1] = stop
        return borders
    if window is None and len(t) == 0:
        return np.zeros(n_bins + 1, np.int64)
    edges = _edges(events, n_bins, split_by, window)
    positions: Indices = np.searchsorted(t, edges)
    return positions


def bin_edges(events: Events, n_bins: int, split_by: SplitBy = "count", *, window: Window | None = None) -> Indices:
    """The times, in µs, at which bins begin, and the last one ends, shape (T + 1,).

    A bin of a count lasts from its first event to the first of the next bin, the last one to its own last event.
    The arguments are those of `to_frames`.

    Raises:
        ValueError: If there are no events to find them by.

    >>> bin_edges(make_events([0] * 4, [0] * 4, [5, 6, 9, 12], [1] * 4), 2).tolist()
    [5, 9, 12]
    """
    check_bins(n_bins, split_by)
    if split_by != "count":
        return _edges(events, n_bins, split_by, window)
    borders = bin_borders(events, n_bins, window=window)
    if borders[0] == borders[-1]:
        raise ValueError("expected events to bin by their count, got none")
    edges: Indices = events["t"].astype(np.int64)[np.minimum(borders, borders[-1] - 1)]
    return edges


def bin_centres(events: Events, n_bins: int, split_by: SplitBy = "count", *, window: Window | None = None) -> Indices:
    """The whole µs in the middle of each bin, shape (T,).

    A bin of a count lasts from its first to its last event; an empty one counts as the moment of the stream's first.
    The arguments are those of `to_frames`.

    Raises:
        ValueError: If a bin holds no whole µs, or there are no events to find one by.
    """
    check_bins(n_bins, split_by)
    if split_by != "count":
        edges = _edges(events, n_bins, split_by, window)
        if (edges[1:] == edges[:-1]).any():
            got = f"a window of {edges[-1] - edges[0]} µs"
            raise ValueError(f"expected {n_bins} bins of at least 1 µs each, got {got}")
        centres: Indices = edges[:-1] + np.diff(edges) // 2
        return centres
    borders = bin_borders(events, n_bins, split_by, window=window)
    if borders[0] == borders[-1]:
        raise ValueError("expected events to bin by their count, got none")
    t = events["t"].astype(np.int64)
    first, last = t[borders[:-1]], t[np.maximum(borders[1:] - 1, borders[0])]
    middle: Indices = first + (last - first) // 2
    return middle


def bin_times(events: Events, n_bins: int, split_by: SplitBy = "count") -> Indices:
    """When each bin begins and ends, in µs after the first event, shape (T, 2).

    A bin of a count lasts from its first event to the first of the next bin, the last one to its own last event.
    The arguments are those of `to_frames`.

    >>> bin_times(make_events([0] * 4, [0] * 4, [5, 6, 9, 12], [1] * 4), 2).tolist()
    [[0, 4], [4, 7]]
    """
    check_bins(n_bins, split_by)
    if len(events) == 0:
        return np.zeros((n_bins, 2), np.int64)
    edges = bin_edges(events, n_bins, split_by)
    times: Indices = np.stack([edges[:-1], edges[1:]], axis=1) - edges[0]
    return times


def _no_stream(events: Any) -> TypeError:
    seen, cure = described(events)
    expected = "a structured array with the fields x, y, t, p, or a collection of such"
    return TypeError(f"expected {expected}, got {seen}" + (f"; {cure}" if cure else ""))


def _is_collection(events: Any) -> TypeGuard[Iterable[Any]]:
    """Whether it may hold streams; a tensor holds numbers."""
    if isinstance(events, np.ndarray):
        return events.dtype == object and events.ndim == 1
    return isinstance(events, Iterable) and not (isinstance(events, str | bytes | Mapping) or is_tensor(events))


def _edges(events: Events, n_bins: int, split_by: SplitBy, window: Window | None) -> Indices:
    """The times at which bins begin, and the last one ends, µs."""
    window = recording_window(events) if window is None else check_window(window)
    if isinstance(split_by, str):
        return time_edges(window, n_bins)
    return np.array([min(window[0] + split_by * j, window[1]) for j in range(n_bins + 1)], np.int64)


def _count(events: Events, borders: Indices, frames: Frames, saturate: bool) -> None:
    """Write the number of events in each bin, polarity, row and column into `frames` (T, 2, H, W)."""
    _, _, height, width = frames.shape
    limit = np.iinfo(frames.dtype).max
    cells = events["p"].astype(np.int64)
    for size, field in ((height, "y"), (width, "x")):
        cells *= size
        np.add(cells, events[field], out=cells, dtype=np.int64, casting="unsafe")  # unsigned 64 bits would make floats
    for frame, start, stop in zip(frames, borders[:-1], borders[1:], strict=True):  # a bin's counts stay in the cache
        counts = np.bincount(cells[start:stop], minlength=frame.size)
        if (most := counts.max()) > limit and not saturate:
            raise ValueError(f"expected at most {limit} events a pixel and bin, got {most}; widen dtype or saturate")
        frame[:] = np.minimum(counts, limit, out=counts).reshape(frame.shape)


def _check_columns(x: Array, y: Array, t: Array, p: Array, *, width: int, height: int) -> None:
    for name, column in zip(FIELDS, (x, y, t, p), strict=True):
        if column.dtype.kind not in "iub":
            raise TypeError(f"expected {name} to hold whole numbers, got {column.dtype}")
    for name, column, limit in (("x", x, width), ("y", y, height), ("p", p, 2)):
        if column.size and not (column.min() >= 0 and column.max() < limit):
            event = int(np.argmax((column < 0) | (column >= limit)))
            raise ValueError(f"expected {name} in [0, {limit}), got {column[event]} in event {event}")
    backwards = t[1:] < t[:-1]
    if backwards.any():
        event = int(np.argmax(backwards)) + 1
        raise ValueError(f"expected times in order, got {t[event]} after {t[event - 1]} µs in event {event}")
    for event in (0, len(t) - 1) if t.size else ():
        if not -TIME_LIMIT < int(t[event]) < TIME_LIMIT:
            raise ValueError(f"expected times above -2^62 and below 2^62 µs, got {t[event]} in event {event}")
