"""What every trigger of frames does, where it lies, and what it refuses."""

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
from art_snn.attacks.poisoning.frame_trigger import FrameTrigger
from art_snn.typing import Frames
from tests.frame_triggers import lit

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


@pytest.fixture(params=TRIGGERS.values(), ids=TRIGGERS.keys())
def trigger(request: pytest.FixtureRequest) -> FrameTrigger:
    return request.param


@pytest.fixture(params=[np.uint8, np.int64, np.float32, np.bool_], ids=lambda dtype: dtype.__name__)
def frames(request: pytest.FixtureRequest) -> Frames:
    """Busy, non-square frames, in which every pixel has OFF and ON events, and often more than one."""
    counts = np.random.default_rng(0).integers(2, 7, (3, 4, 2, 8, 11))
    return counts.astype(request.param)


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
