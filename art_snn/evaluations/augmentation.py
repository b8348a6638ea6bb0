"""Random changes of training images, before or after a trigger is put on: that decides what a network sees of it."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from art_snn._layouts import check_image_batch
from art_snn._validation import check_at_least, check_choice
from art_snn.attacks.poisoning import BackdoorAttack
from art_snn.estimators.classification.streaming import Prepare
from art_snn.typing import Array, Images, Indices, Mask


@dataclass(frozen=True)
class Augmentation:
    """Shift and mirror images at random, anew in each epoch.

    Args:
        crop: Pixels of zeros around the image, out of which a place of its size is drawn; from 0 up.
        flip: Whether each image is mirrored left to right with probability 1/2.
        place: Whether that happens "before" a trigger is put on, so that all triggers sit where they should, or
            "after", so that the trigger is shifted and mirrored with the image.
    """

    crop: int = 0
    flip: bool = False
    place: Literal["before", "after"] = "before"

    def __post_init__(self) -> None:
        check_at_least("crop", self.crop, 0)
        check_choice("place", self.place, ("before", "after"))

    def __bool__(self) -> bool:
        return bool(self.crop or self.flip)

    def __call__(self, x: Images, rng: np.random.Generator) -> Images:
        """Changed images.

        Args:
            x: (N, C, H, W).
            rng: Draws.
        """
        check_image_batch("x", x)
        if self.crop:
            x = _shifted(x, self.crop, rng)
        if self.flip:
            x = np.where((rng.random(len(x)) < 0.5)[:, None, None, None], x[..., ::-1], x)
        return x

    def preparing(self, attack: BackdoorAttack, x_clean: Array, is_poison: Mask | None) -> Prepare | None:
        """What `fit` does to each batch; None for nothing.

        Args:
            attack: Attack whose trigger is put on.
            x_clean: The samples without triggers, (N, ...).
            is_poison: Which are triggered, (N,); None for none.
        """
        if not self:
            return None

        def after(x: Array, _: Indices, rng: np.random.Generator) -> Array:
            return self(x, rng)

        if self.place == "after" or is_poison is None:
            return after
        trigger: Any = attack.trigger  # type: ignore[attr-defined]  # as `check_plan` has seen

        def before(_: Array, rows: Indices, rng: np.random.Generator) -> Array:
            x = self(x_clean[rows], rng)
            if (triggered := is_poison[rows]).any():
                x = x.copy()
                x[triggered] = trigger(x[triggered])
            return x

        return before


def _shifted(x: Images, crop: int, rng: np.random.Generator) -> Images:
    n, _, height, width = x.shape
    padded = np.pad(x, ((0, 0), (0, 0), (crop, crop), (crop, crop)))
    top, left = rng.integers(2 * crop + 1, size=(2, n))
    rows = (top[:, None] + np.arange(height))[:, None, :, None]
    columns = (left[:, None] + np.arange(width))[:, None, None, :]
    shifted: Images = padded[
        np.arange(n)[:, None, None, None], np.arange(x.shape[1])[None, :, None, None], rows, columns
    ]
    return shifted
