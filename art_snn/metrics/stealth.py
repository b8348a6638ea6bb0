"""How visible a trigger is, by all measures that fit the samples, as one value for a row."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields

import numpy as np

from art_snn._arrays import as_numbers
from art_snn._validation import check_finite, check_positive, check_same_length
from art_snn.events import SensorSize, streams_of
from art_snn.metrics.event_distance import event_changes, event_distance
from art_snn.metrics.recordable import is_recordable, recordable_rate
from art_snn.metrics.similarity import structures, value_ranges
from art_snn.metrics.spike_trains import bin_shifts, van_rossum_distances
from art_snn.typing import Array, Events

_WINDOW, _SMALLEST = 7, 3  # pixels, of structural similarity
_AT_ONCE = 2**18  # elements in memory as floats, however many samples there are
_FRAMES = 5  # axes of frames


@dataclass(frozen=True, kw_only=True)
class Stealth:
    """Distances between clean and triggered samples, each the mean over samples.

    Measures that do not fit the kind of samples are NaN: of images those of bins and sensors, of event streams the
    first six and those of bins, of arrays those that begin with "event".

    Args:
        n: Number of samples.
        n_unchanged: Number of samples that the trigger left as they were.
        mse: Mean squared difference of all elements.
        psnr: Peak signal-to-noise ratio in decibel of a frame, of those that changed; the peak is the data range of the
            pair of samples. NaN where nothing changed.
        ssim: Structural similarity at the data range of the pair of samples, which for counts is their maximum; windows
            of 7 pixels, or of as many as fit; NaN where not even 3 do.
        ssim_unit: Structural similarity at the data range 1.
        linf: Largest difference of an element.
        changed: Share of elements that changed, in [0, 1].
        added: Sum by which elements rise: of frames and streams the events that the trigger adds.
        removed: Sum by which elements fall: of frames and streams the events that it removes.
        bin_shift: Bins by which an event moves, see `bin_shift`; of the samples that have it.
        van_rossum: Distance of the spike trains, see `van_rossum_distance`.
        recordable: Share of triggered samples that a sensor could have recorded, see `recordable_rate`.
        event_edits: Number of events to insert or delete.
        event_count: Difference of the numbers of events.
        event_time: Earth mover's distance of the timestamps, µs, of the pairs of which neither is empty or both are;
            NaN where there is none.
        event_shift: Earth mover's distance of the timestamps within each pixel and polarity, µs, see `event_distance`;
            of the samples that have it.
    """

    n: int
    n_unchanged: int
    mse: float = math.nan
    psnr: float = math.nan
    ssim: float = math.nan
    ssim_unit: float = math.nan
    linf: float = math.nan
    changed: float = math.nan
    added: float = math.nan
    removed: float = math.nan
    bin_shift: float = math.nan
    van_rossum: float = math.nan
    recordable: float = math.nan
    event_edits: float = math.nan
    event_count: float = math.nan
    event_time: float = math.nan
    event_shift: float = math.nan

    def as_row(self) -> dict[str, float]:
        """All figures by name."""
        return {f"stealth_{one.name}": getattr(self, one.name) for one in fields(self)}


def stealth(
    x: Array | Events,
    x_triggered: Array | Events,
    *,
    data_range: float | None = None,
    tau: float = 1.0,
    sensor_size: SensorSize | None = None,
) -> Stealth:
    """How far triggered samples are from clean ones.

    Args:
        x: Clean images (N, C, H, W), frames (N, T, 2, H, W), or event streams, (N,) objects; at least one.
        x_triggered: These samples with the trigger.
        data_range: Difference of the highest and the lowest possible value for `psnr` and `ssim`, 1 for images in
            [0, 1]; None takes those that occur in each pair of samples, and 0.
        tau: Time constant of `van_rossum_distance`, bins.
        sensor_size: (W, H) or (W, H, 2), pixels: the field that events of streams must lie in; None knows of none.

    Raises:
        ValueError: If there are no samples, not as many of either kind or of other shapes, or values are not finite.
        TypeError: If one kind is of event streams and the other is not.

    Source: see `mse`, `psnr`, `ssim`, `bin_shift`, `van_rossum_distance` and `event_distance`.

    >>> x = np.zeros((2, 1, 8, 8))
    >>> stealth(x, x + np.eye(8), data_range=1.0).changed
    0.125
    """
    check_same_length("x", x, "x_triggered", x_triggered)
    if len(x) == 0:
        raise ValueError("expected at least one sample, got none")
    is_events = [getattr(one, "dtype", None) == np.dtype(object) for one in (x, x_triggered)]
    if is_events[0] != is_events[1]:
        raise TypeError("expected event streams on both sides or on neither, got them on one")
    if is_events[0]:
        return _of_events(x, x_triggered, sensor_size)
    for name, number in (("tau", tau), ("data_range", 1.0 if data_range is None else data_range)):
        check_positive(name, number)
    return _of_arrays(as_numbers("x", x), as_numbers("x_triggered", x_triggered), data_range, tau)


def _of_arrays(x: Array, x_triggered: Array, data_range: float | None, tau: float) -> Stealth:
    """Few samples at once, which takes little memory however many there are."""
    if x.shape != x_triggered.shape or 0 in x.shape:
        got = f"{x.shape} and {x_triggered.shape}"
        raise ValueError(f"expected two arrays of one shape with at least one element, got shapes {got}")
    size, found = max(1, _AT_ONCE // math.prod(x.shape[1:])), list[dict[str, Array]]()
    for start in range(0, len(x), size):
        clean, triggered = x[start : start + size], x_triggered[start : start + size]
        for name, part in (("x", clean), ("x_triggered", triggered)):
            check_finite(name, part)
        found.append(dict(_of_batch(clean, triggered, data_range, tau)))
    columns = {name: np.concatenate([one[name] for one in found]) for name in found[0]}
    n_unchanged = int((columns["changed"] == 0).sum())
    return Stealth(n=len(x), n_unchanged=n_unchanged, **{name: _mean(column) for name, column in columns.items()})


def _of_batch(clean: Array, triggered: Array, data_range: float | None, tau: float) -> Iterator[tuple[str, Array]]:
    """All measures of each of some samples that fit them, by name."""
    rows = tuple(range(1, clean.ndim))
    spread = np.full(len(clean), data_range) if data_range is not None else value_ranges(clean, triggered)
    yield from _of_differences(triggered.astype(np.float64) - clean, spread, rows)
    yield from _of_planes(clean, triggered, spread)
    if clean.ndim == _FRAMES:
        is_positive = np.minimum(clean.min(rows), triggered.min(rows)) >= 0
        yield "bin_shift", np.where(is_positive, bin_shifts(clean, triggered), math.nan)
        yield "van_rossum", van_rossum_distances(clean, triggered, tau)
        yield "recordable", is_recordable(triggered).astype(np.float64)


def _of_differences(difference: Array, spread: Array, rows: tuple[int, ...]) -> Iterator[tuple[str, Array]]:
    """What needs no more than triggered less clean values and the data range of each pair."""
    squares = difference**2
    n_frames = squares.shape[1] if squares.ndim == _FRAMES else 1
    by_frame = squares.reshape(len(spread), n_frames, -1).mean(axis=-1)
    peak = np.log10(spread[:, None] ** 2 / np.where(by_frame > 0, by_frame, 1.0))
    n_changed = (by_frame > 0).sum(axis=1)
    total = 10 * np.where(by_frame > 0, peak, 0.0).sum(axis=1)
    yield "mse", squares.mean(axis=rows)
    yield "psnr", np.divide(total, n_changed, out=np.full(len(spread), math.nan), where=n_changed > 0)
    yield "linf", np.abs(difference).max(axis=rows)
    yield "changed", (difference != 0).mean(axis=rows)
    yield "added", difference.clip(min=0).sum(axis=rows)
    yield "removed", -difference.clip(max=0).sum(axis=rows)


def _of_planes(clean: Array, triggered: Array, spread: Array) -> Iterator[tuple[str, Array]]:
    """Structural similarities, where the samples have planes that a window fits into."""
    window = _window(clean.shape[-2:]) if clean.ndim > 2 else 0
    if window < _SMALLEST:
        return
    own, others = structures(clean, triggered, spread, window), spread != 1
    unit = own.copy()
    unit[others] = structures(clean[others], triggered[others], np.ones(others.sum()), window)
    yield "ssim", own
    yield "ssim_unit", unit


def _window(plane: tuple[int, ...]) -> int:
    """Side of the largest odd window that fits, 7 at most."""
    side = min(plane)
    return min(_WINDOW, side - 1 + side % 2)


def _of_events(x: Events, x_triggered: Events, sensor_size: SensorSize | None) -> Stealth:
    pairs = list(zip(streams_of(x), streams_of(x_triggered), strict=True))
    changes = [event_changes(a, b) for a, b in pairs]
    added, removed = ([float(one[side]) for one in changes] for side in (0, 1))
    edits = [sum(one) for one in zip(added, removed, strict=True)]
    return Stealth(
        n=len(pairs),
        n_unchanged=edits.count(0.0),
        added=_mean(added),
        removed=_mean(removed),
        recordable=recordable_rate(x_triggered, sensor_size),
        event_edits=_mean(edits),
        event_count=_mean(event_distance(a, b, "count") for a, b in pairs),
        event_time=_mean(event_distance(a, b, "time") for a, b in pairs),
        event_shift=_mean(event_distance(a, b, "shift") for a, b in pairs),
    )


def _mean(values: Iterable[float]) -> float:
    """The mean of those that are known."""
    found = [float(value) for value in values if math.isfinite(value)]
    return math.fsum(found) / len(found) if found else math.nan
