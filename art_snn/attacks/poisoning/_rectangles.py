"""Stamps: the rectangles of single time bins that a trigger overwrites, in frames and among events alike."""

from collections.abc import Iterator
from typing import NamedTuple


class Stamp(NamedTuple):
    """A rectangle in one time bin."""

    frame: int
    rows: slice
    columns: slice


def square(frame: int, row: int, column: int, side: int, height: int, width: int) -> Iterator[Stamp]:
    """The stamp of a square, cut off at the border of the sensor; none if it lies outside."""
    top, bottom = max(0, row), min(height, row + side)
    left, right = max(0, column), min(width, column + side)
    if top < bottom and left < right:
        yield Stamp(frame, slice(top, bottom), slice(left, right))
