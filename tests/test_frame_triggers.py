"""Every neuromorphic trigger obeys the laws, and writes where the published code and papers say that it does."""

from dataclasses import replace

import numpy as np
import pytest

from art_snn import testing as laws
from art_snn.attacks.poisoning import (
    FlashTrigger,
    MovingTrigger,
    SmartTrigger,
    StaticTrigger,
    polarity_from_code,
    strobe_frames,
)
from art_snn.attacks.poisoning.activity import grid, measure
from art_snn.attacks.poisoning.frame_trigger import FrameTrigger
from art_snn.typing import Array, Frames

STATES = {"none": (0, 0), "on": (0, 1), "off": (1, 0), "both": (1, 1)}  # values of channel 0 and 1
TRIGGERS = {
    "static": StaticTrigger(size=2),
    "static, erasing": StaticTrigger(size=0.5, position="middle", polarity="none"),
    "static, some bins": StaticTrigger(size=3, position=(1, 8), polarity="off", frames=[1, 3]),
    "static, somewhere": StaticTrigger(size=3, position="random", polarity="both", seed=5),
    "moving": MovingTrigger(size=2),
    "moving, smooth": MovingTrigger(size=3, position="bottom-right", motion="smooth", polarity="both"),
    "moving, somewhere": MovingTrigger(size=2, position="random", polarity="both"),
    "smart": SmartTrigger(size=1, n_masks=1, mask=2, fitted_polarity="both"),
    "flash": FlashTrigger(polarity="both", length=2),
    "strobe": FlashTrigger(polarity="none", start=1, length=3, gap=1),
}


@pytest.fixture(params=[np.uint8, np.int64, np.float32, np.bool_], ids=lambda dtype: dtype.__name__)
def frames(request: pytest.FixtureRequest) -> Frames:
    """Busy, non-square frames, in which every pixel has OFF and ON events, and often more than one."""
    counts = np.random.default_rng(0).integers(2, 7, (3, 4, 2, 8, 11))
    return counts.astype(request.param)


@pytest.fixture(params=TRIGGERS.values(), ids=TRIGGERS.keys())
def trigger(request: pytest.FixtureRequest) -> FrameTrigger:
    return request.param


def lit(trigger: FrameTrigger, n_bins: int, height: int, width: int) -> Array:
    """Where the trigger writes ON events into empty frames, (T, H, W)."""
    return trigger(np.zeros((n_bins, 2, height, width), np.uint8))[:, 1].astype(bool)


def first_columns(trigger: FrameTrigger, n_bins: int, side: int) -> list[int | None]:
    """The leftmost lit column of each frame; None where nothing is lit."""
    columns = lit(trigger, n_bins, side, side).any(axis=1)
    return [int(row.argmax()) if row.any() else None for row in columns]


def test_it_keeps_shape_and_dtype(trigger: FrameTrigger, frames: Frames) -> None:
    laws.check_trigger_keeps_shape_and_dtype(trigger, frames)


def test_it_leaves_its_input_alone(trigger: FrameTrigger, frames: Frames) -> None:
    laws.check_trigger_leaves_input_alone(trigger, frames)


def test_it_repeats_itself(trigger: FrameTrigger, frames: Frames) -> None:
    laws.check_trigger_repeats_itself(trigger, frames)


def test_it_treats_samples_alone(trigger: FrameTrigger, frames: Frames) -> None:
    laws.check_trigger_treats_samples_alone(trigger, frames)


def test_counts_stay_counts(trigger: FrameTrigger, frames: Frames) -> None:
    laws.check_trigger_stays_within(trigger, frames, 0, frames.max())


def test_it_changes_every_sample(trigger: FrameTrigger) -> None:
    laws.check_trigger_changes_something(trigger, np.full((3, 4, 2, 8, 11), 2, np.uint8))


def test_it_is_a_value(trigger: FrameTrigger, frames: Frames) -> None:
    laws.check_trigger_is_a_value(trigger, frames)


def test_it_rejects_other_axes(trigger: FrameTrigger, frames: Frames) -> None:
    laws.check_trigger_rejects_axes(trigger, frames)


def test_applying_it_twice_is_applying_it_once(trigger: FrameTrigger, frames: Frames) -> None:
    assert np.array_equal(trigger(trigger(frames)), trigger(frames))


def test_it_writes_zeros_and_ones_and_nothing_elsewhere(trigger: FrameTrigger) -> None:
    frames = np.full((1, 4, 2, 8, 11), 7)

    triggered = trigger(frames)[0]

    written = (triggered != 7).any(axis=1)
    off, on = STATES[trigger.state]
    assert written.any()
    assert (triggered[:, 0][written] == off).all()
    assert (triggered[:, 1][written] == on).all()


@pytest.mark.parametrize("kind", [StaticTrigger, MovingTrigger])
def test_it_rejects_sizes_that_make_no_square_of_pixels(kind: type, frames: Frames) -> None:
    laws.check_trigger_rejects_sizes(lambda size: kind(size=size), frames)


def test_the_smart_trigger_rejects_such_sizes_too(frames: Frames) -> None:
    laws.check_trigger_rejects_sizes(lambda size: SmartTrigger(size=size, mask=0, fitted_polarity="on"), frames)


@pytest.mark.parametrize("kind", [StaticTrigger, MovingTrigger])
def test_it_changes_nothing_without_time_bins(kind: type, frames: Frames) -> None:
    laws.check_trigger_changes_nothing(kind(frames=()), frames)


def test_the_smart_trigger_changes_nothing_without_time_bins(frames: Frames) -> None:
    laws.check_trigger_changes_nothing(SmartTrigger(size=1, n_masks=0, frames=(), mask=0, fitted_polarity="on"), frames)


# Places and sizes: reference A.4


@pytest.mark.parametrize(
    ("position", "rows", "columns"),
    [
        ("top-left", (0, 3), (0, 3)),
        ("top-right", (0, 3), (37, 40)),
        ("bottom-left", (31, 34), (0, 3)),
        ("bottom-right", (31, 34), (37, 40)),
        ("middle", (15, 18), (18, 21)),
        ((31, 37), (31, 34), (37, 40)),
    ],
)
def test_a_static_patch_lies_where_its_name_says(position, rows: tuple, columns: tuple) -> None:
    expected = np.zeros((2, 34, 40), bool)
    expected[:, slice(*rows), slice(*columns)] = True

    assert np.array_equal(lit(StaticTrigger(size=3, position=position), 2, 34, 40), expected)


@pytest.mark.parametrize(
    ("side", "size", "start", "stop"),
    [(34, 3, 15, 18), (128, 12, 58, 70), (180, 18, 81, 99), (34, 1, 16, 17), (128, 38, 45, 83)],
)
def test_the_middle_of_published_sizes(side: int, size: int, start: int, stop: int) -> None:
    rows = np.flatnonzero(lit(StaticTrigger(size, "middle"), 1, side, side)[0].any(axis=1))

    assert (rows[0], rows[-1] + 1) == (start, stop)


def test_a_fraction_of_a_non_square_frame_is_of_its_shorter_side() -> None:
    assert lit(StaticTrigger(0.25), 1, 8, 40).sum() == 4


@pytest.mark.parametrize("polarity", STATES)
def test_a_polarity_is_written_as_its_two_channels(polarity: str) -> None:
    triggered = StaticTrigger(size=1, polarity=polarity)(np.full((1, 1, 2, 3, 3), 5))

    assert tuple(triggered[0, 0, :, 0, 0]) == STATES[polarity]


def test_the_published_code_tables_contradict_each_other() -> None:
    assert [polarity_from_code(code) for code in range(4)] == ["none", "on", "off", "both"]
    assert [polarity_from_code(code, convention="ccs22") for code in range(3)] == ["off", "on", "both"]
    with pytest.raises(ValueError, match="code to be one of 0, 1, 2, got 3"):
        polarity_from_code(3, convention="ccs22")


def test_a_random_place_is_one_for_training_and_test() -> None:
    train, test = np.zeros((5, 2, 2, 9, 9)), np.zeros((3, 2, 2, 9, 9))
    trigger = StaticTrigger(size=2, position="random", seed=3)

    places = {tuple(np.argwhere(sample)[0][1:]) for x in (train, test) for sample in trigger(x)}

    assert len(places) == 1


def test_frames_restrict_any_trigger_to_their_time_bins() -> None:
    for trigger in (
        StaticTrigger(size=2),
        MovingTrigger(size=2),
        SmartTrigger(1, n_masks=0, mask=0, fitted_polarity="on"),
    ):
        everywhere, restricted = lit(trigger, 6, 12, 12), lit(replace(trigger, frames=[4, 1]), 6, 12, 12)

        assert np.array_equal(restricted[[1, 4]], everywhere[[1, 4]])
        assert not restricted[[0, 2, 3, 5]].any()


# Motion: reference A.5


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


# The smart trigger: reference A.6


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


# Flashes: follow-up D.2


@pytest.mark.parametrize(
    ("keywords", "bins"),
    [
        ({"start": 2, "length": 3}, (2, 3, 4)),  # framed
        ({"length": 6, "gap": 1}, (0, 2, 4)),  # strobing
        ({"length": 5, "on": 2, "gap": 1}, (0, 1, 3, 4)),
        ({"length": 4, "on": 3, "gap": 0}, (0, 1, 2, 3, 4, 5)),  # the pulse that began is completed
        ({"start": 6, "length": 9, "on": 3}, (6, 7)),  # the recording ends
    ],
)
def test_a_flash_fills_the_frame_in_its_time_bins(keywords: dict, bins: tuple[int, ...]) -> None:
    triggered = lit(FlashTrigger(**keywords), 8, 3, 4)

    assert np.flatnonzero(triggered.any(axis=(1, 2))).tolist() == list(bins)
    assert triggered[list(bins)].all()
    assert strobe_frames(8, **keywords) == bins


# What cannot be


@pytest.mark.parametrize(
    ("trigger", "n_bins"),
    [
        (MovingTrigger(size=2), 1),
        (FlashTrigger(start=3), 3),
        (MovingTrigger(size=2, frames=[2]), 3),
    ],
    ids=repr,
)
def test_a_trigger_that_writes_nothing_warns(trigger: FrameTrigger, n_bins: int) -> None:
    x = np.zeros((1, n_bins, 2, 9, 9))

    with pytest.warns(UserWarning, match=f"writes nothing into {n_bins} time bins of 9 × 9") as caught:
        triggered = trigger(x)

    assert np.array_equal(triggered, x)
    assert caught[0].filename == __file__


@pytest.mark.parametrize("kind", [StaticTrigger, MovingTrigger])
@pytest.mark.parametrize("position", [(9, 0), (0, 9), (8, 0)])
def test_a_square_that_starts_over_the_border_is_an_error(kind: type, position: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=r"position \(row, column\) up to \(7, 7\) for 2 × 2 pixels within 9 × 9"):
        kind(size=2, position=position)(np.zeros((1, 3, 2, 9, 9)))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: StaticTrigger(polarity="black"), ValueError, "polarity to be one of 'none', 'on', 'off', 'both'"),
        (lambda: StaticTrigger(polarity=1), ValueError, "polarity to be one of"),
        (lambda: StaticTrigger(frames=[-1]), ValueError, "frames to be at least 0"),
        (lambda: StaticTrigger(frames=[0.5]), TypeError, "frames to be time bins in whole numbers"),
        (lambda: StaticTrigger(frames=3), TypeError, "frames to be time bins in whole numbers, got 3"),
        (lambda: StaticTrigger(position=None), TypeError, r"position to be a name or \(row, column\) .*, got None"),
        (lambda: StaticTrigger(seed=-1), ValueError, "seed to be at least 0"),
        (lambda: MovingTrigger(seed=-1), ValueError, "seed to be at least 0"),
        (lambda: SmartTrigger(seed="a"), TypeError, "seed to be a whole number, got 'a'"),
        (lambda: MovingTrigger(motion="jumpy"), ValueError, "'reference', 'smooth'"),
        (lambda: SmartTrigger(area="middle"), ValueError, "'most', 'least'"),
        (lambda: SmartTrigger(polarity="on"), ValueError, "'rarest', 'commonest'"),
        (lambda: SmartTrigger(counting="paper"), ValueError, "'reference', 'pixels', 'transitions'"),
        (lambda: SmartTrigger(n_masks=-1), ValueError, "n_masks to be at least 0"),
        (lambda: SmartTrigger(mask=9), ValueError, "mask to be one of"),
        (lambda: FlashTrigger(length=0), ValueError, "length to be at least 1"),
        (lambda: FlashTrigger(start=-1), ValueError, "start to be at least 0"),
        (lambda: polarity_from_code(1, convention="ndss"), ValueError, "'ndss24', 'ccs22'"),
    ],
)
def test_wrong_parameters_are_errors_when_the_trigger_is_made(make, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        make()


def test_time_bins_that_the_samples_do_not_have_are_an_error() -> None:
    with pytest.raises(ValueError, match=r"below the 4 time bins of the samples, got \[4, 9\]"):
        StaticTrigger(frames=[3, 4, 9])(np.zeros((4, 2, 9, 9)))


@pytest.mark.parametrize("use", [StaticTrigger(), SmartTrigger().fit], ids=["call", "fit"])
def test_frames_have_an_off_and_an_on_channel(use) -> None:
    with pytest.raises(ValueError, match="OFF and ON channel, got shape"):
        use(np.zeros((2, 4, 3, 9, 9)))
