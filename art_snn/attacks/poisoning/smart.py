"""The smart trigger: it takes its place and polarity from where the training data are active."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np

from art_snn._declared import CountOrZero, Flag, Seed
from art_snn._random import draw_seed
from art_snn._validation import check_choice
from art_snn.attacks.poisoning._mask_activity import Counting, grid, measure
from art_snn.attacks.poisoning._patch_placement import Size, side_in_pixels
from art_snn.attacks.poisoning._rectangles import Rectangle, clipped_square
from art_snn.attacks.poisoning.frame_trigger import FrameTrigger
from art_snn.attacks.poisoning.neuromorphic_trigger import Bins, checked_frames
from art_snn.attacks.poisoning.polarity import CODES, Polarity
from art_snn.typing import Frames

_STEP = 2  # pixels that the patch moves along each axis


@dataclass(frozen=True)
class SmartTrigger(FrameTrigger):
    """A square that walks at random through the most or least active part of the frame, in its rarest polarity.

    A grid cuts the frame into `(n_masks + 1)²` masks. `fit` chooses the mask and the polarity once, from training data;
    then the trigger is the same for training and test samples. The released code chooses mask, polarity and walk again
    for each set, so that the tested trigger may differ from the trained one: `refit` does the same.

    Args:
        size: Side in pixels from 1 up, or below 1 the fraction of the frame's shorter side; less than half a mask's.
        area: Activity of the mask that is chosen, "most" or "least"; of equals the first.
        polarity: State of that mask that is written, its "rarest" or "commonest".
        n_masks: Number of lines of the grid each way, from 0 up; the name is the released code's.
        seed: Seed of the walk.
        counting: Measure of activity: "reference", as released, counts pixels of exactly 1 event; "pixels" counts each
            pixel and time bin with events; "transitions", as in the paper, counts changes of state that do not end in
            "none".
        frames: Time bins to write into, from 0 up; None for all, () for none.
        refit: Whether to fit the trigger anew to each set of frames that it is called with or that an attack poisons,
            with another walk.
        mask: Number of the mask that `fit` chose, row by row from 0; None before.
        fitted_polarity: State that `fit` chose; None before.

    Source: Abad et al., Sneaky Spikes, NDSS 2024, https://arxiv.org/abs/2302.06279, and its released code.
    """

    needs_fitting: ClassVar[bool] = True

    size: Size = 0.1
    area: Literal["most", "least"] = "most"
    polarity: Literal["rarest", "commonest"] = "rarest"
    n_masks: CountOrZero = 2
    seed: Seed = 0
    counting: Counting = "reference"
    frames: Bins | None = None
    refit: Flag = False
    mask: int | None = None
    fitted_polarity: Polarity | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("mask", self.mask, (None, *range((self.n_masks + 1) ** 2)))

    def fit(self, x: Frames) -> "SmartTrigger":
        """Make a trigger with the mask and the polarity that these frames (N, T, 2, H, W) call for.

        With `refit` the frames determine its walk, too.
        """
        x = checked_frames(x)
        if len(x) == 0:
            raise ValueError("expected at least one sample to fit on, got none")
        activities = measure(x, self.n_masks, self.counting)
        totals = [activity.total for activity in activities]
        mask = totals.index(max(totals) if self.area == "most" else min(totals))
        counts = activities[mask].states
        state = counts.index(min(counts) if self.polarity == "rarest" else max(counts))
        fitted = replace(self, mask=mask, fitted_polarity=CODES["ndss24"][state], refit=False)
        return replace(fitted, seed=draw_seed(np.random.default_rng([self.seed, *totals]))) if self.refit else fitted

    def for_set(self, x: Frames) -> "SmartTrigger":
        """The trigger for a set: this one, or with `refit` one that is fitted to the set."""
        super().for_set(x)
        return self.fit(x) if self.refit else self

    @property
    def state(self) -> Polarity:
        """The polarity that `fit` chose."""
        return self._fitted()[1]

    def rectangles(self, n_bins: int, height: int, width: int) -> Iterator[Rectangle]:
        """One square a time bin, each after a step of 2 pixels along each axis.

        A step that would lead out of the mask is not taken. (The released code walks on outside and re-enters at the
        pixel that it left, which takes more time and gives the same squares.)
        """
        side = side_in_pixels(self.size, height, width)
        rows, columns = grid(self.n_masks, height, width)[self._fitted()[0]]
        for mask in (rows, columns):
            length = mask.stop - mask.start
            if length <= 2 * side:
                raise ValueError(
                    f"expected size below half of a mask's {length} pixels, got {side}; lower it or n_masks"
                )
        rng = np.random.default_rng(self.seed)
        row, column = (int(rng.integers(mask.start + side, mask.stop - side)) for mask in (rows, columns))
        for frame in range(n_bins):
            column, row = _step(column, columns, side, rng), _step(row, rows, side, rng)
            yield from clipped_square(frame, row, column, side, height, width)

    def _fitted(self) -> tuple[int, Polarity]:
        if self.mask is None or self.fitted_polarity is None:
            raise ValueError(f"expected a fitted trigger, got {self}; call fit(x_train) and use what it returns")
        return self.mask, self.fitted_polarity


def _step(position: int, mask: slice, side: int, rng: np.random.Generator) -> int:
    moved = position + _STEP * int(rng.choice((-1, 1)))
    return moved if mask.start + side <= moved <= mask.stop - side else position
