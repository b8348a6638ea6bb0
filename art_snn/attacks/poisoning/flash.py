"""The flash trigger: the whole frame takes one state, in one run of time bins or strobing."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from art_snn._declared import Count, CountOrZero
from art_snn._validation import check_at_least
from art_snn.attacks.poisoning._rectangles import Rectangle
from art_snn.attacks.poisoning.frame_trigger import FrameTrigger
from art_snn.attacks.poisoning.polarity import Polarity


@dataclass(frozen=True)
class FlashTrigger(FrameTrigger):
    """Set all pixels to one state in some time bins, as when a light flashes at the camera.

    For a patch that flashes, give `strobe_frames` to another trigger's `frames`.

    Args:
        polarity: "on", "off" or "both" write events everywhere, "none" erases all.
        start: First time bin of the flash, from 0 up.
        length: Number of time bins in which pulses may begin, from 1 up; the last pulse is completed.
        on: Number of time bins that each pulse lasts, from 1 up.
        gap: Number of time bins between pulses; 0 gives one long flash, more a strobe.

    Source: Riaño et al., Flashy Backdoor, 2024, https://arxiv.org/abs/2411.03022, and its released code.

    >>> import numpy as np
    >>> FlashTrigger(length=4, gap=1)(np.zeros((6, 2, 1, 1), np.uint8))[:, 1, 0, 0].tolist()
    [1, 0, 1, 0, 0, 0]
    """

    polarity: Polarity = "on"
    start: CountOrZero = 0
    length: Count = 4
    on: Count = 1
    gap: CountOrZero = 0

    def during(self, start: int, length: int) -> "FlashTrigger":
        """The same flash, or pulses, from another time bin on and for another time."""
        return replace(self, start=start, length=length, on=self.on if self.gap else 1)

    def rectangles(self, n_bins: int, height: int, width: int) -> Iterator[Rectangle]:
        """The whole sensor in each time bin of a flash."""
        for frame in self.lit_bins(n_bins):
            yield Rectangle(frame, slice(0, height), slice(0, width))

    def lit_bins(self, n_bins: int) -> tuple[int, ...]:
        """Time bins in which it flashes, in recordings of `n_bins`."""
        check_at_least("n_bins", n_bins, 1)
        pulses = range(self.start, min(self.start + self.length, n_bins), self.on + self.gap)
        return tuple(frame for pulse in pulses for frame in range(pulse, min(pulse + self.on, n_bins)))


def strobe_frames(n_bins: int, start: int = 0, length: int = 4, on: int = 1, gap: int = 0) -> tuple[int, ...]:
    """Time bins in which a `FlashTrigger` of these arguments flashes, in recordings of `n_bins`.

    >>> strobe_frames(16, start=2, length=6, on=2, gap=2)
    (2, 3, 6, 7)
    """
    return FlashTrigger(start=start, length=length, on=on, gap=gap).lit_bins(n_bins)
