"""Detection by event mass: a sample's events lie in other time bins than those of its class."""

import numpy as np

from art_snn.defences.detector.event_profile import EventProfileDetector
from art_snn.typing import Array, Frames


class EventMassDefence(EventProfileDetector):
    """Compare how the events of each sample are distributed over time bins with the other samples of its class.

    A profile is the share of the sample's events in each bin. What moves events between bins is seen ("delay", "warp"
    and "gather" of `RetimingTrigger`), what adds events as far as they weigh. By construction invisible is what leaves
    the number of events in each bin alone, such as "exchange"; `SpaceTimeDefence` looks for that. Bins by count hold
    equal numbers of events by definition, so there nothing is seen.

    Arguments and errors: `art_snn.defences.detector.event_profile.EventProfileDetector`.

    Source: the event mass per time step, with which Riaño et al., 2026, https://arxiv.org/abs/2607.28075, see retimed
    samples (known to us by its abstract); distances, limits and tests are ours.
    """

    def _profiles(self, frames: Frames) -> Array:
        mass = frames.sum(axis=(2, 3, 4), dtype=np.float64)
        shares: Array = mass / np.maximum(mass.sum(axis=1, keepdims=True), 1)
        return shares
