"""Pictures show what the arrays hold; a trigger stands out in every panel, and words are whole and in nobody's way."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from PIL import Image

from art_snn.attacks.poisoning import (
    FlashTrigger,
    MovingTrigger,
    PatchTrigger,
    RetimingTrigger,
    SmartTrigger,
    StaticTrigger,
)
from art_snn.catalogue import TRIGGERS
from art_snn.experiment import Examples, Shown
from art_snn.experiment.touched import touched
from art_snn.report import trigger_sheet, triggered_figure, write_animation
from art_snn.report.animation import MOST_FRAMES, Film
from art_snn.report.palette import BACKGROUND, BOTH, CONTRAST, OFF, ON, contrast, ramp
from art_snn.report.panels import LINE, boxes_around, zoom_for
from art_snn.report.pictures import chosen_bins
from art_snn.report.trigger_words import trigger_in_words
from art_snn.typing import Array, Trigger
from tests.figures import check_layout
from tests.pictured import FRAMES, IMAGES, OF_FRAMES, OF_IMAGES, RNG, panels, recording, shown


def every_kind() -> Iterator[tuple[str, Shown]]:
    """All triggers on all kinds of data."""
    for (name, trigger), side in itertools.product(OF_FRAMES.items(), (34, 128)):
        yield f"{name}, {side} pixels", shown(trigger, recording(side=side))
    colours = RNG.random((2, 3, 28, 28), dtype=np.float32)
    for name, trigger in OF_IMAGES.items():
        for kind, x in (("colours", colours), ("bytes", (255 * IMAGES).astype(np.uint8)), ("white", 0 * IMAGES + 1)):
            yield f"{name}, {kind}", shown(trigger, x)


EVERY_KIND = dict(every_kind())


@pytest.fixture(params=EVERY_KIND.values(), ids=EVERY_KIND.keys())
def any_kind(request: pytest.FixtureRequest) -> Shown:
    return request.param


def test_the_laws_below_know_every_trigger() -> None:
    assert {type(trigger) for trigger in (OF_FRAMES | OF_IMAGES).values()} == set(TRIGGERS.values())


# --- contrast, of rendered pixels ---------------------------------------------------------------------------------


def outline_contrast(panel: Array, top: int, left: int, bottom: int, right: int) -> float:
    """The least contrast on a way from the middle of a side of a rectangle out of it."""
    middle = (top + bottom) // 2, (left + right) // 2
    ways = [
        panel[top - LINE : top + 1, middle[1]],
        panel[bottom - 1 : bottom + LINE, middle[1]],
        panel[middle[0], left - LINE : left + 1],
        panel[middle[0], right - 1 : right + LINE],
    ]
    return min(float(contrast(way[1:], way[:-1]).max()) for way in ways)


def check_stands_out(panel: Array, mask: Array) -> None:
    """A rendered panel has an outline around what a mask says."""
    zoom = zoom_for(*mask.shape)
    for box in boxes_around(mask):
        assert outline_contrast(panel, *(zoom * side + LINE for side in box)) >= CONTRAST


def check_events_stand_out(panel: Array, sample: Array, mask: Array) -> None:
    """What a trigger wrote is lit in every one of its pixels, in the colour of its state."""
    zoom = zoom_for(*mask.shape)
    pixels = panel[LINE + zoom // 2 : -LINE : zoom, LINE + zoom // 2 : -LINE : zoom]
    lit = mask & sample.any(axis=0)
    assert (contrast(pixels[lit], BACKGROUND) >= CONTRAST).all()
    assert np.array_equal((contrast(pixels, BACKGROUND) > 1.5)[mask], lit[mask])


def test_a_trigger_stands_out_in_every_panel_of_a_sheet(any_kind: Shown) -> None:
    drawn = panels(trigger_sheet(any_kind))
    n = len(any_kind.touched)
    triggered, is_of_events = any_kind.rows["triggered"], any_kind.is_over_time

    for row, i in itertools.product((1, 2), range(n)):
        check_stands_out(drawn[row * n + i], any_kind.touched[i])
        if is_of_events and row == 1:
            check_events_stand_out(drawn[n + i], triggered[i], any_kind.touched[i])


def test_a_trigger_stands_out_in_every_frame_of_an_animation(any_kind: Shown) -> None:
    film = Film(any_kind)
    for index, frame in enumerate(film.frames()):
        picture = np.asarray(frame.convert("RGB")) / 255
        for column in (1, 2):
            (top, left), (height, width, _) = film.grid.corner(0, column), film.strips[column].panel(index).shape
            panel = picture[top : top + height, left : left + width]
            check_stands_out(panel, any_kind.touched[index])
            if any_kind.is_over_time and column == 1:
                check_events_stand_out(panel, any_kind.rows["triggered"][index], any_kind.touched[index])


def examples(x: Array, trigger: Trigger) -> Examples:
    changed = trigger(x)
    predicted = {"lif": np.array([[0, 1, 2], [3, 3, 3]]), "a long name of a model": np.array([[0, 1, 2], [-1, 3, 3]])}
    return Examples(x, changed, np.array([0, 1, 2]), predicted, touched(trigger, x, changed))


COMPARED = {
    "frames": (FRAMES, StaticTrigger(size=2, position="middle")),
    "erased": (FRAMES, StaticTrigger(size=3, polarity="none")),
    "images": (IMAGES, PatchTrigger(2)),
    "bytes": ((255 * IMAGES).astype(np.uint8), PatchTrigger(2, blend=0.1)),
    "recordings": (np.stack([recording(side=128)] * 3), MovingTrigger()),
}


@pytest.fixture(params=COMPARED.values(), ids=COMPARED.keys())
def compared(request: pytest.FixtureRequest) -> Examples:
    return examples(*request.param)


def test_a_trigger_stands_out_in_every_example(compared: Examples) -> None:
    figure = triggered_figure(compared)
    drawn, mask = panels(figure), compared.mask

    for row, i in itertools.product((1, 2), range(3)):
        where = mask[i] if mask.ndim == 3 else mask[i, _bin_shown(figure.axes[i])]
        assert where.any()
        check_stands_out(drawn[3 * row + i], where)


def _bin_shown(ax: Axes) -> int:
    return int(ax.get_title().split("\nbin ")[1].split()[0])


def test_a_recording_is_shown_in_its_busiest_time_bin_in_which_the_trigger_writes() -> None:
    x = np.ones((3, 4, 2, 8, 8), np.uint8)
    x[0, 2], x[1, 3], x[2, 1] = 9, 9, 9

    figure = triggered_figure(examples(x, StaticTrigger(frames=(0, 2, 3), size=2)))

    assert [ax.get_title() for ax in figure.axes[:2]] == ["true class 0\nbin 2 of 4", "true class 1\nbin 3 of 4"]
    assert _bin_shown(figure.axes[2]) != 1


def test_off_on_and_both_differ_in_brightness_however_many_events_there_are() -> None:
    levels = np.linspace(0, 1, 9)
    off, on, both = (contrast(ramp(levels, ends), BACKGROUND) for ends in (OFF, ON, BOTH))

    assert off.min() >= CONTRAST
    assert on.min() / off.max() > 1.25
    assert both.min() / on.max() > 1.1
    assert all((np.diff(state) > 0).all() for state in (off, on, both))


# --- which time bins ----------------------------------------------------------------------------------------------


def _written(n_bins: int, *bins: int) -> Array:
    mask = np.zeros((n_bins, 2, 2), bool)
    mask[list(bins), 0, 0] = True
    return mask


def test_time_bins_are_chosen_where_the_trigger_writes() -> None:
    assert chosen_bins(_written(3), 16).tolist() == [0, 1, 2]
    assert chosen_bins(_written(400, 7, 390), 4).tolist() == [0, 7, 390, 399]
    assert chosen_bins(_written(400, *range(100, 200)), 4).tolist() == [100, 133, 166, 199]


@pytest.mark.parametrize(
    ("frames", "said"),
    [
        (None, "16 of 400 time bins: 16 of the 400 in which the trigger writes, at even distances"),
        ((7, 300), "16 of 400 time bins: all of the 2 in which the trigger writes, and others"),
        ((), "16 of 400 time bins: at even distances; the trigger writes in none"),
    ],
)
def test_a_sheet_of_many_bins_shows_sixteen_and_says_which(frames: Any, said: str) -> None:
    sheet = trigger_sheet(shown(StaticTrigger(frames=frames), recording(400, 10, busy=0.05)))

    assert sheet.get_suptitle().replace("\n", " ").endswith(said)
    heads = [ax.get_title() for ax in sheet.axes[:16]]
    assert (heads[0], heads[-1]) == ("bin 0", "bin 399")
    assert {f"bin {frame}" for frame in frames or ()} <= set(heads)
    assert len(sheet.axes) == 3 * 16


def test_a_sheet_of_few_columns_says_of_how_many_images() -> None:
    sheet = trigger_sheet(shown(PatchTrigger(), np.tile(IMAGES, (3, 1, 1, 1))), most_columns=2)

    assert sheet.get_suptitle().endswith(f"2 of {3 * len(IMAGES)} images")
    assert len(sheet.axes) == 3 * 2


def test_time_bins_say_when_they_are() -> None:
    sheet = trigger_sheet(shown(StaticTrigger(), recording(2, 8), np.array([[0, 12_500], [12_500, 130_200]])))

    assert [ax.get_title() for ax in sheet.axes[:2]] == ["bin 0\n0–12.5 ms", "bin 1\n12.5–130 ms"]


def test_time_bins_say_how_many_events_they_hold() -> None:
    x = np.zeros((3, 2, 4, 4), np.uint8)
    x[0, :, 0, 0], x[1, 1, 2, 2], x[2, 0, 1, 3] = 2, 1, 200

    sheet = trigger_sheet(shown(RetimingTrigger(max_shift=1), x))

    numbers = [[ax.get_xlabel() for ax in sheet.axes[row * 3 : row * 3 + 3]] for row in range(3)]
    assert numbers == [["4 events", "1 event", "200 events"], ["0 events", "4 events", "201 events"], [""] * 3]


# --- words --------------------------------------------------------------------------------------------------------


def test_the_figure_says_what_each_model_takes_each_sample_for() -> None:
    axes = triggered_figure(examples(IMAGES, PatchTrigger())).axes

    assert [ax.get_title() for ax in axes[:3]] == ["true class 0", "true class 1", "true class 2"]
    assert [ax.get_xlabel().split("\n")[0] for ax in axes[:6]] == ["lif: 0", "lif: 1", "lif: 2"] + ["lif: 3"] * 3


@pytest.mark.parametrize("trigger", [*OF_FRAMES.values(), *OF_IMAGES.values()], ids=[*OF_FRAMES, *OF_IMAGES])
def test_a_trigger_is_told_in_words(trigger: Any) -> None:
    words = trigger_in_words(trigger)

    (name,) = (name for name, kind in TRIGGERS.items() if kind is type(trigger))
    assert words.startswith(f"{name} trigger".replace("-", " "))
    assert not set("=()[]{}'\"_") & set(words)
    assert "None" not in words


def test_words_of_a_trigger_of_ones_own() -> None:
    class BlinkingSquareTrigger:
        pass

    assert trigger_in_words(BlinkingSquareTrigger()) == "blinking square trigger"


LAYOUTS = {
    "one bin": (StaticTrigger(), (1, 34)),
    "many bins": (StaticTrigger(), (17, 34)),
    "a large sensor": (SmartTrigger(size=5, n_masks=1, counting="transitions"), (5, 240, 180)),
    "a small one": (FlashTrigger(start=1, length=2, gap=1), (3, 8)),
}


@pytest.mark.parametrize(("trigger", "shape"), LAYOUTS.values(), ids=LAYOUTS)
def test_words_are_whole_and_in_nobodys_way_on_a_sheet(trigger: Any, shape: Any) -> None:
    n_bins = shape[0]
    times = np.stack([np.arange(n_bins), np.arange(n_bins) + 1], axis=1) * 123_456
    of_events = shown(trigger, recording(*shape), times)
    sheet = trigger_sheet(of_events)

    check_layout(sheet)
    assert {"OFF events", "ON events", "where the trigger writes"} <= {text.get_text() for text in sheet.texts}
    check_layout(Film(of_events).grid.figure())


def test_words_are_whole_and_in_nobodys_way_beside_examples(compared: Examples) -> None:
    check_layout(triggered_figure(compared, "invalid results: " + ", ".join(["a model of a long name"] * 9)))


def test_an_animation_has_a_picture_a_bin_with_all_rows_and_when_it_is(tmp_path: Path) -> None:
    x = recording(3, 8, busy=0.05)
    moving = shown(StaticTrigger(), x, np.array([[0, 1000], [1000, 2000], [2000, 3000]]))
    film = Film(moving)

    write_animation(moving, tmp_path / "a.gif")

    assert [ax.get_title() for ax in film.grid.figure().axes] == [
        "clean",
        "triggered",
        "difference\n(brightest: 1 event)",
    ]
    with Image.open(tmp_path / "a.gif") as gif:
        assert (gif.n_frames, gif.info["loop"]) == (3, 0)
        below = []
        for frame in range(3):
            gif.seek(frame)
            picture = np.asarray(gif.convert("RGB")) / 255
            top, left = film.grid.corner(0, 0)
            panel = film.strips[0].panel(frame)
            assert np.abs(picture[top : top + len(panel), left : left + panel.shape[1]] - panel).max() < 0.01
            below.append(picture[top + len(panel) : top + len(panel) + 30, left : left + 100])
    assert all((picture < 0.5).any() for picture in below), "no words"
    assert not np.array_equal(below[0], below[1])


def test_an_animation_of_many_bins_is_thinned_out_and_says_so() -> None:
    film = Film(shown(FlashTrigger(start=300, length=100), recording(400, 8)))

    assert len(list(film.frames())) == len(film.chosen) == MOST_FRAMES
    assert (film.chosen >= 300).all()
    assert "64 of 400 time bins: 64 of the 100 in which the trigger writes" in film.grid.title


def test_an_animation_of_images_stands_still_for_longer(tmp_path: Path) -> None:
    write_animation(shown(PatchTrigger(), IMAGES), tmp_path / "a.gif")

    with Image.open(tmp_path / "a.gif") as gif:
        assert gif.info["duration"] == 900
