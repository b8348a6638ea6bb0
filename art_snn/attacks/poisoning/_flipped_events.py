"""Flip cells of event streams: what has events in a time bin falls silent there, and what is silent gets one."""

import numpy as np

from art_snn.attacks.poisoning._event_insertion import EventTiming, keep_ends, new_events
from art_snn.events import COORDINATE_LIMIT
from art_snn.typing import Array, Events, Indices


def flipped_stream(events: Events, cells: Indices, erases: bool, timing: EventTiming) -> Events:
    """Flip cells of one stream; the input is not changed.

    Args:
        events: One stream.
        cells: Time bin, polarity, row and column of each cell, shape (n, 4), in the order of bins.
        erases: Whether the events of cells that have some are erased; otherwise these stay as they are.
        timing: When new events come.
    """
    borders = timing.borders(events)
    bins = np.searchsorted(borders, np.arange(len(events)), side="right") - 1
    lying = _codes(np.stack([bins, *(events[name].astype(np.int64) for name in "pyx")], axis=1))
    wanted = _codes(cells)
    kept = np.flatnonzero(~np.isin(lying, wanted)) if erases else np.arange(len(events))
    new, frames = _gained(events, cells[~np.isin(wanted, lying)], timing)
    places = np.searchsorted(events["t"][kept], new["t"], side="right")  # after events of the same time
    flipped = np.insert(events[kept], places, new)
    keep_ends(flipped, np.insert(bins[kept], places, frames), events, borders)
    return flipped


def _codes(cells: Array) -> Indices:
    """One number a cell."""
    bins, polarity, row, column = cells.astype(np.int64).T
    codes: Indices = ((2 * bins + polarity) * COORDINATE_LIMIT + row) * COORDINATE_LIMIT + column
    return codes


def _gained(events: Events, cells: Indices, timing: EventTiming) -> tuple[Events, Indices]:
    """An event for each cell around the centre of its bin, in the order of time, and the bin of each."""
    if not len(cells):
        return events[:0], np.zeros(0, np.int64)
    bins, p, y, x = cells.repeat(timing.events_per_bin, axis=0).T
    new = new_events(events.dtype, t=timing.times(events)[cells[:, 0]].ravel(), p=p, y=y, x=x)
    order = np.argsort(new["t"], kind="stable")
    return new[order], bins[order]
