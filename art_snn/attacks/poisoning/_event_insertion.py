"""Write a trigger's rectangles into raw events: erase what lies in them, insert events that give the same frames."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated

import numpy as np

from art_snn._declared import CheckedFields, Count, CountOrZero, Declared
from art_snn._validation import check_at_least
from art_snn.attacks.poisoning._rectangles import Rectangle
from art_snn.attacks.poisoning.polarity import CHANNELS, Polarity
from art_snn.events import SplitBy, Window, bin_borders, bin_centres, recording_window
from art_snn.typing import Array, Events, Indices, Mask

_WholeEvents = Annotated[
    int,
    Declared("at least 1", partial(check_at_least, minimum=1, reason="a camera sends an event whole or not at all")),
]


@dataclass(frozen=True)
class EventTiming(CheckedFields):
    """Times of the inserted events; the fields are arguments of `FrameTrigger.on_events`."""

    n_bins: Count
    split_by: SplitBy
    window: Window | None
    events_per_bin: _WholeEvents
    spacing_us: CountOrZero

    def borders(self, events: Events) -> Indices:
        """Where each bin begins in the stream, shape (T + 1,)."""
        return bin_borders(events, self.n_bins, self.split_by, window=self.window)

    def times(self, events: Events) -> Array:
        """Times of a pixel's new events around the centre of each bin, shape (T, events_per_bin), µs.

        Raises:
            ValueError: If a time lies outside the window or its time bin, or a bin holds no whole µs.
        """
        centres = bin_centres(events, self.n_bins, self.split_by, window=self.window)
        span = (self.events_per_bin - 1) * self.spacing_us
        times: Array = centres[:, None] - span // 2 + self.spacing_us * np.arange(self.events_per_bin)
        window = self.window or recording_window(events)
        if not self._fits(times, window):
            raise ValueError(
                f"expected {self.events_per_bin} new events to fit into each bin, got a span of {span} µs for "
                f"{self.n_bins} bins of {window} µs; lower events_per_bin, spacing_us or n_bins"
            )
        return times

    def _fits(self, times: Array, window: Window) -> bool:
        """Whether all times lie in the window and, if bins are of time, each in its bin."""
        if not window[0] <= times.min() <= times.max() < window[1]:
            return False
        if self.split_by == "count":
            return True
        ends = (times[:, side].astype([("t", np.int64)]) for side in (0, -1))
        found = [bin_borders(end, self.n_bins, self.split_by, window=window) for end in ends]
        return bool((np.array(found) == np.arange(self.n_bins + 1)).all())


def write_on_events(events: Events, rectangles: Sequence[Rectangle], state: Polarity, timing: EventTiming) -> Events:
    """Make a stream whose rectangles hold the events of `state` and no others; the rest stays as it is."""
    borders = timing.borders(events)
    chosen = np.flatnonzero(~_covered(events, rectangles, borders))
    bins, pool = np.searchsorted(borders, chosen, side="right") - 1, events
    if state != "none" and rectangles:
        new, frames = _all_inserted(rectangles, state, timing.times(events), events.dtype)
        places = np.searchsorted(events["t"].take(chosen), new["t"], side="right")  # after events of the same time
        pool = np.concatenate([events, new])
        chosen = np.insert(chosen, places, len(events) + np.arange(len(new)))
        bins = np.insert(bins, places, frames)
    stamped = pool.take(chosen)  # one copy; indexing records is ten times slower
    keep_ends(stamped, bins, events, borders)
    return stamped


def warn_of_lost_ends(stamped: Events, events: Events, stacklevel: int) -> None:
    """Warn if a stream has lost its first or its last timestamp."""
    if len(events) == 0:
        return
    begin, end = events["t"][[0, -1]]
    if len(stamped) == 0 or stamped["t"][0] > begin or stamped["t"][-1] < end:
        warnings.warn(
            f"the trigger erased all events of the first or last time bin, so that the recording no longer lasts from "
            f"{begin} to {end} µs; give window=({begin}, {end + 1}) here and where it is binned",
            stacklevel=stacklevel + 1,
        )


def _covered(events: Events, rectangles: Sequence[Rectangle], borders: Indices) -> Mask:
    """Mark the events of either polarity that lie in a rectangle."""
    covered = np.zeros(len(events), dtype=bool)
    for frame, rows, columns in rectangles:
        part = slice(borders[frame], borders[frame + 1])
        x, y = events["x"][part], events["y"][part]
        covered[part] |= (y >= rows.start) & (y < rows.stop) & (x >= columns.start) & (x < columns.stop)
    return covered


def _all_inserted(
    rectangles: Sequence[Rectangle], state: Polarity, times: Array, dtype: np.dtype[np.void]
) -> tuple[Events, Indices]:
    """The new events of all rectangles in the order of time, and the bin of each."""
    parts = [_inserted(rectangle, state, times[rectangle.frame], dtype) for rectangle in rectangles]
    new = np.concatenate(parts)
    frames = np.repeat([rectangle.frame for rectangle in rectangles], [len(part) for part in parts])
    order = np.argsort(new["t"], kind="stable")
    return new[order], frames[order]


def _inserted(rectangle: Rectangle, state: Polarity, times: Array, dtype: np.dtype[np.void]) -> Events:
    """For each pixel of the rectangle and each polarity of the state, one event at each of the times."""
    rows, columns = (np.arange(lines.start, lines.stop) for lines in (rectangle.rows, rectangle.columns))
    fields = np.meshgrid(times, rows, columns, np.flatnonzero(CHANNELS[state]), indexing="ij")
    t, y, x, p = (values.ravel() for values in fields)
    return new_events(dtype, t=t, p=p, y=y, x=x)


def new_events(dtype: np.dtype[np.void], **fields: Array) -> Events:
    """Events of the type of a stream's.

    Args:
        dtype: Type of the stream's events; fields beside those given are 0.
        **fields: Values of `t`, `p`, `y` and `x`, (n,).

    Raises:
        ValueError: If a field of that type does not hold its values.
    """
    new = np.zeros(len(fields["t"]), dtype)
    for name, values in fields.items():
        new[name] = values
        if not np.array_equal(new[name], values):
            raise ValueError(
                f"expected a field {name} that holds the new events' {values.min()} to {values.max()}, got dtype "
                f"{dtype[name]}; widen it, as make_events does"
            )
    return new


def keep_ends(stamped: Events, bins: Indices, events: Events, borders: Indices) -> None:
    """Give an erased first or last event's time to the nearest event of the same bin, if there is one."""
    if len(events) == 0 or len(stamped) == 0:
        return
    first, last = np.searchsorted(borders, [0, len(events) - 1], side="right") - 1
    if bins[0] == first:
        stamped["t"][0] = min(stamped["t"][0], events["t"][0])
    if bins[-1] == last and len(stamped) > 1:
        stamped["t"][-1] = max(stamped["t"][-1], events["t"][-1])
