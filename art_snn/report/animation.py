"""Samples in motion."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.font_manager import findfont
from PIL import Image, ImageDraw, ImageFont

from art_snn._files import write_whole
from art_snn.experiment import Shown
from art_snn.report.grid import SMALL, Grid
from art_snn.report.panels import Strip, strips_of
from art_snn.report.pictures import chosen_bins, head_of, key_of, name_of, title_of
from art_snn.report.titles import DPI
from art_snn.typing import Array, Indices

MOST_FRAMES = 64
MILLISECONDS = 150  # a time bin
MILLISECONDS_STILL = 900  # an image
_MOST_COLOURS = 256  # of a GIF's frame


def write_animation(shown: Shown, path: Path) -> Path:
    """An animated GIF: the samples beside each other, one time bin or image after the other, for ever.

    Of more than 64 time bins those are shown in which the trigger writes, at even distances where these are too many;
    the title says so.

    Args:
        shown: What to draw.
        path: Where the GIF is written, whole or not at all.
    """
    film = Film(shown)
    pictures = film.frames()
    duration = MILLISECONDS if shown.is_over_time else MILLISECONDS_STILL

    def write(file: IO[bytes]) -> None:
        first = next(pictures)
        first.save(file, format="GIF", save_all=True, append_images=pictures, duration=duration, loop=0)

    return write_whole(path, write)


@dataclass(frozen=True, eq=False)
class Film:
    """The pictures of an animation, alike but for the panels and the words beneath that say which or when this is."""

    shown: Shown

    def frames(self) -> Iterator[Image.Image]:
        """One picture after the other, with a palette of its own."""
        top, left = self.grid.corner(0, 0)
        for index, head in zip(self.chosen, self._heads, strict=True):
            picture = self._still.copy()
            for column, strip in enumerate(self.strips):
                _paste(picture, strip.panel(index), *self.grid.corner(0, column))
            image = Image.fromarray(picture)
            below = left, top + self.grid.panels[0][0].shape[0] + 2
            ImageDraw.Draw(image).multiline_text(below, head, "black", self._font)
            yield _with_palette(image)

    @cached_property
    def chosen(self) -> Indices:
        """Which time bins or images are shown."""
        return chosen_bins(self.shown.touched, MOST_FRAMES)

    @cached_property
    def strips(self) -> list[Strip]:
        """What is side by side."""
        return strips_of(self.shown.rows, self.shown.touched, self.shown.masks)

    @cached_property
    def grid(self) -> Grid:
        """Where it is."""
        empty = "\n".join("\u2007" for _ in self._heads[0].split("\n"))  # a space as wide as a digit
        first, names = [strip.panel(self.chosen[0]) for strip in self.strips], [name_of(one) for one in self.strips]
        title = title_of(self.shown, self.chosen)
        return Grid(title, [first], [""], names, [[empty] * len(first)], key_of(self.strips))

    @cached_property
    def _heads(self) -> list[str]:
        return [head_of(self.shown, index) for index in self.chosen]

    @cached_property
    def _still(self) -> Array:
        """What stays, in bytes."""
        canvas = FigureCanvasAgg(self.grid.figure())
        canvas.draw()
        return np.asarray(canvas.buffer_rgba())[..., :3]

    @cached_property
    def _font(self) -> ImageFont.FreeTypeFont:
        return ImageFont.truetype(findfont("DejaVu Sans"), round(SMALL / 72 * DPI))


def _paste(picture: Array, panel: Array, top: int, left: int) -> None:
    height, width, _ = panel.shape
    picture[top : top + height, left : left + width] = np.rint(255 * panel)


def _with_palette(image: Image.Image) -> Image.Image:
    """With its own colours where a palette can hold them, else with the nearest."""
    bytes_ = np.asarray(image).astype(np.uint32)
    codes, pixels = np.unique(bytes_ @ np.array([1 << 16, 1 << 8, 1], np.uint32), return_inverse=True)
    if len(codes) > _MOST_COLOURS:
        return image.quantize(_MOST_COLOURS, kmeans=1, dither=Image.Dither.NONE)
    exact = Image.fromarray(pixels.reshape(bytes_.shape[:2]).astype(np.uint8), "P")
    exact.putpalette(np.stack([codes >> 16, codes >> 8 & 255, codes & 255], axis=1).astype(np.uint8).tobytes())
    return exact
