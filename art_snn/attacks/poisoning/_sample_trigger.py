"""Apply any trigger to samples of any kind, images, frames or event streams, and check what it returns."""

from dataclasses import dataclass, replace
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np

from art_snn._arrays import as_labels, as_samples, is_stream, is_tensor
from art_snn.attacks.poisoning._threaded_copy import copied
from art_snn.events import SensorSize, SplitBy, Window, stack_streams
from art_snn.typing import Array, Events, Labels, Trigger


def checked_samples(x: Any) -> Array:
    """Read samples for an attack: an array, N first, or an object array (N,) of event streams, or a list of either.

    Raises:
        TypeError: If this is a tensor (the attack would return an array), a single event stream, or no samples.
        ValueError: If it has no axis of samples.
    """
    if is_tensor(x):
        raise TypeError("expected samples as an array, got a tensor; give x.detach().cpu().numpy()")
    is_list_of_streams = isinstance(x, list | tuple) and len(x) > 0 and all(map(is_stream, x))
    if is_list_of_streams or (isinstance(x, np.ndarray) and x.dtype == object and x.ndim == 1):
        return stack_streams(x)
    if is_stream(x):
        cure = "[x] is a set of one" if x.ndim == 1 else "list(x) takes them apart"
        raise TypeError(
            f"expected samples as a list or an object array (N,) of event streams, got shape {x.shape}; {cure}"
        )
    return as_samples("samples", x)


def checked_labels(y: Any, *, n_copies: int | None = None) -> Labels:
    """Read labels for an attack as an array; with `n_copies`, repeat the one label that stands for all.

    Raises:
        TypeError: If this is a tensor (the attack would return an array), or no labels.
    """
    if is_tensor(y):
        raise TypeError("expected labels as an array, got a tensor; give y.detach().cpu().numpy()")
    if n_copies is None:
        return as_labels("labels", y)
    label = as_labels("labels", np.atleast_1d(y))
    return np.broadcast_to(label, (n_copies, *label.shape))


@runtime_checkable
class SetTrigger(Protocol):
    """A trigger that copies what it changes, and says for which sets of samples it is made; ART's are functions."""

    def __call__(self, x: Array) -> Array: ...

    def for_set(self, x: Array) -> Trigger: ...


@runtime_checkable
class EventTrigger(Protocol):
    """A trigger that acts on raw events, too."""

    def on_events(
        self,
        events: Events,
        sensor_size: SensorSize,
        *,
        n_bins: int | None = None,
        split_by: SplitBy = "time",
        window: Window | None = None,
    ) -> Events: ...


@dataclass(frozen=True)
class SampleTrigger:
    """Any trigger for samples of any kind: images or frames as arrays, events as an object array of streams.

    Args:
        trigger: Function that is called with samples, which it may change in place unless it is a `SetTrigger`.
        sensor_size: Width and height of the sensor in pixels; needed for events.
        n_bins: Time bins of the frames that the trigger is made for, as in `FrameTrigger.on_events`.
        split_by: Rule that cuts those bins, as in `FrameTrigger.on_events`.
        window: Interval that they are cut from, as in `FrameTrigger.on_events`.
    """

    trigger: Trigger
    sensor_size: SensorSize | None
    n_bins: int | None
    split_by: SplitBy
    window: Window | None

    def __call__(self, x: Array) -> Array:
        """Apply the trigger to all samples.

        Raises:
            ValueError: If the trigger gives back another shape or dtype, or events come without `sensor_size`.
            TypeError: If events meet a trigger that does not act on them.
        """
        expected = f"an array of shape {x.shape} and dtype {x.dtype}"  # before a trigger changes it in place
        triggered = self.trigger(x) if x.dtype != object else self._on_events(x)
        shape, dtype = getattr(triggered, "shape", None), getattr(triggered, "dtype", None)
        if not isinstance(triggered, np.ndarray) or (shape, dtype) != (x.shape, x.dtype):
            got = f"shape {shape} and dtype {dtype}" if isinstance(triggered, np.ndarray) else repr(triggered)
            raise ValueError(f"expected the trigger to give back {expected} as it got, got {got}")
        return triggered

    def on_copy(self, x: Array) -> Array:
        """Apply the trigger to all samples and leave `x` as it is, also if the trigger works in place."""
        return self(x if isinstance(self.trigger, SetTrigger) else copied(x))

    def for_set(self, x: Array) -> Self:
        """The trigger for these samples, a batch also where it would take one sample alone.

        Raises:
            ValueError: If they have another layout, or events come without `sensor_size`.
            TypeError: If events meet a trigger that does not act on them.
        """
        if x.dtype == object:
            self._event_trigger()
        elif isinstance(self.trigger, SetTrigger):
            return replace(self, trigger=self.trigger.for_set(x))
        return self

    def _on_events(self, streams: Events) -> Events:
        trigger, sensor_size = self._event_trigger()
        return trigger.on_events(streams, sensor_size, n_bins=self.n_bins, split_by=self.split_by, window=self.window)

    def _event_trigger(self) -> tuple[EventTrigger, SensorSize]:
        if not isinstance(self.trigger, EventTrigger):
            raise TypeError(
                f"expected a trigger that acts on events, got {self.trigger}; bin the events into frames first"
            )
        if self.sensor_size is None:
            raise ValueError("expected sensor_size (W, H) for samples that are event streams, got None")
        return self.trigger, self.sensor_size
