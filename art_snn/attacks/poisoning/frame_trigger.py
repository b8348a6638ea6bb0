"""What all neuromorphic triggers share: they stamp rectangles of one state into some time bins."""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

import numpy as np

from art_snn._validation import check_at_least, check_axes
from art_snn.attacks.poisoning.polarity import CHANNELS, Polarity
from art_snn.typing import Frames


class Stamp(NamedTuple):
    """A rectangle in one time bin."""

    frame: int
    rows: slice
    columns: slice


class FrameTrigger(ABC):
    """A trigger for frames (N, T, 2, H, W), or one sample (T, 2, H, W), that overwrites rectangles with zeros and ones.

    A child is a frozen dataclass that says where (`stamps`) and what (`state`).
    """

    frames: Collection[int] | None = None

    @abstractmethod
    def stamps(self, n_bins: int, height: int, width: int) -> Iterable[Stamp]:
        """Where it writes in a recording of so many time bins, were it not for `frames`; within the sensor."""

    @property
    @abstractmethod
    def state(self) -> Polarity:
        """What it makes of the pixels where it writes."""

    def __call__(self, x: Frames) -> Frames:
        """New frames with the trigger: values are overwritten by exactly 0 or 1, whatever the count was."""
        x = np.asarray(x)
        check_frame_axes(x, "(N, T, 2, H, W)", "(T, 2, H, W)")
        n_bins, _, height, width = x.shape[-4:]
        stamps = self.chosen_stamps(n_bins, height, width)
        triggered = x.copy()
        for channel, value in enumerate(CHANNELS[self.state]):
            for frame, rows, columns in stamps:
                triggered[..., frame, channel, rows, columns] = value
        return triggered

    def chosen_stamps(self, n_bins: int, height: int, width: int) -> list[Stamp]:
        """The stamps in the time bins of `frames`; a warning if there are none although bins were chosen.

        Raises:
            ValueError: If `frames` names a bin that the recording does not have.
        """
        stamps = list(self.stamps(n_bins, height, width))
        if self.frames is not None:
            missing = [frame for frame in self.frames if frame >= n_bins]
            if missing:
                raise ValueError(f"expected frames below the {n_bins} time bins of the samples, got {missing}")
            stamps = [stamp for stamp in stamps if stamp.frame in self.frames]
        if not stamps and self.frames != ():
            message = f"{self} writes nothing into {n_bins} time bins of {height} × {width} pixels"
            warnings.warn(message, stacklevel=3)  # the line that called the trigger
        return stamps


def check_frames(frames: Collection[int] | None) -> tuple[int, ...] | None:
    """Numbers of time bins from 0 up, each once and in order; None for all."""
    if frames is None:
        return None
    chosen = tuple(frames)
    for frame in chosen:
        check_at_least("frames", frame, 0)
    return tuple(sorted({int(frame) for frame in chosen}))


def check_frame_axes(x: Frames, *layouts: str) -> None:
    """Frames of one of the layouts, with an OFF and an ON channel."""
    check_axes("frames", x, *layouts)
    if x.shape[-3] != 2:
        raise ValueError(f"expected frames of shape {' or '.join(layouts)}, OFF and ON channel, got shape {x.shape}")


def square(frame: int, row: int, column: int, side: int, height: int, width: int) -> Iterator[Stamp]:
    """The stamp of a square, cut off at the border of the sensor; none if it lies outside."""
    top, bottom = max(0, row), min(height, row + side)
    left, right = max(0, column), min(width, column + side)
    if top < bottom and left < right:
        yield Stamp(frame, slice(top, bottom), slice(left, right))
