"""The rectangles of single time bins that a trigger overwrites, in frames and in event streams alike."""

from collections.abc import Iterator
from typing import NamedTuple


class Rectangle(NamedTuple):
    """A rectangle in one time bin."""

    frame: int
    rows: slice
    columns: slice


def clipped_square(frame: int, row: int, column: int, side: int, height: int, width: int) -> Iterator[Rectangle]:
    """Yield a square, cut off at the border of the sensor; nothing if it lies outside."""
    top, bottom = max(0, row), min(height, row + side)
    left, right = max(0, column), min(width, column + side)
    if top < bottom and left < right:
        yield Rectangle(frame, slice(top, bottom), slice(left, right))
