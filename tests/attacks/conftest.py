"""Samples, labels and streams that the tests of attacks share."""

import numpy as np
import pytest

from art_snn.attacks.poisoning import (
    PatchTrigger,
    TriggerBackdoor,
)
from art_snn.events import make_events
from art_snn.typing import Events, Images, Labels
from tests.attacks import K, N


@pytest.fixture
def x() -> Images:
    return np.random.default_rng(0).uniform(0, 0.5, (N, 1, 6, 6)).astype(np.float32)


@pytest.fixture(params=["indices", "one-hot"])
def y(request: pytest.FixtureRequest) -> Labels:
    """Ten samples of each of four classes."""
    classes = np.arange(N) % K
    return classes if request.param == "indices" else np.eye(K, dtype=np.float32)[classes]


@pytest.fixture
def attack() -> TriggerBackdoor:
    return TriggerBackdoor(PatchTrigger(), target_class=1, percent_poison=0.25)


@pytest.fixture
def streams() -> Events:
    """Eight streams of different lengths on a sensor of 9 × 7 pixels, each lasting 1000 µs."""
    rng = np.random.default_rng(0)
    events = np.empty(8, object)
    for row in range(8):
        n = 20 + 7 * row
        times = np.sort(np.r_[0, rng.integers(0, 1000, n - 2), 999])
        events[row] = make_events(rng.integers(0, 9, n), rng.integers(0, 7, n), times, rng.integers(0, 2, n))
    return events
