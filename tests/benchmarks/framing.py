"""Binning events into frames, against tonic and against spikingjelly's way on the same stream."""

from functools import partial

import numpy as np
from tonic.transforms import ToFrame

from art_snn.events import make_events, to_frames
from art_snn.typing import Events, Frames
from tests.benchmarks.harness import OURS, Case, Contest

N, T, SIDE = 160_000, 16, 128


def stream() -> Events:
    """As many events as a gesture of a second, anywhere on the sensor."""
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, SIDE, (2, N))
    return make_events(x=x, y=y, t=np.sort(rng.integers(0, 10**6, N)), p=rng.integers(0, 2, N))


def by_bincount(events: Events) -> Frames:
    """The way of spikingjelly's `integrate_events_by_fixed_frames_number`: a `bincount` a frame and polarity."""
    frames = np.zeros((T, 2, SIDE * SIDE))
    for t in range(T):
        part = events[t * (N // T) : (t + 1) * (N // T)]
        for p in range(2):
            own = part[part["p"] == p]
            counts = np.bincount(own["y"].astype(np.int64) * SIDE + own["x"])
            frames[t, p, : len(counts)] += counts
    return frames.reshape(T, 2, SIDE, SIDE)


def contest() -> Contest:
    """160 000 events of 128 x 128 pixels in 16 frames of as many events each."""
    events = stream()
    contestants = {
        OURS: partial(to_frames, events, (SIDE, SIDE), T),
        "tonic": partial(ToFrame((SIDE, SIDE, 2), n_event_bins=T), events),
        "spikingjelly's way": partial(by_bincount, events),
    }

    def check() -> None:
        for run in contestants.values():
            np.testing.assert_array_equal(run(), contestants[OURS]())

    return Contest(contestants, check)


CASES = (Case("framing 160 000 events, T 16, by count", contest),)
