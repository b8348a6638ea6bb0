"""Size and position of a square patch, the same for every trigger."""

from typing import Annotated, Literal

import numpy as np

from art_snn._declared import Declared
from art_snn._validation import check_choice, check_number, share_of, whole_numbers

Position = Literal["top-left", "top-right", "bottom-left", "bottom-right", "middle", "random"] | tuple[int, int]
POSITIONS = ("top-left", "top-right", "bottom-left", "bottom-right", "middle", "random")


def check_size(name: str, size: float) -> None:
    """Check a side: whole pixels from 1 up, or below 1 a fraction of the frame's shorter side."""
    check_number(name, size)
    if not (0 < size < 1 or (size >= 1 and float(size).is_integer())):
        raise ValueError(
            f"expected {name} to be a whole number of pixels from 1 up or a fraction below 1, got {size!r}"
        )


def checked_position(name: str, position: Position) -> Position:
    """Check a position: a name, or (row, column) of the patch's upper left pixel, which becomes a tuple."""
    if isinstance(position, str):
        check_choice(name, position, POSITIONS)
        return position
    place = whole_numbers(name, position, "a name or (row, column)")
    if len(place) != 2 or min(place) < 0:
        raise ValueError(f"expected {name} (row, column) from (0, 0) up, got {position!r}")
    return place


Size = Annotated[float, Declared("pixels from 1 up, or a fraction below 1", check_size)]
Place = Annotated[Position, Declared("a position by name or (row, column)", checked_position)]


def side_in_pixels(size: float, height: int, width: int) -> int:
    """Side of a patch in pixels; a fraction counts from the shorter side, so that the patch is square and fits.

    Raises:
        ValueError: If the patch is larger than the frame.

    Source: Abad et al., Sneaky Spikes, NDSS 2024, released code: `int(fraction * side)`, at least one pixel; here
    the product is taken in decimal, see `share_of`.

    >>> side_in_pixels(0.1, 34, 34), side_in_pixels(0.01, 34, 34), side_in_pixels(5, 34, 34)
    (3, 1, 5)
    """
    shorter = min(height, width)
    side = max(1, share_of(size, shorter)) if size < 1 else int(size)
    if side > shorter:
        raise ValueError(f"expected size to be at most the frame's shorter side of {shorter} pixels, got {size!r}")
    return side


def upper_left(position: Position, side: int, height: int, width: int, seed: int = 0) -> tuple[int, int]:
    """Row and column of the upper left pixel of a patch of `side` pixels.

    "random" draws one place from `seed`, the same for training and test samples.

    Raises:
        ValueError: If the patch would reach over the border.

    Source: Abad et al., Sneaky Spikes, NDSS 2024, released code; the random draw is ours (theirs differs between
    training and test data).

    >>> upper_left("middle", 3, 34, 34), upper_left("bottom-right", 12, 128, 128)
    ((15, 15), (116, 116))
    """
    rows, columns = height - side, width - side
    if not isinstance(position, str):
        if position[0] > rows or position[1] > columns:
            frame = f"{height} × {width} pixels"
            raise ValueError(
                f"expected position (row, column) up to {(rows, columns)} for {side} × {side} pixels within {frame}, "
                f"got {position}"
            )
        return position
    if position == "random":
        rng = np.random.default_rng(seed)
        return int(rng.integers(rows + 1)), int(rng.integers(columns + 1))
    if position == "middle":
        return rows // 2, columns // 2
    vertical, horizontal = position.split("-")
    return (0 if vertical == "top" else rows), (0 if horizontal == "left" else columns)
