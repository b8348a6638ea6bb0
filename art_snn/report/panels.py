"""Samples as pictures of whole screen pixels, with an outline around a trigger."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from art_snn.report.palette import BACKGROUND, BOTH, CHANGE, OFF, ON, OUTLINE, ramp
from art_snn.typing import Array, Mask

SIDE = 112  # screen pixels, at least, of the longer side of a sample
LINE = 4  # screen pixels of an outline: a light line between dark ones, which stands out from anything
_MARGIN = (LINE, LINE), (LINE, LINE), (0, 0)
_SIGN = 10  # screen pixels of a sign in a key, without its margin
_MOST_PARTS = 4  # parts of a trigger that have an outline each; more have one together


class Box(NamedTuple):
    """A rectangle of a sample's pixels, half-open."""

    top: int
    left: int
    bottom: int
    right: int


@dataclass(frozen=True, eq=False)
class Strip:
    """Samples that were treated alike, as pictures on one scale.

    Args:
        name: What was done to them.
        samples: Images (n, C, H, W), or counts of OFF and ON events (n, 2, H, W).
        full: Number of events, or of images the change, that is drawn brightest.
        is_change: Whether this is a difference: of images it is drawn in grey.
        touched: Pixels (n, H, W) that get an outline; None is none.
    """

    name: str
    samples: Array
    full: float
    is_change: bool = False
    touched: Mask | None = None

    @property
    def is_of_events(self) -> bool:
        """Whether these are counts of events."""
        return bool(self.samples.shape[1] == 2)

    @property
    def scale(self) -> str:
        """What the brightest colour means; empty of images, which have their own."""
        if self.is_change and not self.full:
            return "nothing differs"
        if self.is_of_events:
            return f"brightest: {self.full:g} event{'s' if self.full > 1 else ''}{'' if self.is_change else ' or more'}"
        return f"brightest: by {self.full:.3g}" if self.is_change else ""

    def picture(self, index: int) -> Array:
        """One sample in colours (H, W, 3) in [0, 1]."""
        x = self.samples[index]
        if self.is_of_events:
            return _of_events(x, self.full)
        return _of_change(x, self.full) if self.is_change else _of_image(x)

    def panel(self, index: int) -> Array:
        """One sample in screen pixels, (H · zoom + 2 · LINE, W · zoom + 2 · LINE, 3), with outline and margin."""
        return _panel(self.picture(index), () if self.touched is None else boxes_around(self.touched[index]))


def strips_of(samples: Mapping[str, Array], touched: Mask, masks: Mapping[str, Mask] | None = None) -> list[Strip]:
    """Clean samples, triggered ones, the difference of these two, and whatever else there is.

    Args:
        samples: By what was done to them, clean and triggered first: images (n, C, H, W), or frames (n, 2, H, W).
        touched: Pixels that the trigger writes, (n, H, W).
        masks: By what was done, pixels that it writes where these are others.
    """
    counts = {name: x.astype(np.uint8) if x.dtype == bool else x for name, x in samples.items()}
    (first, clean), (second, triggered), *others = counts.items()
    full, change = busy(clean), _change(clean, triggered)
    return [
        Strip(first, clean, full),
        Strip(second, triggered, full, touched=touched),
        Strip("difference", change, float(change.max(initial=0)), True, touched),
        *(Strip(name, x, full, touched=(masks or {}).get(name, touched)) for name, x in others),
    ]


def sign_of(ends: tuple[Array, Array] | None) -> Array:
    """For a key: the colours of one state of a pixel, from a single event to many; without any, an outline."""
    inside = np.broadcast_to(
        BACKGROUND if ends is None else ramp(np.arange(_SIGN) / (_SIGN - 1), ends), (_SIGN, _SIGN, 3)
    )
    return _outlined(np.pad(inside, _MARGIN), [Box(0, 0, _SIGN, _SIGN)] if ends is None else ())


def busy(x: Array) -> float:
    """Events of a busy pixel, at least 1."""
    return max(1.0, round(float(np.quantile(x[x > 0], 0.95)))) if (x > 0).any() else 1.0


def boxes_around(mask: Mask) -> list[Box]:
    """Rectangles around the parts of a mask (H, W); one around all where these are many, or in each other's way."""
    near = -(-2 * LINE // zoom_for(*mask.shape))
    parts = ndimage.label(ndimage.binary_dilation(mask, np.ones((3, 3)), iterations=near))[0] * mask
    found = [Box(rows.start, columns.start, rows.stop, columns.stop) for rows, columns in ndimage.find_objects(parts)]
    if len(found) <= _MOST_PARTS and not any(_meet(*pair, near) for pair in combinations(found, 2)):
        return found
    tops, lefts, bottoms, rights = zip(*found, strict=True)
    return [Box(min(tops), min(lefts), max(bottoms), max(rights))]


def zoom_for(height: int, width: int) -> int:
    """Screen pixels for each pixel of a sample, each way."""
    return max(1, -(-SIDE // max(height, width)))


def _meet(one: Box, other: Box, near: int) -> bool:
    apart = one.bottom + near <= other.top or other.bottom + near <= one.top
    return not (apart or one.right + near <= other.left or other.right + near <= one.left)


def _change(clean: Array, triggered: Array) -> Array:
    change: Array = np.maximum(clean, triggered) - np.minimum(clean, triggered)  # of bytes, too, none wraps around
    return change


def _of_events(x: Array, full: float) -> Array:
    """Counts (2, H, W) as colours: a hue a state, brighter from one event to `full`."""
    off, on = x > 0
    levels = (x.max(axis=0).astype(np.float32) - 1) / max(full - 1, 1e-9)
    picture = np.broadcast_to(BACKGROUND, (*levels.shape, 3)).copy()
    for where, ends in ((off & ~on, OFF), (on & ~off, ON), (off & on, BOTH)):
        picture[where] = ramp(levels[where], ends)
    return picture


def _of_change(x: Array, full: float) -> Array:
    largest = x.max(axis=0).astype(np.float64)
    picture = ramp(largest / full if full else largest, CHANGE)
    picture[largest == 0] = BACKGROUND
    return picture


def _of_image(x: Array) -> Array:
    image = np.moveaxis(x.astype(np.float32), 0, -1) / (255 if x.dtype == np.uint8 else 1)
    return image if image.shape[-1] == 3 else np.repeat(image[..., :1], 3, axis=-1)


def _panel(picture: Array, boxes: Sequence[Box]) -> Array:
    zoom = zoom_for(*picture.shape[:2])
    panel = np.pad(picture.repeat(zoom, 0).repeat(zoom, 1), _MARGIN, constant_values=1)
    return _outlined(panel, [Box(*(zoom * side for side in box)) for box in boxes])


def _outlined(panel: Array, boxes: Sequence[Box]) -> Array:
    """A panel with outlines drawn around what boxes, counted from within its margin, hold."""
    for box in boxes:
        top, left, bottom, right = (side + LINE for side in box)
        for reach, colour in enumerate((BACKGROUND, OUTLINE, OUTLINE, BACKGROUND), 1):
            rows, columns = slice(top - reach, bottom + reach), slice(left - reach, right + reach)
            panel[[rows.start, rows.stop - 1], columns] = colour
            panel[rows, [columns.start, columns.stop - 1]] = colour
    return panel
