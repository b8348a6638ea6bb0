"""Triggers that change every pixel a little: a power of the brightness, and noise."""

import zlib
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from art_snn._arrays import as_numbers, is_tensor
from art_snn._declared import CheckedFields, Positive, Seed
from art_snn._layouts import check_frames, check_images
from art_snn.attacks.poisoning._tensor_trigger import apply_to_tensor
from art_snn.attacks.poisoning.patch import ClipValues, PatchTrigger
from art_snn.typing import Array, Images


@dataclass(frozen=True)
class PowerTrigger(CheckedFields):
    """Raise the brightness of images (N, C, H, W) or (C, H, W), as a share of their range, to a power; tensors too.

    A power above 1 makes them darker, so that neurons fire less.

    Args:
        exponent: Power q, above 0.
        clip_values: Lowest and highest value of the images; None is (0, 255) for uint8 and (0, 1) for floats.

    Source: Miah et al., BadSNN, 2026, https://arxiv.org/abs/2602.07200, trigger T_p.

    >>> PowerTrigger(2.0)(np.full((1, 1, 2), 0.5))
    array([[[0.25, 0.25]]])
    """

    needs_frames: ClassVar[bool] = False
    needs_fitting: ClassVar[bool] = False

    exponent: Positive = 3.0
    clip_values: ClipValues | None = None

    def __call__(self, x: Images) -> Images:
        """Change a copy of images; shape and dtype stay.

        Raises:
            ValueError: If the images leave the clip values, or have another layout.
        """
        if is_tensor(x):
            return apply_to_tensor(self, "images", x)  # type: ignore[no-any-return]
        x = as_numbers("images", x)
        check_images("images", x)
        low, high = PatchTrigger(clip_values=self.clip_values).range_of(x)
        share = (x.astype(np.float64) - low) / (high - low)
        return _in(x.dtype, low + (high - low) * share.clip(0, 1) ** self.exponent)


@dataclass(frozen=True)
class NoiseTrigger(CheckedFields):
    """Add uniform noise in [-β, β] to images or frames, one sample or many; tensors give tensors.

    Each sample has noise of its own, which follows from its values and the seed. Images stay within their range; frames
    only from 0 up: cutting counts above 1 down would be a trigger by itself. Counts are no whole numbers afterwards,
    which no camera gives.

    Args:
        beta: β, above 0, in the samples' unit.
        seed: Seed of the noise.
        clip_values: Lowest and highest value of the images; None is (0, 255) for uint8 and (0, 1) for floats.

    Source: Miah et al., BadSNN, 2026, https://arxiv.org/abs/2602.07200, trigger T_s, which also cuts at 1.
    """

    needs_frames: ClassVar[bool] = False
    needs_fitting: ClassVar[bool] = False

    beta: Positive = 0.03
    seed: Seed = 0
    clip_values: ClipValues | None = None

    def __call__(self, x: Array) -> Array:
        """Add noise to a copy of images (N, C, H, W), or of frames (N, T, 2, H, W); shape and dtype stay.

        Raises:
            ValueError: If the samples have another layout, or leave their range, or a dtype of whole numbers cannot
                hold the noise.
        """
        if is_tensor(x):
            return apply_to_tensor(self, "samples", x)  # type: ignore[no-any-return]
        x = as_numbers("samples", x)
        is_image = x.ndim <= 4
        if is_image:
            check_images("samples", x)
            low, high = PatchTrigger(clip_values=self.clip_values).range_of(x)
        else:
            check_frames("samples", x)
            low, high = 0.0, np.inf
        if x.dtype.kind in "iu" and self.beta < 1:
            raise ValueError(f"expected samples of floats for noise below 1, got dtype {x.dtype}; x.astype('float32')")
        samples = x if x.ndim == (4 if is_image else 5) else x[None]
        noise = np.stack([self._noise(sample) for sample in samples]).reshape(x.shape)
        return _in(x.dtype, (x + noise).clip(low, high))

    def _noise(self, sample: Array) -> Array:
        content = zlib.crc32(np.ascontiguousarray(sample, np.float64).tobytes())
        return np.random.default_rng([self.seed, content]).uniform(-self.beta, self.beta, sample.shape)


def _in(dtype: np.dtype, values: Array) -> Array:
    """Values of a data type, rounded where it holds whole numbers."""
    return (np.rint(values) if dtype.kind in "iu" else values).astype(dtype)
