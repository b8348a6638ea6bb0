"""Panels in rows and columns, each in whole screen pixels, with names and a key that nothing covers."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from matplotlib.figure import Figure

from art_snn.report.titles import DPI, even_lines_within, text_size
from art_snn.typing import Array

TITLE, NAME, SMALL = 11, 9, 8  # points
GAP = 8  # pixels between things
_LEAST = 460  # pixels, of titles and keys
_NAME_WIDTH = 150  # pixels, at most, of a row's name
Sign = tuple[Array, str]  # a little panel, and what it means


@dataclass(frozen=True, eq=False)
class Grid:
    """What stands where, in screen pixels.

    Args:
        title: Title; lines that do not fit are broken, in names too.
        panels: By row, panels of one shape (height, width, 3) beside each other.
        names: Names of the rows, at their left; empty where they need none.
        heads: What stands above the columns.
        feet: By row, what stands below each of its panels; empty where nothing does.
        key: What colours mean.
    """

    title: str
    panels: Sequence[Sequence[Array]]
    names: Sequence[str]
    heads: Sequence[str]
    feet: Sequence[Sequence[str]]
    key: Sequence[Sign]

    def figure(self) -> Figure:
        """The picture; its axes are the panels, row by row."""
        width, height = self._width, self._height
        figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor="white")
        figure.suptitle("\n".join(self._title), fontsize=TITLE, x=0.5, y=1 - GAP / height, va="top", linespacing=1.1)
        for row, panels in enumerate(self.panels):
            for column, panel in enumerate(panels):
                self._add(figure, row, column, panel)
        for start, line in enumerate(self._key_lines):
            self._add_signs(figure, line, self._tops[-1] + start * self._line)
        return figure

    def corner(self, row: int, column: int) -> tuple[int, int]:
        """Top and left of a panel, from the upper left corner of the picture."""
        inset = (self._pitch - GAP - self._side[1]) // 2
        return self._tops[row], self._left + column * self._pitch + inset

    def _add(self, figure: Figure, row: int, column: int, panel: Array) -> None:
        (top, left), (height, width, _) = self.corner(row, column), panel.shape
        place = left / self._width, 1 - (top + height) / self._height, width / self._width, height / self._height
        ax = figure.add_axes(place, xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
        ax.imshow(panel, interpolation="none", aspect="auto")
        if row == 0:
            ax.set_title(self.heads[column], fontsize=SMALL, pad=3, linespacing=1.1)
        if self.feet[row]:
            ax.set_xlabel(self.feet[row][column], fontsize=SMALL, labelpad=2, linespacing=1.1)
        if column == 0:
            pad = (left - self._left + GAP) * 72 / DPI
            ax.set_ylabel(self._names[row], fontsize=NAME, rotation=0, ha="right", va="center", labelpad=pad)

    def _add_signs(self, figure: Figure, signs: Sequence[Sign], top: int) -> None:
        left = self._left
        for sign, meaning in signs:
            figure.figimage(sign, left, self._height - top - len(sign), origin="upper")
            place = (left + sign.shape[1] + GAP) / self._width, 1 - (top + len(sign) / 2) / self._height
            figure.text(*place, meaning, fontsize=SMALL, va="center_baseline")
            left += self._sign_width((sign, meaning))

    def _sign_width(self, sign: Sign) -> int:
        return round(text_size(sign[1], SMALL)[0]) + int(sign[0].shape[1]) + 3 * GAP

    @property
    def _side(self) -> tuple[int, int]:
        """Height and width of a panel."""
        height, width, _ = self.panels[0][0].shape
        return int(height), int(width)

    @cached_property
    def _names(self) -> list[str]:
        return ["\n".join(_lines(name, _NAME_WIDTH, NAME)) for name in self.names]

    @cached_property
    def _left(self) -> int:
        return GAP + max(round(text_size(name, NAME)[0]) + GAP if name else 0 for name in self._names)

    @cached_property
    def _pitch(self) -> int:
        """From one column to the next."""
        texts = [*self.heads, *(text for row in self.feet for text in row)]
        return GAP + max(self._side[1], *(round(text_size(text, SMALL)[0]) for text in texts))

    @cached_property
    def _width(self) -> int:
        return max(_LEAST, self._left + len(self.panels[0]) * self._pitch)

    @cached_property
    def _title(self) -> list[str]:
        return _lines(self.title, self._width - 2 * GAP, TITLE)

    @cached_property
    def _tops(self) -> list[int]:
        """Of each row of panels, and of what is below them."""
        top = 2 * GAP + round(text_size("\n".join(self._title), TITLE)[1]) + _text_height(self.heads)
        tops = [top]
        for feet in self.feet:
            tops.append(tops[-1] + self._side[0] + GAP + _text_height(feet))
        return tops

    @cached_property
    def _key_lines(self) -> list[list[Sign]]:
        """Signs that stand in one line."""
        lines: list[list[Sign]] = [[]]
        for sign in self.key:
            taken = sum(map(self._sign_width, [*lines[-1], sign]))
            if lines[-1] and self._left + taken > self._width:
                lines.append([])
            lines[-1].append(sign)
        return lines

    @property
    def _line(self) -> int:
        return GAP + max((len(sign) for sign, _ in self.key), default=0)

    @property
    def _height(self) -> int:
        return self._tops[-1] + len(self._key_lines) * self._line + GAP


def _lines(text: str, width: int, size: float) -> list[str]:
    """Its own lines, each broken into such that fit."""
    return [part for line in text.split("\n") for part in even_lines_within(line, width, size)]


def _text_height(texts: Sequence[str]) -> int:
    return max((round(text_size(text, SMALL)[1]) + 4 for text in texts if text), default=0)
