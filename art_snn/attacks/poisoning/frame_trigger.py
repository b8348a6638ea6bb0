"""Neuromorphic triggers that write rectangles of one state into some time bins of frames or events."""

import warnings
from abc import abstractmethod
from collections.abc import Iterable
from typing import Any

import numpy as np

from art_snn._arrays import is_tensor
from art_snn.attacks.poisoning._event_insertion import EventTiming, warn_of_lost_ends, write_on_events
from art_snn.attacks.poisoning._rectangles import Rectangle
from art_snn.attacks.poisoning._tensor_trigger import apply_to_tensor
from art_snn.attacks.poisoning._threaded_copy import copied
from art_snn.attacks.poisoning.neuromorphic_trigger import NeuromorphicTrigger, checked_frames
from art_snn.attacks.poisoning.polarity import CHANNELS, Polarity
from art_snn.events import SensorSize, SplitBy, Window, check_events, check_sensor_size, is_stream, streams_of
from art_snn.typing import Events, Frames

_STATIC_BINS = 64  # in which a static trigger sends events if nobody says how many


class FrameTrigger(NeuromorphicTrigger):
    """A trigger for frames (N, T, 2, H, W), or one sample (T, 2, H, W), that overwrites rectangles with zeros and ones.

    Tensors give tensors. Of five axes the first is taken for N, of four for T; frames with time first, (T, N, 2, H, W),
    look the same and must be swapped before: `np.swapaxes(x, 0, 1)`.

    A trigger of your own is a frozen dataclass that says where it writes (`rectangles`) and what (`polarity`).
    """

    polarity: Any  # a `Polarity`, unless `state` is another

    @abstractmethod
    def rectangles(self, n_bins: int, height: int, width: int) -> Iterable[Rectangle]:
        """Where it writes in a recording of `n_bins`, before `frames` selects among them; within the sensor."""

    @property
    def state(self) -> Polarity:
        """The polarity that it writes."""
        polarity: Polarity = self.polarity
        return polarity

    @property
    def is_static(self) -> bool:
        """Whether it is the same in every time bin, however many there are."""
        return False

    def __call__(self, x: Frames) -> Frames:
        """Copy frames and overwrite the trigger's values with exactly 0 or 1, whatever the count was.

        Raises:
            ValueError: If the frames have another layout, or hold NaN, infinity or negative counts.
            TypeError: If they are not an array of numbers, such as event streams.
        """
        if is_tensor(x):
            return apply_to_tensor(self, "frames", x)  # type: ignore[no-any-return]
        x = checked_frames(x, alone=True)
        n_bins, _, height, width = x.shape[-4:]
        trigger = self.for_set(x if x.ndim == 5 else x[None])
        rectangles = trigger._chosen_rectangles(n_bins, height, width)
        triggered = copied(x)
        for channel, value in enumerate(CHANNELS[trigger.state]):
            for frame, rows, columns in rectangles:
                triggered[..., frame, channel, rows, columns] = value
        return triggered

    def on_events(
        self,
        events: Events | Iterable[Events],
        sensor_size: SensorSize,
        *,
        n_bins: int | None = None,
        split_by: SplitBy = "time",
        window: Window | None = None,
        events_per_bin: int = 1,
        spacing_us: int = 1,
    ) -> Events:
        """Write the same trigger into event streams: binned by time in the same window, they give the triggered frames.

        In each bin, events in the trigger's pixels are erased, and events of its polarity are inserted around the bin's
        centre. A stream keeps its first and last timestamp: if such an event is erased, the nearest one in its bin
        takes over its time. With "count" the match is near, not exact: each inserted or erased event moves the borders
        of the bins.

        Args:
            events: One stream with fields x, y, t, p, or an object array (N,) of streams, which are not changed.
            sensor_size: (W, H) or (W, H, 2), pixels.
            n_bins: Time bins of the frames that the trigger is made for; None is 64 for a trigger that is the same in
                every bin, and an error for others.
            split_by: Rule that cuts those bins, as in `art_snn.events.to_frames`.
            window: Interval (start, stop) in µs, half-open, that the bins cover; None is (first, last + 1) of each
                stream. Events outside stay as they are.
            events_per_bin: Number of new events a pixel, polarity and bin, from 1 up.
            spacing_us: Time from one of them to the next, µs.

        Raises:
            ValueError: If an event is off the sensor or out of order, `n_bins` is needed, or the new events
                do not fit into a bin.
        """
        if n_bins is None and not self.is_static:
            raise ValueError(
                f"expected n_bins, the frames' time bins, for a trigger that differs among them, got {self}"
            )
        timing = EventTiming(_STATIC_BINS if n_bins is None else n_bins, split_by, window, events_per_bin, spacing_us)
        streams = streams_of(events)
        for stream in streams:
            check_events(stream, sensor_size)
        width, height, _ = check_sensor_size(sensor_size)
        rectangles = self._chosen_rectangles(timing.n_bins, height, width)
        triggered = np.empty(len(streams), object)
        for row, stream in enumerate(streams):
            triggered[row] = write_on_events(stream, rectangles, self.state, timing)
            if window is None:
                warn_of_lost_ends(triggered[row], stream, stacklevel=2)
        return triggered[0] if is_stream(events) else triggered

    def _chosen_rectangles(self, n_bins: int, height: int, width: int) -> list[Rectangle]:
        """Select the rectangles in the time bins of `frames`; warn if there are none although bins were chosen.

        Raises:
            ValueError: If `frames` names a bin that the recording does not have.
        """
        rectangles = list(self.rectangles(n_bins, height, width))
        self._check_frames_below(n_bins)
        if self.frames is not None:
            rectangles = [rectangle for rectangle in rectangles if rectangle.frame in self.frames]
        if not rectangles and self.frames != ():
            message = f"{self} writes nothing into {n_bins} time bins of {height} × {width} pixels"
            warnings.warn(message, stacklevel=3)  # the line that called the trigger
        return rectangles
