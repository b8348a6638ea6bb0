"""What all neuromorphic triggers share: they act on frames and on raw events, in some time bins or in all."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Self

from art_snn._arrays import as_numbers
from art_snn._declared import CheckedFields, Declared
from art_snn._layouts import check_frames
from art_snn._validation import check_at_least, check_counts, whole_numbers
from art_snn.events import SensorSize, SplitBy, Window
from art_snn.typing import Events, Frames


def checked_bins(name: str, frames: Collection[int]) -> tuple[int, ...]:
    """Check numbers of time bins, from 0 up, and return each once, in order."""
    chosen = whole_numbers(name, frames, "time bins")
    for frame in chosen:
        check_at_least(name, frame, 0)
    return tuple(sorted(set(chosen)))


Bins = Annotated[Collection[int], Declared("numbers of time bins", checked_bins)]


class NeuromorphicTrigger(CheckedFields, ABC):
    """A trigger for frames (N, T, 2, H, W), or one sample (T, 2, H, W), and for streams of events.

    Binned by time in the same window, triggered streams give the triggered frames.
    """

    needs_frames: ClassVar[bool] = True
    needs_fitting: ClassVar[bool] = False  # whether it is of use only after `fit`
    keeps_counts: ClassVar[bool] = False  # whether it moves events in time alone: each pixel and polarity keeps its own
    frames: Bins | None = None

    @property
    def needs_classifier(self) -> bool:
        """Whether `fit` takes a trained classifier of the attacker's beside samples."""
        return False

    @abstractmethod
    def __call__(self, x: Frames) -> Frames:
        """Trigger frames, which are not changed; tensors give tensors."""

    @abstractmethod
    def on_events(
        self,
        events: Events | Iterable[Events],
        sensor_size: SensorSize,
        *,
        n_bins: int | None = None,
        split_by: SplitBy = "time",
        window: Window | None = None,
    ) -> Events:
        """Trigger one stream or an object array (N,) of streams, which are not changed."""

    def for_set(self, x: Frames) -> Self:
        """The trigger for a set (N, T, 2, H, W): this one, unless it chooses anew for each set.

        Raises:
            ValueError: If the samples are no such set.
        """
        check_frames("frames", x)
        return self

    def during(self, start: int, length: int) -> Self:
        """The same trigger in other time bins: from `start` on, `length` of them.

        Raises:
            TypeError: If it cannot be restricted to time bins.
        """
        own: Any = self
        if "frames" not in getattr(own, "__dataclass_fields__", ()):
            raise TypeError(f"expected a trigger that takes frames, got {own}")
        elsewhere: Self = replace(own, frames=range(start, start + length))
        return elsewhere

    def _check_frames_below(self, n_bins: int) -> None:
        """Check that recordings of `n_bins` have all the time bins of `frames`."""
        missing = [frame for frame in self.frames or () if frame >= n_bins]
        if missing:
            raise ValueError(f"expected frames below the {n_bins} time bins of the samples, got {missing}")


def checked_frames(x: Frames, *, alone: bool = False) -> Frames:
    """Read frames of counts, (N, T, 2, H, W), or with `alone` also (T, 2, H, W), as an array.

    Raises:
        ValueError: If they have another layout, or hold NaN, infinity or negative counts.
        TypeError: If they are not an array of numbers, such as event streams.
    """
    x = as_numbers("frames", x)
    check_frames("frames", x, alone=alone)
    check_counts("frames", x)
    return x
