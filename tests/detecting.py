"""Poisoned bars, detectors and small sets that the tests of sample detectors share."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from art_snn.attacks.poisoning import TriggerBackdoor
from art_snn.defences.detector import (
    ReferenceDefence,
    SpikeActivationDefence,
    SpikeSpectralDefence,
    STRIPDefence,
)
from art_snn.defences.detector.sample_detector import SampleDetector
from art_snn.events import make_events
from art_snn.typing import Events
from tests.backdoored import TARGET, TRIGGER, bars, trained

ATTACK = TriggerBackdoor(TRIGGER, TARGET, percent_poison=0.15)  # as that of `trained`
POISONED = ATTACK.poison_dataset(*bars())
DATA = (POISONED.x, POISONED.y)
X_CLEAN, Y_CLEAN = bars(120, seed=1)
Make = Callable[..., SampleDetector]
DETECTORS: dict[str, Make] = {
    "activation": SpikeActivationDefence,
    "spectral": SpikeSpectralDefence,
    "strip": STRIPDefence,
    "reference samples": partial(ReferenceDefence, x_reference=X_CLEAN, y_reference=Y_CLEAN),
    "reference model": lambda *data, **parameters: ReferenceDefence(
        *data, reference=trained("ann", backdoored=False), **parameters
    ),
}
ALL = pytest.mark.parametrize("make", DETECTORS.values(), ids=DETECTORS)
KINDS = pytest.mark.parametrize("kind", ["ann", "lif"])


def streams(n: int, sensor: int = 8, seed: int = 0) -> Events:
    """Recordings of 40 events in 100 µs from 0 on."""
    rng = np.random.default_rng(seed)
    found = np.empty(n, object)
    for row in range(n):
        times = np.sort(rng.integers(0, 100, 40))
        times[[0, -1]] = 0, 99
        found[row] = make_events(
            rng.integers(0, sensor, 40), rng.integers(0, sensor, 40), times, rng.integers(0, 2, 40)
        )
    return found
