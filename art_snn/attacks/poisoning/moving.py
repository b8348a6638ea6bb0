"""The moving trigger: one patch that changes its place from frame to frame."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from art_snn._declared import Seed
from art_snn.attacks.poisoning._patch_placement import Place, Size, side_in_pixels, upper_left
from art_snn.attacks.poisoning._rectangles import Rectangle, clipped_square
from art_snn.attacks.poisoning.frame_trigger import FrameTrigger
from art_snn.attacks.poisoning.neuromorphic_trigger import Bins
from art_snn.attacks.poisoning.polarity import Polarity

Motion = Literal["reference", "smooth"]

_PACE = 2  # pixels a frame in smooth motion


@dataclass(frozen=True)
class MovingTrigger(FrameTrigger):
    """A square that moves along its row of pixels.

    "reference" moves as in the released code, which gave the published figures: three places in turn, the first, then
    s + 2 and 2 s + 2 pixels to its right (to its left from a right corner), in all but the last time bin, hence none
    for T = 1. From "middle" the first square's corner lies 2 pixels up and left of the centre. Parts beyond the
    border are cut off. "smooth" moves as the paper says: 2 pixels to the right each time bin, re-entering at the left.

    Args:
        size: Side s in pixels from 1 up, or below 1 the fraction of the frame's shorter side.
        position: Place where it starts: a corner, "middle", "random" (one place for all samples), or (row, column) of
            the upper left pixel.
        polarity: "on", "off" or "both" write events, "none" erases them.
        motion: Path of the square, "reference" or "smooth".
        frames: Time bins to write into, from 0 up; None for all, () for none.
        seed: Seed of the random place.

    Source: Abad et al., Sneaky Spikes, NDSS 2024, https://arxiv.org/abs/2302.06279, and its released code.

    >>> MovingTrigger(size=1)(np.zeros((4, 2, 1, 9), np.uint8))[:, 1, 0].argmax(axis=1).tolist()
    [0, 3, 4, 0]
    """

    size: Size = 0.1
    position: Place = "top-left"
    polarity: Polarity = "on"
    motion: Motion = "reference"
    frames: Bins | None = None
    seed: Seed = 0

    def rectangles(self, n_bins: int, height: int, width: int) -> Iterator[Rectangle]:
        """One square a time bin; two where it re-enters at the left border."""
        side = side_in_pixels(self.size, height, width)
        if self.motion == "smooth":
            row, column = upper_left(self.position, side, height, width, self.seed)
            for frame in range(n_bins):
                left = (column + _PACE * frame) % width
                yield from clipped_square(frame, row, left, side, height, width)
                yield from clipped_square(frame, row, left - width, side, height, width)
            return
        row, column = self._reference_start(side, height, width)
        towards = -1 if isinstance(self.position, str) and self.position.endswith("right") else 1
        offsets = (0, side + 2, 2 * side + 2)
        for frame in range(n_bins - 1):
            yield from clipped_square(frame, row, column + towards * offsets[frame % 3], side, height, width)

    def _reference_start(self, side: int, height: int, width: int) -> tuple[int, int]:
        if self.position == "middle":
            return height // 2 - 2, width // 2 - 2
        if self.position == "random":
            rng = np.random.default_rng(self.seed)
            row, column = (int(rng.integers(max(1, length - 2 * side))) for length in (height, width))
            return row, column
        return upper_left(self.position, side, height, width)
