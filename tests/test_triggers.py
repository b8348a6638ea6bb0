"""Every trigger obeys the laws, and does to a worked example what its source says."""

import numpy as np
import pytest

from art_snn import testing as laws
from art_snn.attacks.poisoning import PatchTrigger
from art_snn.attacks.poisoning._patch_placement import side_in_pixels, upper_left
from art_snn.typing import Array, Images

PATCHES = {
    "white": PatchTrigger(),
    "random": PatchTrigger(size=5, pattern="random", seed=3),
    "array": PatchTrigger(size=2, pattern=np.array([[0.0, 1.0], [1.0, 0.0]]), position="middle"),
    "blended": PatchTrigger(size=0.5, position=(1, 2), blend=0.3),
    "somewhere": PatchTrigger(size=3, position="random", seed=1),
    "at the border": PatchTrigger(size=3, position=(8, 5)),
}


@pytest.fixture(params=[np.float32, np.float64, np.uint8], ids=str)
def images(request: pytest.FixtureRequest) -> Images:
    """Dark, non-square images of three channels."""
    rng = np.random.default_rng(0)
    if request.param is np.uint8:
        return rng.integers(1, 100, (4, 3, 11, 8), dtype=np.uint8)
    return rng.uniform(0.1, 0.4, (4, 3, 11, 8)).astype(request.param)


@pytest.fixture(params=PATCHES.values(), ids=PATCHES.keys())
def patch(request: pytest.FixtureRequest) -> PatchTrigger:
    return request.param


def test_a_patch_keeps_shape_and_dtype(patch: PatchTrigger, images: Images) -> None:
    laws.check_trigger_keeps_shape_and_dtype(patch, images)


def test_a_patch_leaves_its_input_alone(patch: PatchTrigger, images: Images) -> None:
    laws.check_trigger_leaves_input_alone(patch, images)


def test_a_patch_repeats_itself(patch: PatchTrigger, images: Images) -> None:
    laws.check_trigger_repeats_itself(patch, images)


def test_a_patch_treats_samples_alone(patch: PatchTrigger, images: Images) -> None:
    laws.check_trigger_treats_samples_alone(patch, images)


def test_a_patch_stays_within_the_clip_values(patch: PatchTrigger, images: Images) -> None:
    laws.check_trigger_stays_within(patch, images, 0, 255 if images.dtype == np.uint8 else 1)


def test_a_patch_changes_every_sample(patch: PatchTrigger, images: Images) -> None:
    laws.check_trigger_changes_something(patch, images)


def test_a_patch_is_a_value(patch: PatchTrigger, images: Images) -> None:
    laws.check_trigger_is_a_value(patch, images)


def test_a_patch_rejects_other_axes(patch: PatchTrigger, images: Images) -> None:
    laws.check_trigger_rejects_axes(patch, images)


def test_a_patch_rejects_sizes_that_make_no_square_of_pixels(images: Images) -> None:
    laws.check_trigger_rejects_sizes(lambda size: PatchTrigger(size=size), images)


def test_a_patch_that_is_not_blended_in_changes_nothing(images: Images) -> None:
    laws.check_trigger_changes_nothing(PatchTrigger(blend=0), images)


class Leaky:
    """Breaks every law of triggers, each on one call or another."""

    def __init__(self, size: float = 1) -> None:
        self.calls = 0

    def __repr__(self) -> str:
        return "<leaky>"

    def __call__(self, x: Array) -> Array:
        self.calls += 1
        x[:1] += self.calls
        return x


@pytest.mark.parametrize(
    "law",
    [
        lambda x: laws.check_trigger_keeps_shape_and_dtype(lambda x: x.astype(np.float64), x),
        lambda x: laws.check_trigger_keeps_shape_and_dtype(lambda x: x[1:], x),
        lambda x: laws.check_trigger_leaves_input_alone(Leaky(), x),
        lambda x: laws.check_trigger_leaves_input_alone(lambda x: x[:], x),
        lambda x: laws.check_trigger_repeats_itself(Leaky(), x),
        lambda x: laws.check_trigger_treats_samples_alone(lambda x: x / x.max(), x),
        lambda x: laws.check_trigger_stays_within(lambda x: x + 1, x, 0, 1),
        lambda x: laws.check_trigger_stays_within(lambda x: x - 1, x, 0, 1),
        lambda x: laws.check_trigger_changes_something(lambda x: x, x),
        lambda x: laws.check_trigger_changes_nothing(lambda x: x + 1, x),
        lambda x: laws.check_trigger_is_a_value(Leaky(), x),
        lambda x: laws.check_trigger_rejects_axes(lambda x: x, x),
        lambda x: laws.check_trigger_rejects_sizes(Leaky, x),
    ],
)
def test_each_law_of_triggers_catches_one_that_breaks_it(law) -> None:
    x = np.random.default_rng(0).random((4, 3, 11, 8), dtype=np.float32)
    with pytest.raises(AssertionError):
        law(x)


def test_a_white_patch_is_the_upper_clip_value_and_nothing_else_changes() -> None:
    x = np.random.default_rng(0).uniform(-2, 1, (3, 1, 6, 9)).astype(np.float32)

    triggered = PatchTrigger(size=2, position="top-right", clip_values=(-2.0, 2.0))(x)

    expected = x.copy()
    expected[:, :, :2, 7:] = 2.0
    assert np.array_equal(triggered, expected)


def test_a_white_patch_on_bytes_is_255() -> None:
    assert PatchTrigger(size=1, position=(0, 1))(np.zeros((1, 2, 2), np.uint8)).tolist() == [[[0, 255], [0, 0]]]


def test_blending_rounds_bytes_to_the_nearest() -> None:
    triggered = PatchTrigger(size=1, blend=0.5)(np.full((1, 1, 1), 100, np.uint8))

    assert triggered.item() == 178  # 177.5, to even


def test_rounding_does_not_lead_out_of_the_range() -> None:
    white, clip_values = np.full((1, 1, 1), 2.64), (-2.64, 2.64)

    blended = [PatchTrigger(1, blend=b, clip_values=clip_values)(white).item() for b in np.linspace(0, 1, 200)]

    assert max(blended) <= 2.64


def test_the_upper_clip_value_in_another_precision_is_not_above_it() -> None:
    white = np.full((1, 4, 4), 2.64, np.float32)  # as a double it is above 2.64

    assert np.array_equal(PatchTrigger(clip_values=(-2.64, 2.64))(white), white)


def test_a_picture_is_pasted_as_it_is() -> None:
    picture = np.arange(12, dtype=np.uint8).reshape(3, 2, 2)

    triggered = PatchTrigger(size=2, pattern=picture, position="top-left")(np.full((1, 3, 4, 4), 99, np.uint8))

    assert np.array_equal(triggered[0, :, :2, :2], picture)


def test_a_picture_stays_what_it_was_when_the_callers_array_changes() -> None:
    picture = np.ones((2, 2))
    trigger = PatchTrigger(pattern=picture)
    picture[:] = 0

    assert trigger == PatchTrigger(pattern=np.ones((2, 2)))
    assert trigger != PatchTrigger(pattern=picture)


def test_random_blocks_depend_on_the_seed_and_are_four_a_side() -> None:
    black = np.zeros((1, 3, 16, 16), np.float32)

    patch = PatchTrigger(size=8, pattern="random", seed=0)(black)[0, :, 8:, 8:]
    other = PatchTrigger(size=8, pattern="random", seed=1)(black)[0, :, 8:, 8:]

    assert not np.array_equal(patch, other)
    assert np.array_equal(patch, np.repeat(np.repeat(patch[:, ::2, ::2], 2, axis=1), 2, axis=2))
    assert len(np.unique(patch)) == 3 * 4 * 4


@pytest.mark.parametrize(
    ("keywords", "x", "message"),
    [
        ({}, np.full((1, 1, 4, 4), 1.5), "expected images within"),
        ({}, np.full((1, 1, 4, 4), np.nan), "expected images within"),
        ({"clip_values": (0, 1)}, np.full((1, 1, 4, 4), 7, np.uint8), "expected images within"),
        ({"pattern": np.full((2, 2), 3.0)}, np.zeros((1, 1, 4, 4)), "expected pattern within"),
        (
            {"pattern": np.ones((3, 3))},
            np.zeros((1, 1, 4, 4)),
            r"shape \(C, size, size\) = \(1, 2, 2\), got shape \(3, 3\)",
        ),
    ],
)
def test_a_patch_refuses_values_that_would_leave_the_range(keywords: dict, x: Images, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PatchTrigger(**keywords)(x)


def test_a_place_may_be_any_pair_of_whole_numbers() -> None:
    assert hash(PatchTrigger(position=[1, 2])) == hash(PatchTrigger(position=(1, 2)))
    assert PatchTrigger(position=[1, 2]) == PatchTrigger(position=(1, 2))


@pytest.mark.parametrize(
    ("keywords", "error", "message"),
    [
        ({"size": "2"}, TypeError, "size to be a number"),
        ({"size": True}, TypeError, "size to be a number"),
        ({"position": "top"}, ValueError, "'top-left'"),
        ({"position": (1.5, 2)}, TypeError, "row, column"),
        ({"position": (-1, 2)}, ValueError, "from \\(0, 0\\) up"),
        ({"position": 5}, TypeError, "row, column"),
        ({"seed": -1}, ValueError, "seed to be at least 0"),
        ({"pattern": "black"}, ValueError, "'white', 'random'"),
        ({"blend": 1.5}, ValueError, "blend to be a fraction"),
        ({"clip_values": (1, 0)}, ValueError, "low < high"),
    ],
)
def test_a_patch_refuses_wrong_parameters_when_it_is_made(keywords: dict, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        PatchTrigger(**keywords)


def test_a_patch_refuses_integers_whose_white_nobody_knows() -> None:
    with pytest.raises(TypeError, match="floating dtype or uint8, got int64"):
        PatchTrigger()(np.zeros((1, 1, 4, 4), np.int64))


@pytest.mark.parametrize("position", [(4, 0), (3, 0), (0, 3), (99, 99)])
def test_a_patch_that_reaches_over_the_border_is_an_error(position: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=r"position \(row, column\) up to \(2, 2\) for 2 × 2 pixels within 4 × 4"):
        PatchTrigger(position=position)(np.zeros((1, 4, 4), np.float32))


@pytest.mark.parametrize(
    ("side", "size", "start"), [(34, 3, 15), (128, 12, 58), (180, 18, 81), (34, 1, 16), (128, 38, 45)]
)
def test_the_middle_is_where_the_released_code_puts_it(side: int, size: int, start: int) -> None:
    assert upper_left("middle", size, side, side) == (start, start)


@pytest.mark.parametrize(
    ("fraction", "side", "pixels"),
    [
        (0.1, 34, 3),
        (0.1, 128, 12),
        (0.1, 180, 18),
        (0.01, 34, 1),
        (0.01, 180, 1),
        (0.3, 34, 10),
        (0.3, 128, 38),
        (0.29, 100, 29),
    ],
)
def test_a_fraction_is_rounded_down_but_never_to_nothing(fraction: float, side: int, pixels: int) -> None:
    assert side_in_pixels(fraction, side, side + 5) == pixels


def test_a_random_place_lies_within_the_frame_and_follows_the_seed() -> None:
    places = {upper_left("random", 3, 6, 4, seed) for seed in range(200)}

    assert {row for row, _ in places} == {0, 1, 2, 3}
    assert {column for _, column in places} == {0, 1}
