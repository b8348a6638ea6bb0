"""Streams that are given other counts: they bin to exactly these, and keep every event that they can."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from art_snn.attacks.poisoning import DynamicBackdoor
from art_snn.attacks.poisoning._event_counts import with_counts
from art_snn.events import bin_centres, check_events, make_events, to_frames
from art_snn.typing import Events
from tests.attacks.trigger_networks import learnt

WIDTH, HEIGHT = 4, 3
SPAN = 60  # µs


@st.composite
def streams(draw: st.DrawFn) -> Events:
    n = draw(st.integers(1, 40))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    times = np.sort(rng.integers(0, SPAN, n))
    return make_events(rng.integers(0, WIDTH, n), rng.integers(0, HEIGHT, n), times, rng.integers(0, 2, n))


def tuples(events: Events) -> Counter[tuple[int, ...]]:
    return Counter(tuple(int(value) for value in event) for event in events)


@given(streams(), st.integers(1, 5), st.integers(0, 10_000), st.sampled_from(["time", 9]))
@settings(max_examples=60, deadline=None)
def test_the_stream_bins_to_the_counts(events: Events, n_bins: int, seed: int, split_by: Any) -> None:
    binning: dict[str, Any] = {"split_by": split_by, "window": (0, SPAN)}
    wanted = np.random.default_rng(seed).poisson(0.4, (n_bins, 2, HEIGHT, WIDTH))
    before = to_frames(events, (WIDTH, HEIGHT), n_bins, **binning)
    changed = with_counts(events, wanted, (WIDTH, HEIGHT), **binning)

    check_events(changed, (WIDTH, HEIGHT))
    assert np.array_equal(to_frames(changed, (WIDTH, HEIGHT), n_bins, **binning), wanted)
    n_covered, n_removed = before.sum(), np.maximum(before.astype(int) - wanted, 0).sum()
    assert len(changed) == len(events) - n_covered + wanted.sum()
    assert (tuples(events) & tuples(changed)).total() >= len(events) - n_removed - 2  # the ends may hand on their times


@given(streams(), st.integers(1, 5))
@settings(max_examples=30, deadline=None)
def test_the_same_counts_change_nothing(events: Events, n_bins: int) -> None:
    counts = to_frames(events, (WIDTH, HEIGHT), n_bins, "time")

    assert np.array_equal(with_counts(events, counts, (WIDTH, HEIGHT)), events)


def test_the_last_events_of_a_cell_go_and_new_ones_come_in_the_middle() -> None:
    events = make_events([1] * 4, [0] * 4, [0, 3, 5, 19], [1] * 4)
    wanted = np.zeros((2, 2, HEIGHT, WIDTH), int)
    wanted[0, 1, 0, 1], wanted[1, 1, 0, 1], wanted[1, 0, 2, 3] = 1, 1, 2

    changed = with_counts(events, wanted, (WIDTH, HEIGHT))
    assert [tuple(map(int, event)) for event in changed] == [(1, 0, 0, 1), (3, 2, 15, 0), (3, 2, 15, 0), (1, 0, 19, 1)]


def test_a_recording_lasts_as_long_as_before() -> None:
    events = make_events([0, 1, 2, 3], [0] * 4, [0, 4, 15, 19], [1] * 4)
    wanted = to_frames(events, (WIDTH, HEIGHT), 2, "time")
    wanted[0, 1, 0, 0], wanted[1, 1, 0, 3] = 0, 0

    changed = with_counts(events, wanted, (WIDTH, HEIGHT))
    assert changed["t"].tolist() == [0, 19]
    assert changed["x"].tolist() == [1, 2]
    with pytest.warns(UserWarning, match="no longer lasts"):
        with_counts(events, 0 * wanted, (WIDTH, HEIGHT))


@pytest.mark.parametrize(
    ("shape", "value", "split_by", "message"),
    [
        ((2, 2, HEIGHT, WIDTH), 0.5, "time", "whole numbers, got fractions"),
        ((2, 2, HEIGHT, WIDTH), -1.0, "time", "counts from 0 up"),
        ((2, 2, HEIGHT, WIDTH + 1), 0.0, "time", r"frames of shape \(T, 2, 3, 4\)"),
        ((2, 2, HEIGHT, WIDTH), 0.0, "count", "'time' or a duration"),
        ((30, 2, HEIGHT, WIDTH), 1.0, "time", "bins of at least 1 µs"),
    ],
)
def test_counts_that_no_stream_can_have_are_refused(shape: Any, value: float, split_by: Any, message: str) -> None:
    events = make_events([0, 1], [0, 1], [0, 9], [0, 1])

    with pytest.raises(ValueError, match=message):
        with_counts(events, np.full(shape, value), (WIDTH, HEIGHT), split_by=split_by)


@pytest.mark.parametrize("window", [None, (0, 1000)])
def test_triggered_events_bin_to_the_triggered_frames(window: Any) -> None:
    rng = np.random.default_rng(0)
    events = make_events(
        rng.integers(0, 16, 900), rng.integers(0, 16, 900), np.arange(50, 950), rng.integers(0, 2, 900)
    )
    attack: Any = learnt(valid_frames=True)
    binning: dict[str, Any] = {"n_bins": 3, "split_by": "time", "window": window}
    clean = to_frames(events, (16, 16), **binning)
    shown = attack.on_events(events, (16, 16), **binning)

    assert np.array_equal(to_frames(shown, (16, 16), **binning), attack.poison(clean[None])[0][0])
    assert len(shown) != len(events) or not np.array_equal(shown, events)
    assert set(np.unique(np.setdiff1d(shown["t"], events["t"]))) <= set(bin_centres(events, 3, "time", window=window))


def test_fractions_have_no_events() -> None:
    events = make_events([0, 1], [0, 1], [0, 9], [0, 1])

    with pytest.raises(ValueError, match="valid_frames=True for events"):
        DynamicBackdoor(None, 1).on_events(events, (16, 16), n_bins=2)
