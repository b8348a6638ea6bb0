"""A square patch on images: white, of random colour blocks, or any picture; opaque or blended in."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np

from art_snn._arrays import as_numbers, is_tensor
from art_snn._declared import CheckedFields, Declared, Fraction, Seed
from art_snn._layouts import check_image_batch, check_images
from art_snn._validation import check_choice
from art_snn.attacks.poisoning._patch_placement import Place, Size, side_in_pixels, upper_left
from art_snn.attacks.poisoning._tensor_trigger import apply_to_tensor
from art_snn.attacks.poisoning._threaded_copy import copied
from art_snn.typing import Array, Images

_BLOCKS = 4  # colour blocks along each side of the random pattern


def _checked_pattern(name: str, pattern: Any) -> str | Array:
    """The name of a pattern, or a read-only copy of a picture."""
    if isinstance(pattern, str):
        check_choice(name, pattern, ("white", "random"))
        return pattern
    picture = np.array(as_numbers(name, pattern))
    picture.setflags(write=False)
    return picture


def _checked_clip_values(name: str, clip_values: Any) -> tuple[float, float]:
    """Check for two finite numbers, the lower first."""
    numbers = as_numbers(name, clip_values)
    if numbers.shape != (2,) or not -np.inf < numbers[0] < numbers[1] < np.inf:
        raise ValueError(f"expected {name} (low, high) with low < high, got {clip_values!r}")
    low, high = numbers.tolist()
    return low, high


Pattern = Annotated[Literal["white", "random"] | Array, Declared("a pattern by name or as an array", _checked_pattern)]
ClipValues = Annotated[tuple[float, float], Declared("the lower first", _checked_clip_values)]


@dataclass(frozen=True)
class PatchTrigger(CheckedFields):
    """Paste a square patch into images (N, C, H, W) or one image (C, H, W) of 1 or 3 channels; tensors give tensors.

    The patch is always a whole square; where it does not fit, that is an error. Pixels that have its colour already, as
    white on white, do not change, nor does any with `blend=0`.

    Args:
        size: Side in pixels from 1 up, or below 1 the fraction of the image's shorter side.
        position: A corner, "middle", "random" (one draw for all images), or (row, column) of the upper left pixel.
        pattern: "white" (the upper clip value), "random" (up to 4 × 4 colour blocks drawn from `seed`), or an
            array within the clip values that broadcasts to (C, side, side).
        blend: Opacity in [0, 1]: 1 replaces the image, 0 changes nothing.
        seed: Seed of the random pattern and the random position.
        clip_values: Lowest and highest value of the images; None is (0, 255) for uint8 and (0, 1) for floats.

    Raises:
        ValueError: If images or pattern leave the clip values, the patch is larger than the image or reaches over its
            border, or the images look as if they had another layout.

    Source: Gu et al., BadNets, 2017, https://arxiv.org/abs/1708.06733 (white); Jin et al., 2024,
    https://arxiv.org/abs/2409.15670, Fig. 15 (random); Chen et al., 2017, https://arxiv.org/abs/1712.05526 (blend).

    >>> PatchTrigger(size=1)(np.zeros((1, 2, 2)))
    array([[[0., 0.],
            [0., 1.]]])
    """

    needs_frames: ClassVar[bool] = False
    needs_fitting: ClassVar[bool] = False

    size: Size = 2
    position: Place = "bottom-right"
    pattern: Pattern = "white"
    blend: Fraction = 1.0
    seed: Seed = 0
    clip_values: ClipValues | None = None

    @property
    def needs_classifier(self) -> bool:
        """Whether `fit` takes a trained classifier of the attacker's beside samples."""
        return False

    def for_set(self, x: Images) -> "PatchTrigger":
        """The trigger for a set (N, C, H, W): this one.

        Raises:
            ValueError: If the samples are no such set.
        """
        check_image_batch("images", x)
        return self

    def __call__(self, x: Images) -> Images:
        """Copy images and paste the patch; shape and dtype stay, and values stay within the clip values."""
        if is_tensor(x):
            return apply_to_tensor(self, "images", x)  # type: ignore[no-any-return]
        x = as_numbers("images", x)
        check_images("images", x)
        low, high = self.range_of(x)
        rows, columns = self._square(x)
        colours = self._colours(x.shape[-3], rows.stop - rows.start, low, high)
        triggered = copied(x)
        patch = triggered[..., rows, columns]
        patch[...] = self._mix(patch, colours, low, high)
        return triggered

    def range_of(self, x: Images) -> tuple[float, float]:
        """Lowest and highest value of images.

        Raises:
            TypeError: If they are neither bytes nor floats.
            ValueError: If they leave the clip values.
        """
        if x.dtype != np.uint8 and not np.issubdtype(x.dtype, np.floating):
            raise TypeError(f"expected images of a floating dtype or uint8, got {x.dtype}")
        low, high = self.clip_values or ((0, 255) if x.dtype == np.uint8 else (0.0, 1.0))
        _check_within("images", x, low, high)
        return low, high

    def _square(self, x: Images) -> tuple[slice, slice]:
        """The rows and columns of the patch."""
        height, width = x.shape[-2:]
        side = side_in_pixels(self.size, height, width)
        row, column = upper_left(self.position, side, height, width, self.seed)
        return slice(row, row + side), slice(column, column + side)

    def _colours(self, channels: int, side: int, low: float, high: float) -> Array:
        """The opaque patch, (C, side, side)."""
        shape = channels, side, side
        if isinstance(self.pattern, np.ndarray):
            _check_within("pattern", self.pattern, low, high)
            try:
                return np.broadcast_to(self.pattern, shape)
            except ValueError:
                got = self.pattern.shape
                raise ValueError(f"expected a pattern of shape (C, size, size) = {shape}, got shape {got}") from None
        if self.pattern == "white":
            return np.full(shape, high)
        blocks = np.random.default_rng(self.seed).uniform(low, high, (channels, _BLOCKS, _BLOCKS))
        nearest = np.arange(side) * _BLOCKS // max(side, _BLOCKS)
        return blocks[:, nearest[:, None], nearest]

    def _mix(self, image: Images, colours: Array, low: float, high: float) -> Array:
        mixed = image * (1 - self.blend) + colours * self.blend
        clipped = np.clip(mixed, low, high)  # rounding may step one unit over the border
        return np.rint(clipped) if image.dtype == np.uint8 else clipped

    def _key(self) -> tuple[object, ...]:
        picture = self.pattern if isinstance(self.pattern, str) else (self.pattern.shape, self.pattern.tobytes())
        return self.size, self.position, picture, self.blend, self.seed, self.clip_values

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PatchTrigger) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())


def _check_within(name: str, values: Array, low: float, high: float) -> None:
    if values.dtype.kind == "f":  # the border in another precision may lie on its other side
        low, high = values.dtype.type(low), values.dtype.type(high)
    if values.size and not (low <= values.min() and values.max() <= high):  # NaN fails, too
        got = f"{values.min()} to {values.max()}"
        raise ValueError(
            f"expected {name} within [{low}, {high}], got values from {got}; scale them, or set clip_values"
        )
