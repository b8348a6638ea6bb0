"""Panels show what the arrays hold, on a scale of their own, with outlines around what a trigger writes."""

from typing import Any

import numpy as np
import pytest

from art_snn.attacks.poisoning import PatchTrigger, SmartTrigger, StaticTrigger
from art_snn.experiment import Shown
from art_snn.experiment.touched import touched
from art_snn.report import trigger_sheet
from art_snn.report.palette import BACKGROUND, BOTH, CONTRAST, OFF, ON, contrast
from art_snn.report.panels import LINE, boxes_around, strips_of, zoom_for
from art_snn.report.titles import even_lines_within, lines_within, text_size
from art_snn.typing import Array
from tests.pictured import FRAMES, IMAGES, RNG, panels, recording, shown

# --- what is drawn ------------------------------------------------------------------------------------------------


def test_the_difference_is_lit_where_the_trigger_changes_something() -> None:
    x = FRAMES.copy()
    x[1] *= 9  # one sample much brighter than the others
    trigger = StaticTrigger(size=6, position="bottom-right")  # large enough to change how bright the samples are
    for samples, change in (
        (x[:, 0], trigger),
        (IMAGES, PatchTrigger(2)),
        (IMAGES, PatchTrigger(2, blend=0.001)),
        ((255 * IMAGES).astype(np.uint8), PatchTrigger(2)),
        (FRAMES[:, 0] > 0, trigger),
    ):
        clean, triggered, difference = strips_of({"clean": samples, "triggered": change(samples)}, _nowhere(samples))

        differs = change(samples) != samples
        changed = differs.any(axis=1)
        assert changed.any()
        for i in range(3):
            assert np.array_equal(contrast(difference.picture(i), BACKGROUND) >= CONTRAST, changed[i])
            assert np.array_equal(clean.picture(i)[~changed[i]], triggered.picture(i)[~changed[i]])


def _nowhere(samples: Array) -> Array:
    return np.zeros((len(samples), *samples.shape[-2:]), bool)


@pytest.mark.parametrize(
    ("clean", "triggered", "scale"),
    [
        (np.zeros((1, 2, 4, 4), np.uint8), np.full((1, 2, 4, 4), 3, np.uint8), "brightest: 3 events"),
        (np.zeros((1, 2, 4, 4), np.uint8), np.ones((1, 2, 4, 4), np.uint8), "brightest: 1 event"),
        (np.zeros((1, 1, 4, 4)), np.full((1, 1, 4, 4), 0.05), "brightest: by 0.05"),
        (np.zeros((1, 1, 4, 4)), np.zeros((1, 1, 4, 4)), "nothing differs"),
    ],
)
def test_a_difference_says_its_own_scale(clean: Array, triggered: Array, scale: str) -> None:
    difference = strips_of({"clean": clean, "triggered": triggered}, _nowhere(clean))[2]

    assert difference.scale == scale
    named = Shown("made-up data", PatchTrigger(), {"clean": clean, "triggered": triggered}, _nowhere(clean))
    assert scale in trigger_sheet(named).axes[2].get_ylabel()


def test_a_pixels_hue_says_its_state_and_its_brightness_how_many_events() -> None:
    counts = np.zeros((1, 2, 2, 3), np.uint8)
    counts[0, 1, 0], counts[0, 0, 1] = (1, 5, 0), (0, 1, 5)  # ON, OFF
    counts[0, :, 1, 0] = 5
    (picture,) = (strips_of({"clean": counts, "triggered": counts}, _nowhere(counts))[0].picture(0),)

    assert np.allclose(picture, [[ON[0], ON[1], BACKGROUND], [BOTH[1], OFF[0], OFF[1]]])


def test_images_keep_their_colours_and_grey_has_three_of_them() -> None:
    colours = RNG.integers(0, 256, (2, 3, 4, 5), np.uint8)
    coloured, grey = (strips_of({"clean": x, "triggered": x}, _nowhere(x))[0] for x in (colours, IMAGES))

    assert np.allclose(coloured.picture(1), np.moveaxis(colours[1], 0, -1) / 255)
    assert np.array_equal(grey.picture(1), np.stack([IMAGES[1, 0]] * 3, axis=-1))


@pytest.mark.parametrize("side", [8, 34, 128])
def test_each_pixel_of_a_sample_is_a_square_of_whole_screen_pixels(side: int) -> None:
    x = recording(1, side)
    drawn = panels(trigger_sheet(shown(StaticTrigger(), x)))[0]
    zoom = zoom_for(side, side)

    expected = strips_of({"clean": x, "triggered": x}, _nowhere(x))[0].picture(0).repeat(zoom, 0).repeat(zoom, 1)
    assert np.abs(drawn[LINE:-LINE, LINE:-LINE] - expected).max() < 0.01


# --- where the outline is -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("x", [IMAGES, 0 * IMAGES + 1, (255 * IMAGES).astype(np.uint8)])
def test_a_patch_is_seen_whole_on_whatever_it_is_put(x: Array) -> None:
    trigger = PatchTrigger(3, position="middle", blend=0.1)

    assert [boxes_around(mask) for mask in touched(trigger, x, trigger(x))] == [[(2, 2, 5, 5)]] * 3


@pytest.mark.parametrize("polarity", ["on", "off", "both", "none"])
def test_a_square_is_seen_whole_whatever_it_writes(polarity: Any) -> None:
    trigger = StaticTrigger(size=3, position=(4, 1), polarity=polarity, frames=[1])
    x = recording(2, 12)

    assert [boxes_around(mask) for mask in touched(trigger, x, trigger(x))] == [[], [(4, 1, 7, 4)]]


def test_a_title_is_broken_into_lines_of_like_length() -> None:
    text = "Static trigger: square of 10 % of the side, middle, erases events"
    width = text_size(text, 11)[0] - 1

    greedy, even = lines_within(text, width, 11), even_lines_within(text, width, 11)

    assert greedy[-1] == "events"
    assert (len(even), " ".join(even)) == (2, text)
    assert len(even[-1]) > 20


def test_parts_that_are_apart_have_an_outline_each_and_many_parts_one() -> None:
    mask = np.zeros((128, 128), bool)
    mask[0:3, 0:3] = mask[60:63, 120:128] = True
    assert boxes_around(mask) == [(0, 0, 3, 3), (60, 120, 63, 128)]
    mask[4, 4] = True  # in the way of the first one's outline
    assert boxes_around(mask) == [(0, 0, 5, 5), (60, 120, 63, 128)]
    mask[::40, ::40] = True
    assert boxes_around(mask) == [(0, 0, 121, 128)]


def test_a_trigger_that_is_made_for_each_set_is_looked_at_as_it_was_made_for_the_samples() -> None:
    x, trigger = recording(3, 30, busy=0.05), SmartTrigger(size=2, refit=True)
    own = trigger.fit(x[None])

    assert np.array_equal(touched(trigger, x, trigger(x)), touched(own, x, own(x)))
