"""How a trigger moves from frame to frame."""

import numpy as np
import pytest

from art_snn.attacks.poisoning import (
    MovingTrigger,
)
from art_snn.attacks.poisoning.frame_trigger import FrameTrigger
from tests.frame_triggers import lit


def first_columns(trigger: FrameTrigger, n_bins: int, side: int) -> list[int | None]:
    """The leftmost lit column of each frame; None where nothing is lit."""
    columns = lit(trigger, n_bins, side, side).any(axis=1)
    return [int(row.argmax()) if row.any() else None for row in columns]


@pytest.mark.parametrize(
    ("side", "size", "position", "starts"),
    [
        (34, 3, "top-left", [0, 5, 8]),
        (34, 3, "bottom-left", [0, 5, 8]),
        (34, 3, "top-right", [31, 26, 23]),
        (34, 3, "bottom-right", [31, 26, 23]),
        (34, 3, "middle", [15, 20, 23]),
        (128, 12, "top-left", [0, 14, 26]),
        (128, 12, "top-right", [116, 102, 90]),
        (128, 12, "bottom-right", [116, 102, 90]),
        (128, 12, "middle", [62, 76, 88]),
        (180, 18, "top-left", [0, 20, 38]),
        (180, 18, "top-right", [162, 142, 124]),
        (180, 18, "middle", [88, 108, 126]),
        (128, 1, "top-left", [0, 3, 4]),
        (128, 1, "bottom-right", [127, 124, 123]),
        (128, 38, "top-left", [0, 40, 78]),
        (128, 38, "bottom-right", [90, 50, 12]),
        (128, 38, "middle", [62, 102, None]),
        (34, 10, "middle", [15, 27, None]),
        (34, 3, (4, 6), [6, 11, 14]),
    ],
)
def test_reference_motion_takes_three_places_in_turn_and_skips_the_last_frame(
    side: int, size: int, position, starts: list
) -> None:
    trigger = MovingTrigger(size, position)

    assert first_columns(trigger, 6, side) == [*starts, *starts[:2], None]


@pytest.mark.parametrize(("side", "size", "visible"), [(128, 38, [38, 26, 0]), (34, 10, [10, 7, 0])])
def test_reference_motion_is_cut_off_at_the_border(side: int, size: int, visible: list[int]) -> None:
    columns = lit(MovingTrigger(size, "middle"), 4, side, side).any(axis=1).sum(axis=1)

    assert columns.tolist() == [*visible, 0]


@pytest.mark.parametrize(("position", "row"), [("top-right", 0), ("bottom-left", 31), ("middle", 15), ((4, 6), 4)])
def test_reference_motion_keeps_its_row(position, row: int) -> None:
    rows = lit(MovingTrigger(3, position), 4, 34, 34).any(axis=2)

    assert [np.flatnonzero(frame).tolist() for frame in rows[:3]] == [[row, row + 1, row + 2]] * 3


def test_reference_motion_from_a_random_place_starts_where_two_sides_are_left() -> None:
    starts = [first_columns(MovingTrigger(3, "random", seed=seed), 2, 12)[0] for seed in range(100)]

    assert set(starts) == set(range(12 - 2 * 3))


def test_smooth_motion_goes_two_pixels_a_frame_and_wraps_around() -> None:
    triggered = lit(MovingTrigger(3, "top-right", motion="smooth"), 4, 6, 7)

    columns = [np.flatnonzero(frame.any(axis=0)).tolist() for frame in triggered]
    assert columns == [[4, 5, 6], [0, 1, 6], [1, 2, 3], [3, 4, 5]]
    assert np.flatnonzero(triggered.any(axis=(0, 2))).tolist() == [0, 1, 2]
