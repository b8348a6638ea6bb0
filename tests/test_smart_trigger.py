"""The smart trigger: where frames are active, what it chooses, how it walks."""

import numpy as np
import pytest

from art_snn.attacks.poisoning import (
    MovingTrigger,
    SmartTrigger,
    StaticTrigger,
)
from art_snn.attacks.poisoning._mask_activity import grid, measure
from art_snn.typing import Frames
from tests.frame_triggers import lit


@pytest.mark.parametrize(
    ("n_lines", "side", "borders"),
    [
        (2, 34, [0, 11, 22, 34]),
        (2, 128, [0, 42, 85, 128]),
        (2, 180, [0, 60, 120, 180]),
        (4, 34, [0, 6, 13, 20, 27, 34]),
    ],
)
def test_the_grid_of_published_sizes(n_lines: int, side: int, borders: list[int]) -> None:
    rows = [mask[0] for mask in grid(n_lines, side, side)[:: n_lines + 1]]

    assert [rows[0].start, *(row.stop for row in rows)] == borders


@pytest.mark.parametrize("n_lines", range(7))
@pytest.mark.parametrize(("height", "width"), [(34, 34), (128, 128), (9, 20)])
def test_the_masks_cover_each_pixel_once(n_lines: int, height: int, width: int) -> None:
    cover = np.zeros((height, width), int)
    for mask in grid(n_lines, height, width):
        cover[mask] += 1

    assert (cover == 1).all()


def test_activity_worked_by_hand() -> None:
    off = np.array([[0, 1, 0], [1, 0, 2], [1, 0, 0]])  # (T, W)
    on = np.array([[0, 1, 1], [0, 3, 0], [0, 0, 0]])
    x = np.stack([off, on], axis=1)[None, :, :, None, :]  # states by bin: none both on; off on off; off none none

    # of 18 channels 11 are empty; 0 beside exactly 1: ON alone once, OFF alone twice; channels equal to 1: 5
    assert measure(x, 0, "reference") == [(1 + 2 + 5, (11, 1, 2, 5))]
    assert measure(x, 0, "pixels") == [(6, (3, 2, 3, 1))]
    assert measure(x, 0, "transitions") == [(3, (3, 2, 3, 1))]  # the two into "none" do not count


def test_activity_sums_over_all_samples() -> None:
    x = np.random.default_rng(0).integers(0, 3, (40, 3, 2, 4, 4))

    for counting in ("reference", "pixels", "transitions"):
        alone = [measure(sample[None], 1, counting) for sample in x]
        totals = [sum(activities[mask].total for activities in alone) for mask in range(4)]
        assert [activity.total for activity in measure(x, 1, counting)] == totals


@pytest.fixture
def busy_corner() -> Frames:
    """ON events everywhere, many more of them and a few OFF events in the lower right ninth; silence in the middle."""
    x = np.zeros((2, 4, 2, 12, 12), np.uint8)
    x[:, ::2, 1, ::3, ::3] = 1
    x[:, ::2, 1, 8:, 8:] = 1
    x[:, 1, 0, 9, 9] = 1
    x[:, :, :, 4:8, 4:8] = 0
    return x


@pytest.mark.parametrize("counting", ["reference", "pixels", "transitions"])
def test_fit_chooses_the_most_and_the_least_active_mask(counting: str, busy_corner: Frames) -> None:
    assert SmartTrigger(counting=counting).fit(busy_corner).mask == 8
    assert SmartTrigger(counting=counting, area="least").fit(busy_corner).mask == 4


def test_fit_takes_the_first_of_equals() -> None:
    silent = np.zeros((1, 2, 2, 9, 9))

    assert SmartTrigger().fit(silent).mask == SmartTrigger(area="least").fit(silent).mask == 0


def test_fit_chooses_the_rarest_or_the_commonest_polarity(busy_corner: Frames) -> None:
    assert SmartTrigger().fit(busy_corner).state == "off"
    assert SmartTrigger(counting="pixels").fit(busy_corner).state == "both"  # the pixel-exact count finds none of it
    assert SmartTrigger(polarity="commonest").fit(busy_corner).state == "none"


def test_a_fitted_trigger_is_the_same_whatever_it_is_shown(busy_corner: Frames) -> None:
    trigger = SmartTrigger(size=1).fit(busy_corner)

    written = [(trigger(np.full_like(x, 9)) != 9)[0] for x in (busy_corner, busy_corner[:1])]

    assert np.array_equal(*written)
    assert trigger == SmartTrigger(size=1).fit(busy_corner)


def test_fit_leaves_the_trigger_and_the_samples_alone(busy_corner: Frames) -> None:
    trigger, before = SmartTrigger(), busy_corner.copy()
    trigger.fit(busy_corner)

    assert trigger == SmartTrigger()
    assert np.array_equal(busy_corner, before)


@pytest.mark.parametrize("seed", range(5))
def test_the_walk_goes_by_two_pixels_or_none_and_keeps_a_side_from_the_masks_border(seed: int) -> None:
    trigger = SmartTrigger(size=2, seed=seed, mask=4, fitted_polarity="on")

    squares = [np.argwhere(frame) for frame in lit(trigger, 60, 30, 33)]

    corners = np.array([square[0] for square in squares])
    assert all(len(square) == 4 for square in squares)
    assert set(np.abs(np.diff(corners, axis=0)).ravel()) == {0, 2}
    assert (corners.min(axis=0) >= [10 + 2, 11 + 2]).all()
    assert (corners.max(axis=0) <= [20 - 2, 22 - 2]).all()


def test_another_seed_walks_another_way() -> None:
    walks = [lit(SmartTrigger(2, seed=seed, mask=0, fitted_polarity="on"), 8, 30, 30) for seed in (0, 1)]

    assert not np.array_equal(*walks)


def test_a_mask_too_small_for_its_patch_is_an_error() -> None:
    with pytest.raises(ValueError, match="size below half of a mask's 11 pixels, got 10"):
        SmartTrigger(size=0.3, mask=0, fitted_polarity="on")(np.zeros((2, 2, 34, 34)))


def test_an_unfitted_trigger_says_how_to_fit_it() -> None:
    with pytest.raises(ValueError, match=r"call fit\(x_train\)"):
        SmartTrigger()(np.zeros((2, 2, 34, 34)))


def test_fitting_on_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one sample to fit on"):
        SmartTrigger().fit(np.zeros((0, 2, 2, 9, 9)))


def test_refit_chooses_anew_for_each_set_as_the_released_code_does(busy_corner: Frames) -> None:
    trigger, flipped = SmartTrigger(size=1, refit=True), busy_corner[..., ::-1, ::-1]

    for x in (busy_corner, flipped):
        fitted = trigger.fit(x)
        assert (fitted.mask, fitted.state, fitted.refit) == (SmartTrigger().fit(x).mask, "off", False)
        assert np.array_equal(trigger(x), fitted(x))
    assert trigger.fit(busy_corner).seed != trigger.fit(flipped).seed
    assert trigger == SmartTrigger(size=1, refit=True)


def test_a_place_may_be_any_pair_of_whole_numbers() -> None:
    for pair in ([1, 2], np.array([1, 2])):
        for trigger in (StaticTrigger, MovingTrigger):
            assert trigger(position=pair) == trigger(position=(1, 2))
            assert hash(trigger(position=pair)) == hash(trigger(position=(1, 2)))
