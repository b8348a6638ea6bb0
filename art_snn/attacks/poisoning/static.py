"""The static trigger: one patch at one place in every frame."""

from collections.abc import Iterator
from dataclasses import dataclass

from art_snn._declared import Seed
from art_snn.attacks.poisoning._patch_placement import Place, Size, side_in_pixels, upper_left
from art_snn.attacks.poisoning._rectangles import Rectangle, clipped_square
from art_snn.attacks.poisoning.frame_trigger import FrameTrigger
from art_snn.attacks.poisoning.neuromorphic_trigger import Bins
from art_snn.attacks.poisoning.polarity import Polarity


@dataclass(frozen=True)
class StaticTrigger(FrameTrigger):
    """The same square in every time bin, or in those of `frames`.

    Args:
        size: Side in pixels from 1 up, or below 1 the fraction of the frame's shorter side.
        position: A corner, "middle", "random" (one place for all samples), or (row, column) of the upper left pixel.
        polarity: "on", "off" or "both" write events, "none" erases them.
        frames: Time bins to write into, from 0 up; None for all, () for none.
        seed: Seed of the random place.

    Source: Abad et al., Sneaky Spikes, NDSS 2024, https://arxiv.org/abs/2302.06279; with `frames` Riaño
    et al., Flashy Backdoor, 2024, https://arxiv.org/abs/2411.03022 ("framed"), and Abad et al., Time-Bandits, 2024,
    https://arxiv.org/abs/2402.02886 (bins `range(i * T // k, (i + 1) * T // k)` for attacker i of k).

    >>> import numpy as np
    >>> StaticTrigger(size=1, polarity="off")(np.zeros((1, 2, 2, 2), np.uint8)).tolist()
    [[[[1, 0], [0, 0]], [[0, 0], [0, 0]]]]
    """

    size: Size = 0.1
    position: Place = "top-left"
    polarity: Polarity = "on"
    frames: Bins | None = None
    seed: Seed = 0

    @property
    def is_static(self) -> bool:
        """True unless `frames` restricts it to some bins."""
        return self.frames is None

    def rectangles(self, n_bins: int, height: int, width: int) -> Iterator[Rectangle]:
        """One square a time bin."""
        side = side_in_pixels(self.size, height, width)
        row, column = upper_left(self.position, side, height, width, self.seed)
        for frame in range(n_bins):
            yield from clipped_square(frame, row, column, side, height, width)
