"""How far a trigger changes an event stream, in events or in time."""

import math
from typing import Literal

import numpy as np
from scipy.stats import wasserstein_distance

from art_snn._arrays import described
from art_snn._validation import check_choice
from art_snn.events import FIELDS, is_stream
from art_snn.typing import Array, Events


def event_distance(
    events: Events, events_triggered: Events, measure: Literal["edits", "count", "time", "shift"] = "edits"
) -> float:
    """Distance of two event streams; 0 if they hold the same events in any order.

    Args:
        events: One stream, a structured array with fields x, y, t, p.
        events_triggered: The stream with the trigger.
        measure: Kind of distance. "edits": number of events to insert or delete; "count": difference of the numbers of
            events; "time": earth mover's distance of the timestamps in µs, which ignores places and numbers; "shift":
            the same within each pixel and polarity that has events on both sides, in the mean over the clean events of
            these: the time in µs by which an event moves.

    Returns:
        A number from 0 up; "time" is infinite if one stream is empty and 0 if both are, "shift" is NaN if no pixel has
        events of one polarity on both sides.

    Raises:
        TypeError: If an argument is not one event stream.

    Source: "time" and "shift": Rubner et al., 2000, https://doi.org/10.1023/A:1026543900054; the
    others are the definitions.

    >>> kind = np.dtype([("x", "<i2"), ("y", "<i2"), ("t", "<i8"), ("p", "<i2")])
    >>> clean = np.array([(0, 0, 10, 1), (1, 0, 20, 0)], kind)
    >>> event_distance(clean, clean[:1]), event_distance(clean, clean[:1], "time")
    (1.0, 5.0)
    """
    check_choice("measure", measure, ("edits", "count", "time", "shift"))
    for stream in (events, events_triggered):
        if not is_stream(stream) or stream.ndim != 1:
            raise TypeError(f"expected one event stream on either side, got {described(stream)[0]}")
    if measure == "count":
        return float(abs(len(events) - len(events_triggered)))
    if measure == "edits":
        return float(sum(event_changes(events, events_triggered)))
    if measure == "shift":
        return _shift(events, events_triggered)
    if min(len(events), len(events_triggered)) == 0:
        return 0.0 if len(events) == len(events_triggered) else np.inf
    return float(wasserstein_distance(events["t"], events_triggered["t"]))


def event_changes(events: Events, events_triggered: Events) -> tuple[int, int]:
    """Numbers of events that a trigger adds and removes; an event that moves counts as removed and as added.

    Args:
        events: One stream, a structured array with fields x, y, t, p.
        events_triggered: The stream with the trigger.

    Source: the definition, of multisets.

    >>> kind = np.dtype([("x", "<i2"), ("y", "<i2"), ("t", "<i8"), ("p", "<i2")])
    >>> clean = np.array([(0, 0, 10, 1), (1, 0, 20, 0)], kind)
    >>> event_changes(clean, clean[[0, 0]])
    (1, 1)
    """
    _, which = np.unique(_rows((events, events_triggered), FIELDS), axis=0, return_inverse=True)
    sign = np.repeat([-1, 1], [len(events), len(events_triggered)])
    net = np.bincount(which.ravel(), weights=sign)
    return int(net[net > 0].sum()), int(-net[net < 0].sum())


def _shift(events: Events, events_triggered: Events) -> float:
    """Within a pixel and polarity the distance is the integral of the difference of two cumulative shares."""
    pair, sizes = (events, events_triggered), (len(events), len(events_triggered))
    _, pixel = np.unique(_rows(pair, ("x", "y", "p")), axis=0, return_inverse=True)
    pixel, is_clean = pixel.ravel(), np.repeat([True, False], sizes)
    n_pixels = int(pixel.max(initial=-1)) + 1
    before, after = (np.bincount(pixel[which], minlength=n_pixels) for which in (is_clean, ~is_clean))
    t = np.concatenate([stream["t"].astype(np.int64) for stream in pair])
    order = np.lexsort((t, pixel))
    weight = np.where(is_clean, after[pixel], -before[pixel])[order]  # adds up to 0 in each pixel, in whole numbers
    areas = np.abs(np.cumsum(weight)[:-1]) * np.diff(t[order]).astype(np.float64)
    moved = np.bincount(pixel[order][:-1], weights=areas, minlength=n_pixels)
    shared = (before > 0) & (after > 0)
    return float((moved[shared] / after[shared]).sum() / before[shared].sum()) if shared.any() else math.nan


def _rows(pair: tuple[Events, Events], fields: tuple[str, ...]) -> Array:
    """The fields of all events of both streams, shape (n, fields)."""
    return np.concatenate([np.stack([part[name].astype(np.int64) for name in fields], axis=1) for part in pair])
