"""The retiming trigger: events move in time, and every pixel and polarity keeps as many as it had."""

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from art_snn._arrays import is_tensor
from art_snn._declared import Count, Fraction, Seed
from art_snn.attacks.poisoning._retimed_samples import retimed_frames, retimed_stream
from art_snn.attacks.poisoning._retiming_moves import PRIORITIES, Moves, Shape, bin_targets
from art_snn.attacks.poisoning._tensor_trigger import apply_to_tensor
from art_snn.attacks.poisoning.neuromorphic_trigger import Bins, NeuromorphicTrigger, checked_frames
from art_snn.events import (
    SensorSize,
    SplitBy,
    Window,
    check_bins,
    check_events,
    check_sensor_size,
    is_stream,
    streams_of,
)
from art_snn.typing import Events, Frames


@dataclass(frozen=True)
class RetimingTrigger(NeuromorphicTrigger):
    """Move events to other time bins, and add or remove none: for each pixel and polarity their number stays the same.

    Which of them move follows from the sample's counts and the seed, so a sample gets the same trigger alone, in a
    batch or as events. Frames must be whole counts of bins by time. Bins by count hold equal numbers of events by
    definition, which only "exchange" keeps: other frames that result are those of no stream. Retime the stream there,
    and then bin it.

    Args:
        shape: Way in which events move: "delay", "warp", "gather" or "exchange". "delay" moves them `max_shift` bins
            later; what would leave the recording goes into its last bin. "warp" maps time monotonely, first fast, at
            the end slow, and keeps both ends. "gather" draws them into bins that are 2 · `max_shift` + 1 apart.
            "exchange" lets events of the left half of the sensor trade their times with those of the right half that
            lie `max_shift` bins earlier, one for one: the number of events in each bin stays the same, too.
        max_shift: Largest distance that an event moves, in time bins, from 1 up.
        fraction: Largest share of a sample's events that move, in [0, 1]; "exchange" moves no more than find a partner.
        frames: Time bins within which events move, from 0 up, each run of them like a recording of its own; None for
            all, () for none.
        seed: Seed that decides which events move where not all do, or find a partner.

    Source: a fixed transformation of timestamps that keeps all counts: Riaño et al., 2026,
    https://arxiv.org/abs/2607.28075; bounds as in Spike-retiming, 2026, https://arxiv.org/abs/2602.03284. "exchange"
    is ours: we know of no published trigger that keeps the events of each pixel and of each time bin.

    >>> frames = np.zeros((3, 2, 1, 2), np.uint8)
    >>> frames[2, 1, 0, 0], frames[1, 1, 0, 1] = 2, 1
    >>> RetimingTrigger("exchange", max_shift=1)(frames)[:, 1, 0].tolist()
    [[0, 0], [1, 0], [1, 1]]
    """

    keeps_counts: ClassVar[bool] = True

    shape: Shape = "delay"
    max_shift: Count = 2
    fraction: Fraction = 1.0
    frames: Bins | None = None
    seed: Seed = 0

    def __call__(self, x: Frames) -> Frames:
        """Copy frames and move their events.

        Raises:
            ValueError: If the frames have another layout, or hold others than whole counts, or a value would exceed
                what their dtype holds exactly.
            TypeError: If they are not an array of numbers, such as event streams.
        """
        if is_tensor(x):
            return apply_to_tensor(self, "frames", x)  # type: ignore[no-any-return]
        x = checked_frames(x, alone=True)
        return retimed_frames(x, self._moves(*x.shape[-4:]))

    def on_events(
        self,
        events: Events | Iterable[Events],
        sensor_size: SensorSize,
        *,
        n_bins: int | None = None,
        split_by: SplitBy = "time",
        window: Window | None = None,
    ) -> Events:
        """Retime event streams: binned by time in the same window, they give the triggered frames.

        Events that "exchange" chooses trade their timestamps. Others keep their place within the bin. The first
        timestamp of a stream may change; without `window` a warning says so, as bins would then begin elsewhere.

        Args:
            events: One stream with fields x, y, t, p, or an object array (N,) of streams, which are not changed.
            sensor_size: (W, H) or (W, H, 2), pixels.
            n_bins: Time bins of the frames that the trigger is made for.
            split_by: Rule that cuts those bins, as in `art_snn.events.to_frames`. With "count" the retimed stream has
                other bins.
            window: Interval (start, stop) in µs, half-open, that the bins cover; None is (first, last + 1) of each
                stream. Events outside stay as they are.

        Raises:
            ValueError: If an event is off the sensor or out of order, `n_bins` is missing, or a bin to which events
                move holds no whole µs.
        """
        if n_bins is None:
            raise ValueError("expected n_bins, the frames' time bins, between which events move, got None")
        check_bins(n_bins, split_by)
        width, height, n_polarities = check_sensor_size(sensor_size)
        streams = streams_of(events)
        for stream in streams:
            check_events(stream, sensor_size)
        moves = self._moves(n_bins, n_polarities, height, width)
        triggered = np.empty(len(streams), object)
        for row, stream in enumerate(streams):
            triggered[row] = retimed_stream(stream, moves, split_by, window)
        if window is None and split_by != "count":
            _warn_of_other_ends(streams, triggered)
        return triggered[0] if is_stream(events) else triggered

    def _moves(self, *size: int) -> Moves:
        """What to do with recordings of T, 2, H and W; warn if that is nothing, although something was asked for."""
        self._check_frames_below(size[0])
        targets = bin_targets(self.shape, self.max_shift, size[0], self.frames)
        is_still = (targets == np.arange(size[0])).all() or (self.shape == "exchange" and size[-1] == 1)
        if is_still and self.frames != () and self.fraction:
            n_bins, _, height, width = size
            message = f"{self} moves nothing in {n_bins} time bins of {height} × {width} pixels"
            warnings.warn(message, stacklevel=3)  # the line that called the trigger
        priorities = np.random.default_rng(self.seed).integers(PRIORITIES, size=size)
        return Moves(targets, self.shape == "exchange", self.fraction, priorities)


def _warn_of_other_ends(streams: Iterable[Any], triggered: Iterable[Any]) -> None:
    """Warn if the bins of a stream's own recording would lie elsewhere."""
    for before, after in zip(streams, triggered, strict=True):
        if len(before) and (before["t"][[0, -1]] != after["t"][[0, -1]]).any():
            begin, end = before["t"][[0, -1]]
            warnings.warn(
                f"the trigger moved the first event of a recording that lasts from {begin} to {end} µs; give "
                f"window=({begin}, {end + 1}) here and where it is binned",
                stacklevel=3,
            )
            return
