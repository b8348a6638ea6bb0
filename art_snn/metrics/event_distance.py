"""How far a trigger changes an event stream, in the units of events and of time."""

from typing import Literal

import numpy as np
from scipy.stats import wasserstein_distance

from art_snn._arrays import described
from art_snn._validation import check_choice
from art_snn.events import FIELDS, is_stream
from art_snn.typing import Events


def event_distance(
    events: Events, events_triggered: Events, measure: Literal["edits", "count", "time"] = "edits"
) -> float:
    """Distance of two event streams; 0 where they hold the same events, in whatever order.

    Args:
        events: One stream, a structured array with fields x, y, t, p.
        events_triggered: Another.
        measure: "edits" is the number of events to insert and delete to make one of the other; "count" the difference
            of their numbers of events; "time" the earth mover's distance of their timestamps in µs, which weighs
            when events happen and neither where nor how many.

    Returns:
        A number from 0 up; for "time" with one empty stream infinite, with two 0.

    Raises:
        TypeError: If one of the two is no event stream.

    Source: "time": Rubner et al., 2000, https://doi.org/10.1023/A:1026543900054; the others are the definitions.

    >>> kind = np.dtype([("x", "<i2"), ("y", "<i2"), ("t", "<i8"), ("p", "<i2")])
    >>> clean = np.array([(0, 0, 10, 1), (1, 0, 20, 0)], kind)
    >>> event_distance(clean, clean[:1]), event_distance(clean, clean[:1], "time")
    (1.0, 5.0)
    """
    check_choice("measure", measure, ("edits", "count", "time"))
    for stream in (events, events_triggered):
        if not is_stream(stream) or stream.ndim != 1:
            raise TypeError(f"expected one event stream on either side, got {described(stream)[0]}")
    if measure == "count":
        return float(abs(len(events) - len(events_triggered)))
    if measure == "edits":
        return _edits(events, events_triggered)
    if min(len(events), len(events_triggered)) == 0:
        return 0.0 if len(events) == len(events_triggered) else np.inf
    return float(wasserstein_distance(events["t"], events_triggered["t"]))


def _edits(events: Events, events_triggered: Events) -> float:
    """Size of the symmetric difference of two multisets."""
    both = np.concatenate([_rows(events), _rows(events_triggered)])
    sign = np.repeat([1, -1], [len(events), len(events_triggered)])
    _, which = np.unique(both, axis=0, return_inverse=True)
    return float(np.abs(np.bincount(which.ravel(), weights=sign)).sum())


def _rows(events: Events) -> Events:
    return np.stack([events[field].astype(np.int64) for field in FIELDS], axis=1)
