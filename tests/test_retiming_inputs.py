"""Retiming refuses what it cannot retime, and warns where nothing moves."""

from typing import Any

import numpy as np
import pytest

from art_snn.attacks.poisoning import RetimingTrigger
from art_snn.events import make_events
from art_snn.typing import Array
from tests.test_retiming import EXCHANGE, SENSOR, SHAPES, counts


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"shape": "swap"}, ValueError, "shape to be one of 'delay', 'warp', 'gather', 'exchange', got 'swap'"),
        ({"max_shift": 0}, ValueError, "max_shift to be at least 1"),
        ({"max_shift": 1.5}, TypeError, "max_shift to be a whole number"),
        ({"fraction": 1.1}, ValueError, "fraction to be a fraction in"),
        ({"fraction": -0.1}, ValueError, "fraction to be a fraction in"),
        ({"seed": -1}, ValueError, "seed to be at least 0"),
        ({"frames": [-1]}, ValueError, "frames to be at least 0"),
    ],
)
def test_what_is_no_trigger_is_refused(arguments: dict[str, Any], error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        RetimingTrigger(**arguments)


@pytest.mark.parametrize(
    ("trigger", "x", "message"),
    [
        (
            RetimingTrigger(),
            counts() * np.float32(0.5),
            "whole counts, as events move whole, got .*5; give them before",
        ),
        (
            RetimingTrigger(max_shift=8),
            counts() * 0 + np.uint8(200),
            "holds 1600 events a pixel and time bin.* got uint8",
        ),
        (RetimingTrigger(), counts() * 0 + 1 > 0, "holds 3 events a pixel and time bin.* got bool"),
        (RetimingTrigger(), counts().astype(np.float16) * 0 + 2048, "holds 6144 events .* got float16"),
        (RetimingTrigger(frames=[3, 9]), counts(), r"frames below the 8 time bins of the samples, got \[9\]"),
        (RetimingTrigger(), counts() * np.float32(np.nan), "counts from 0 up"),
    ],
)
def test_frames_whose_events_cannot_move_are_refused(trigger: RetimingTrigger, x: Array, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        trigger(x)


def test_counts_that_no_memory_holds_are_refused() -> None:
    with pytest.raises(MemoryError, match="the events of 1 samples to fit into"):
        RetimingTrigger()(np.full((1, 4, 2, 3, 3), 1e15))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "expected n_bins, the frames' time bins, between which events move, got None"),
        ({"n_bins": 0}, "n_bins to be at least 1"),
        ({"n_bins": 8, "split_by": "frame"}, "split_by to be 'count', 'time' or a duration"),
        ({"n_bins": 8, "window": (0, 7)}, "expected 8 bins of at least 1 µs each, got a window of 7 µs"),
    ],
)
def test_streams_whose_events_cannot_move_are_refused(arguments: dict[str, Any], message: str) -> None:
    events = make_events([0] * 7, [0] * 7, range(7), [1] * 7)

    with pytest.raises(ValueError, match=message):
        RetimingTrigger(max_shift=1).on_events(events, SENSOR, **arguments)


def test_a_time_that_the_stream_cannot_hold_is_refused() -> None:
    events = np.array([(0, 0, 100, 1)], [("x", "i2"), ("y", "i2"), ("t", "u1"), ("p", "u1")])

    with pytest.raises(ValueError, match=r"expected a field t that holds .* 300 to 300 µs, got dtype uint8"):
        RetimingTrigger(max_shift=1).on_events(events, SENSOR, n_bins=4, window=(0, 800))


@pytest.mark.parametrize("trigger", [RetimingTrigger(shape) for shape in SHAPES], ids=SHAPES)
def test_a_trigger_that_moves_nothing_warns_where_it_was_called(trigger: RetimingTrigger) -> None:
    with pytest.warns(UserWarning, match="moves nothing in 1 time bins of 3 × 5 pixels") as caught:
        triggered = trigger(counts(n_bins=1))

    assert caught[0].filename == __file__
    assert np.array_equal(triggered, counts(n_bins=1))


def test_an_exchange_on_one_column_warns() -> None:
    with pytest.warns(UserWarning, match="moves nothing in 8 time bins of 3 × 1 pixels"):
        EXCHANGE(counts()[..., :1])
