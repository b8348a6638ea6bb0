"""Laws of triggers, which turn clean samples into triggered ones.

`x` is a batch that the trigger is made for, N first, with at least two samples that differ. The laws pass copies of it,
so that a trigger that works in place breaks one law only.
"""

import copy
import pickle
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from art_snn.events import SensorSize, Window, to_frames
from art_snn.testing._raising import message_of
from art_snn.typing import Array, Events, Trigger


def check_trigger_keeps_shape_and_dtype(trigger: Trigger, x: Array) -> None:
    """Triggered samples have the shape and the dtype of the clean ones."""
    triggered = trigger(x)
    assert triggered.shape == x.shape, f"shape {x.shape} became {triggered.shape}"
    assert triggered.dtype == x.dtype, f"dtype {x.dtype} became {triggered.dtype}"


def check_trigger_leaves_input_alone(trigger: Trigger, x: Array) -> None:
    """The clean samples do not change, and the triggered ones share no memory with them."""
    before = x.copy()
    triggered = trigger(x)
    assert np.array_equal(x, before), "the input was changed"
    assert not np.may_share_memory(triggered, x), "the output shares memory with the input"


def check_trigger_repeats_itself(trigger: Trigger, x: Array) -> None:
    """The same call gives the same result, also after other calls."""
    first = trigger(x.copy())
    trigger(x[::-1].copy())
    assert np.array_equal(trigger(x.copy()), first), "a second call gave another result"


def check_trigger_treats_samples_alone(trigger: Trigger, x: Array) -> None:
    """A batch is triggered like its samples one by one, with or without the batch axis."""
    triggered = trigger(x.copy())
    alone = np.stack([trigger(sample.copy()) for sample in x])
    assert np.array_equal(alone, triggered), "a sample alone comes out otherwise"
    assert np.array_equal(trigger(x[::-1].copy()), triggered[::-1]), "the order of samples matters"


def check_trigger_stays_within(trigger: Trigger, x: Array, low: float, high: float) -> None:
    """Values stay within their bounds: the clip values, or counts from 0 up."""
    triggered = trigger(x)
    assert low <= triggered.min(), f"the lowest value is {triggered.min()}, below {low}"
    assert triggered.max() <= high, f"the highest value is {triggered.max()}, above {high}"


def check_trigger_changes_something(trigger: Trigger, x: Array) -> None:
    """Every sample is changed; otherwise most other laws would prove nothing."""
    changed = (trigger(x.copy()) != x).reshape(len(x), -1).any(axis=1)
    assert changed.all(), f"samples {np.flatnonzero(~changed)} were not changed"


def check_trigger_changes_nothing(trigger: Trigger, x: Array) -> None:
    """A trigger that is switched off (`blend=0`, `frames=()`) gives an equal copy."""
    assert np.array_equal(trigger(x.copy()), x), "a trigger that is switched off changed the samples"


def check_trigger_keeps_counts(trigger: Trigger, x: Array) -> None:
    """Each pixel and polarity of frames (N, T, 2, H, W) has as many events as before, over all time bins together."""
    before, after = (frames.sum(axis=1, dtype=np.float64) for frames in (x, trigger(x.copy())))
    assert np.array_equal(before, after), f"{(before != after).sum()} pixels have another number of events"


def check_trigger_is_a_value(trigger: Trigger, x: Array) -> None:
    """Copies made by `copy` and `pickle` are equal, do the same, and the repr names the class."""
    assert repr(trigger).startswith(type(trigger).__name__), f"the repr is {trigger!r}"
    for twin in (copy.deepcopy(trigger), pickle.loads(pickle.dumps(trigger))):  # noqa: S301 - made on this very line
        assert twin == trigger, "a copy is not equal"
        assert hash(twin) == hash(trigger), "a copy has another hash"
        assert np.array_equal(twin(x.copy()), trigger(x.copy())), "a copy does something else"


def check_trigger_agrees_on_events(
    trigger: Any, events: Events, sensor_size: SensorSize, n_bins: int, window: Window
) -> None:
    """Triggered events, binned by time, are active exactly where the triggered frames are.

    The counts of a trigger that moves events (`keeps_counts`) are equal, too.

    Args:
        trigger: Trigger that acts on frames and, by `on_events`, on streams.
        events: One stream.
        sensor_size: Width and height in pixels.
        n_bins: Number of time bins.
        window: Interval (start, stop) in µs that the bins cover.
    """
    before = events.copy()
    triggered = trigger.on_events(events, sensor_size, n_bins=n_bins, window=window)
    assert np.array_equal(events, before), "the input was changed"
    assert triggered.dtype == events.dtype, f"dtype {events.dtype} became {triggered.dtype}"
    binned = to_frames(triggered, sensor_size, n_bins, "time", window=window)
    expected = trigger(to_frames(events, sensor_size, n_bins, "time", window=window))
    lit = (binned > 0) != (expected > 0)
    assert not lit.any(), f"{lit.sum()} values are lit in one view only"
    if getattr(trigger, "keeps_counts", False):
        assert np.array_equal(binned, expected), f"{(binned != expected).sum()} counts differ between the views"


def check_trigger_rejects_axes(trigger: Trigger, x: Array) -> None:
    """One axis too many or two too few gives a ValueError that names the layout and the shape."""
    for wrong in (x[None], x[0, 0]):
        message = message_of(ValueError, partial(trigger, wrong))
        assert str(wrong.shape) in message, f"the message does not name shape {wrong.shape}: {message}"
        assert "(N, " in message, f"the message does not name the layout: {message}"


def check_trigger_rejects_sizes(make: Callable[[float], Trigger], x: Array) -> None:
    """Sizes of 0 or less, above 1 with a fraction, or above the shorter side give a ValueError, when made or used."""

    def use(size: float) -> Array:
        return make(size)(x)

    for size in (0, -1, -0.1, 1.5, min(x.shape[-2:]) + 1):
        message = message_of(ValueError, partial(use, size))
        assert "size" in message, f"the message does not name the size: {message}"
