"""How far events move in time, and whether a sensor could have recorded them: by hand, and against other formulas."""

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import wasserstein_distance

from art_snn.events import make_events
from art_snn.metrics import bin_shift, event_changes, event_distance, recordable_rate, van_rossum_distance
from art_snn.typing import Array, Events

RNG = np.random.default_rng(0)
CLEAN, TRIGGERED = RNG.poisson(0.7, (2, 4, 6, 2, 3, 3)).astype(np.uint8)
SENSOR = (3, 2)


def stream(n: int, seed: int) -> Events:
    rng = np.random.default_rng(seed)
    times = np.sort(rng.integers(0, 1000, n))
    return make_events(rng.integers(0, 3, n), rng.integers(0, 2, n), times, rng.integers(0, 2, n))


def shift_of(before: Array, after: Array) -> float:
    """Of the trains (trains, T) of one sample, each by scipy."""
    bins = np.arange(before.shape[1])
    pairs = [(a, b) for a, b in zip(before, after, strict=True) if a.any() and b.any()]
    moved = sum(a.sum() * wasserstein_distance(bins, bins, a, b) for a, b in pairs)
    return moved / sum(a.sum() for a, _ in pairs)


def trains(sample: Array) -> Array:
    return sample.reshape(len(sample), -1).T


def test_events_move_as_far_as_the_earth_movers_distance_of_each_pixel() -> None:
    pairs = zip(CLEAN, TRIGGERED, strict=True)
    expected = [shift_of(trains(a), trains(b)) for a, b in pairs]
    assert bin_shift(CLEAN, TRIGGERED) == pytest.approx(np.mean(expected))  # sums in another order


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ([[1, 0, 0]], [[0, 0, 1]], 2),
        ([[2, 0, 0]], [[1, 0, 1]], 1),  # one of two events moves by 2
        ([[1, 0, 0]], [[0, 3, 0]], 1),  # however many arrive
        ([[1, 0, 0], [3, 0, 0]], [[0, 0, 1], [3, 0, 0]], 0.5),  # one of four
        ([[1, 0, 0], [0, 0, 1]], [[1, 0, 0], [0, 0, 0]], 0),  # what vanishes does not move
    ],
)
def test_shifts_by_hand(before: list[list[int]], after: list[list[int]], expected: float) -> None:
    samples = (np.array(pixels).T[None] for pixels in (before, after))
    assert bin_shift(*samples) == expected


def test_a_shift_is_that_of_the_samples_that_share_a_pixel() -> None:
    before = np.array([[1, 0], [1, 0]])
    assert bin_shift(before, np.array([[0, 1], [0, 0]])) == 1
    assert math.isnan(bin_shift(before, before * 0))


def trace(events: list[int], tau: float, t: float) -> float:
    return sum(math.exp(-(t - when) / tau) for when in events if when <= t)


@pytest.mark.parametrize("tau", [0.5, 1.0, 3.0])
def test_the_van_rossum_distance_is_the_integral_of_its_definition(tau: float) -> None:
    before, after = [0, 2, 2], [1, 3]

    def square(t: float) -> float:
        return (trace(before, tau, t) - trace(after, tau, t)) ** 2 / tau

    area = sum(quad(square, t, t + 1)[0] for t in range(3)) + quad(square, 3, 3 + 40 * tau)[0]
    counts = np.array([[[1, 0, 2, 0]], [[0, 1, 0, 1]]])
    assert van_rossum_distance(*counts, tau) == pytest.approx(math.sqrt(area), rel=1e-6)  # of numerical integration


def test_van_rossum_by_hand() -> None:
    lone = np.zeros((1, 9, 2, 1, 1), np.uint8)
    lone[0, 0, 0] = 1
    late = np.roll(lone, 8, axis=1)
    assert van_rossum_distance(lone, lone * 0) == pytest.approx(math.sqrt(0.5))  # a root is rounded
    assert van_rossum_distance(lone, late) == pytest.approx(math.sqrt(1 - math.exp(-8)))
    assert van_rossum_distance(lone, late, tau=2) == pytest.approx(math.sqrt(1 - math.exp(-4)))
    assert van_rossum_distance(lone, np.roll(lone, 1, axis=2)) == pytest.approx(1)  # each pixel by itself
    assert van_rossum_distance(np.repeat(lone, 2, 0), np.concatenate([lone, late])) == pytest.approx(
        math.sqrt(1 - math.exp(-8)) / 2
    )


@pytest.mark.parametrize("distance", [bin_shift, van_rossum_distance])
def test_what_has_no_trains_is_refused(distance) -> None:
    for wrong in ((CLEAN, CLEAN[:2]), (CLEAN[:0], CLEAN[:0]), (np.zeros(3), np.zeros(3))):
        with pytest.raises(ValueError, match=r"^expected two arrays of one shape \(N, T, \.\.\.\)"):
            distance(*wrong)
    with pytest.raises(ValueError, match=r"^expected x and x_triggered"):
        distance(CLEAN, CLEAN * np.nan)


def test_a_shift_of_less_than_no_events_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^expected x and x_triggered to hold counts"):
        bin_shift(CLEAN, CLEAN - 1.0)
    with pytest.raises(ValueError, match=r"^expected tau"):
        van_rossum_distance(CLEAN, CLEAN, 0)


def test_events_of_a_stream_shift_within_their_pixel() -> None:
    before, after = stream(60, 1), stream(40, 2)
    moved = n_events = 0.0
    for x, y, p in np.ndindex(3, 2, 2):
        a, b = (one["t"][(one["x"] == x) & (one["y"] == y) & (one["p"] == p)] for one in (before, after))
        if len(a) and len(b):
            moved, n_events = moved + len(a) * wasserstein_distance(a, b), n_events + len(a)
    assert event_distance(before, after, "shift") == pytest.approx(moved / n_events)  # sums in another order


def test_trading_times_between_pixels_shifts_events_and_no_histogram() -> None:
    before = make_events(x=[0, 1], y=[0, 0], t=[10, 30], p=[1, 1])
    after = make_events(x=[1, 0], y=[0, 0], t=[10, 30], p=[1, 1])
    assert event_distance(before, after, "time") == 0
    assert event_distance(before, after, "shift") == 20
    assert event_changes(before, after) == (2, 2)


def test_a_stream_that_shares_no_pixel_has_no_shift() -> None:
    before, after = make_events([0], [0], [5], [1]), make_events([0], [0], [5], [0])
    assert math.isnan(event_distance(before, after, "shift"))
    assert math.isnan(event_distance(before[:0], before[:0], "shift"))
    assert event_changes(before, before[:0]) == (0, 1)
    assert event_changes(before[:0], np.repeat(before, 3)) == (3, 0)


def test_frames_are_recordable_if_they_hold_whole_counts() -> None:
    values = np.array([0, 3, 0.5, -1, np.nan, np.inf]).reshape(6, 1, 1, 1, 1)
    assert recordable_rate(values) == 2 / 6
    assert recordable_rate(CLEAN) == 1
    assert recordable_rate(CLEAN.astype(np.int64) - 9) == 0


def test_streams_are_recordable_if_they_keep_the_rules_of_a_camera() -> None:
    good = stream(5, 3)
    rows = np.empty(4, object)
    for row in range(4):
        rows[row] = good.copy()
    rows[1]["x"][2] = 3
    rows[2]["t"][0] = 5000
    rows[3]["p"][1] = 2
    assert recordable_rate(rows, SENSOR) == 1 / 4
    assert recordable_rate(rows) == 2 / 4  # no right border is known
    assert recordable_rate(list(rows[:2]), SENSOR) == 1 / 2


def test_what_is_not_of_the_sensor_or_empty_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^expected frames of 2 × 3 pixels"):
        recordable_rate(CLEAN, SENSOR)
    with pytest.raises(ValueError, match=r"^expected the number of samples"):
        recordable_rate(CLEAN[:0])
