"""Binning events into frames, against tonic and against spikingjelly's way on the same stream."""

from functools import partial
from typing import Any, Literal

import numpy as np
from tonic.transforms import ToFrame

from art_snn.events import make_events, to_frames
from art_snn.typing import Array, Events, Frames
from tests.benchmarks.harness import OURS, Case, Contest

N, T, SIDE = 160_000, 16, 128
DURATION_US = 10**6


def stream() -> Events:
    """As many events as a gesture of a second, anywhere on the sensor."""
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, SIDE, (2, N))
    t = np.sort(rng.integers(0, DURATION_US, N))
    t[0], t[-1] = 0, DURATION_US - 1  # so that everybody's bins of time are the same
    return make_events(x=x, y=y, t=t, p=rng.integers(0, 2, N))


def by_bincount(events: Events, borders: Array) -> Frames:
    """The way of spikingjelly's `integrate_events_by_fixed_frames_number`: a `bincount` a frame and polarity."""
    frames = np.zeros((T, 2, SIDE * SIDE))
    for t in range(T):
        part = events[borders[t] : borders[t + 1]]
        for p in range(2):
            own = part[part["p"] == p]
            counts = np.bincount(own["y"].astype(np.int64) * SIDE + own["x"])
            frames[t, p, : len(counts)] += counts
    return frames.reshape(T, 2, SIDE, SIDE)


def contest(split_by: Literal["count", "time"]) -> Contest:
    """160 000 events of 128 x 128 pixels in 16 frames of as many events each, or as long ones."""
    events, steps = stream(), np.arange(T + 1)
    cut: dict[str, Any] = {"n_event_bins": T}
    borders = N // T * steps
    if split_by == "time":
        cut = {"time_window": DURATION_US // T, "include_incomplete": True}
        borders = np.searchsorted(events["t"], DURATION_US // T * steps)
    contestants = {
        OURS: partial(to_frames, events, (SIDE, SIDE), T, split_by),
        "tonic": partial(ToFrame((SIDE, SIDE, 2), **cut), events),
        "spikingjelly's way": partial(by_bincount, events, borders),
    }

    def check() -> None:
        for run in contestants.values():
            np.testing.assert_array_equal(run(), contestants[OURS]())

    return Contest(contestants, check)


CASES = (
    Case("framing 160 000 events, T 16, by count", partial(contest, "count")),
    Case("framing 160 000 events, T 16, by time", partial(contest, "time")),
)
