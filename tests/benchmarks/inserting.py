"""A trigger inserted into raw events, against the same done by hand: erase, append, sort."""

from functools import partial

import numpy as np

from art_snn.attacks.poisoning import StaticTrigger
from art_snn.events import make_events, to_frames
from art_snn.typing import Events
from tests.benchmarks.framing import DURATION_US, SIDE, T, stream
from tests.benchmarks.harness import OURS, Case, Contest

PIXELS = 12  # a tenth of the side


def by_hand(events: Events) -> Events:
    """ON events of the upper left corner at the centre of each bin, and no others there."""
    kept = events[(events["x"] >= PIXELS) | (events["y"] >= PIXELS)]
    t, y, x = np.indices((T, PIXELS, PIXELS)).reshape(3, -1)
    centres = (2 * t + 1) * DURATION_US // (2 * T)
    both = np.concatenate([kept, make_events(x=x, y=y, t=centres, p=np.ones(len(x), int))])
    triggered: Events = both[np.argsort(both["t"], kind="stable")]
    return triggered


def contest() -> Contest:
    """A static trigger, 10 % of the side, in 16 bins among 160 000 events."""
    events, window = stream(), (0, DURATION_US)
    insert = partial(StaticTrigger(size=PIXELS).on_events, n_bins=T, window=window)
    contestants = {OURS: partial(insert, events, (SIDE, SIDE)), "sorting by hand": partial(by_hand, events)}

    def check() -> None:
        ours, theirs = (to_frames(run(), (SIDE, SIDE), T, "time", window=window) for run in contestants.values())
        np.testing.assert_array_equal(ours, theirs)

    return Contest(contestants, check)


CASES = (Case("a trigger among 160 000 events, T 16", contest),)
