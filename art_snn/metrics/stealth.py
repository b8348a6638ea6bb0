"""How visible a trigger is, by all measures that fit the samples, as one value for a row."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Literal

import numpy as np

from art_snn._validation import check_same_length
from art_snn.events import streams_of
from art_snn.metrics.event_distance import event_distance
from art_snn.metrics.similarity import mse, psnr, ssim
from art_snn.typing import Array, Events

_WINDOW, _SMALLEST = 7, 3  # pixels, of structural similarity


@dataclass(frozen=True, kw_only=True)
class Stealth:
    """Distances between clean and triggered samples, each the mean over samples.

    Measures that do not fit the kind of samples are NaN: the first five on event streams, the last three on arrays.

    Args:
        n: Number of samples.
        n_unchanged: Number of samples that the trigger left as they were.
        mse: Mean squared difference of all elements.
        psnr: Peak signal-to-noise ratio in decibel of the samples that changed; NaN where none did.
        ssim: Structural similarity; windows of 7 pixels, or of as many as fit; NaN where not even 3 do.
        changed: Share of elements that changed, in [0, 1].
        added: Sum of the elements after less before: of frames the events that the trigger adds.
        event_edits: Number of events to insert or delete.
        event_count: Difference of the numbers of events.
        event_time: Earth mover's distance of the timestamps, µs, of the pairs of which neither is empty or both are;
            NaN where there is none.
    """

    n: int
    n_unchanged: int
    mse: float = math.nan
    psnr: float = math.nan
    ssim: float = math.nan
    changed: float = math.nan
    added: float = math.nan
    event_edits: float = math.nan
    event_count: float = math.nan
    event_time: float = math.nan

    def as_row(self) -> dict[str, float]:
        """All figures by name."""
        return {f"stealth_{one.name}": getattr(self, one.name) for one in fields(self)}


def stealth(x: Array | Events, x_triggered: Array | Events, *, data_range: float | None = None) -> Stealth:
    """How far triggered samples are from clean ones.

    Args:
        x: Clean images (N, C, H, W), frames (N, T, 2, H, W), or event streams, (N,) objects; at least one.
        x_triggered: These samples with the trigger.
        data_range: Difference of the highest and the lowest possible value, 1 for images in [0, 1]; None takes those
            that occur in each pair of samples, and 0.

    Raises:
        ValueError: If there are no samples, not as many of either kind or of other shapes, or values are not finite.
        TypeError: If one kind is of event streams and the other is not.

    Source: see `mse`, `psnr`, `ssim` and `event_distance`.

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
    return _of_events(x, x_triggered) if is_events[0] else _of_arrays(x, x_triggered, data_range)


def _of_arrays(x: Array, x_triggered: Array, data_range: float | None) -> Stealth:
    """Sample by sample, which takes little memory however many there are."""
    found = [_of_pair(np.asarray(a), np.asarray(b), data_range) for a, b in zip(x, x_triggered, strict=True)]
    return Stealth(
        n=len(found),
        n_unchanged=sum(one["changed"] == 0 for one in found),
        **{name: _mean(one[name] for one in found if name != "psnr" or one["changed"]) for name in found[0]},
    )


def _of_pair(clean: Array, triggered: Array, data_range: float | None) -> dict[str, float]:
    """All measures of one sample; those that do not fit it are NaN."""
    distances = {"mse": mse(clean, triggered), "psnr": psnr(clean, triggered, data_range)}  # which check the shapes
    side = min(clean.shape[-2:]) if clean.ndim > 1 else 0
    window = min(_WINDOW, side - 1 + side % 2)
    return {
        **distances,
        "ssim": ssim(clean[None], triggered[None], data_range, window) if window >= _SMALLEST else math.nan,
        "changed": float((clean != triggered).mean()),
        "added": float(triggered.sum(dtype=np.float64) - clean.sum(dtype=np.float64)),
    }


def _of_events(x: Events, x_triggered: Events) -> Stealth:
    pairs = list(zip(streams_of(x), streams_of(x_triggered), strict=True))

    def each(measure: Literal["edits", "count", "time"]) -> list[float]:
        return [event_distance(a, b, measure) for a, b in pairs]

    edits = each("edits")
    return Stealth(
        n=len(pairs),
        n_unchanged=edits.count(0.0),
        event_edits=_mean(edits),
        event_count=_mean(each("count")),
        event_time=_mean(filter(math.isfinite, each("time"))),
    )


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return math.fsum(found) / len(found) if found else math.nan
