"""How far a trigger changes an event stream, in events or in time."""

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
    """Distance of two event streams; 0 if they hold the same events in any order.

    Args:
        events: One stream, a structured array with fields x, y, t, p.
        events_triggered: The stream with the trigger.
        measure: Kind of distance. "edits": number of events to insert or delete; "count": difference of the numbers of
            events; "time": earth mover's distance of the timestamps in µs, which ignores places and numbers.

    Returns:
        A number from 0 up; "time" is infinite if one stream is empty and 0 if both are.

    Raises:
        TypeError: If an argument is not one event stream.

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
    """Number of events that only one stream holds, counted with multiplicity."""
    both = np.concatenate([_rows(events), _rows(events_triggered)])
    sign = np.repeat([1, -1], [len(events), len(events_triggered)])
    _, which = np.unique(both, axis=0, return_inverse=True)
    return float(np.abs(np.bincount(which.ravel(), weights=sign)).sum())


def _rows(events: Events) -> Events:
    return np.stack([events[field].astype(np.int64) for field in FIELDS], axis=1)
