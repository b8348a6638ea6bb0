"""Pictures show what the arrays hold, where a trigger writes and nothing else; tables are whole in their width."""

import io
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image
from rich.console import Console

from art_snn.attacks.poisoning import PatchTrigger, SmartTrigger, StaticTrigger
from art_snn.evaluations import BackdoorResult
from art_snn.evaluations.migration import Migration
from art_snn.experiment import MODELS, Examples, Result
from art_snn.report import WIDTH, comparison_table, trigger_sheet, triggered_figure, write_animation
from art_snn.report.pictures import OFF, ON, as_pictures_alike
from art_snn.typing import Array, Trigger
from tests.specs import spec_of

RNG = np.random.default_rng(0)
FRAMES = RNG.poisson(0.7, (3, 4, 2, 8, 8)).astype(np.uint8)
IMAGES = RNG.random((3, 1, 8, 8), dtype=np.float32)


def _drawn(figure: Figure, n_columns: int) -> dict[str, Array]:
    """The pictures of each row of a figure, (n, H, W, 3), by the row's name."""
    rows = [figure.axes[start : start + n_columns] for start in range(0, len(figure.axes), n_columns)]
    return {row[0].get_ylabel(): np.stack([ax.images[0].get_array() for ax in row]) for row in rows}


def _examples(x: Array, trigger: Trigger) -> Examples:
    return Examples(x, trigger(x), np.array([0, 1, 2]), {"lif": np.array([[0, 1, 2], [3, 3, 3]])})


def test_the_trigger_alone_is_lit_where_the_trigger_writes() -> None:
    x = FRAMES.copy()
    x[1] *= 9  # one sample much brighter than the others
    trigger = StaticTrigger(size=6, position="bottom-right")  # large enough to change how bright the samples are
    for samples, change in (
        (x, trigger),
        (IMAGES, PatchTrigger(2)),
        ((255 * IMAGES).astype(np.uint8), PatchTrigger(2)),
    ):
        drawn = _drawn(triggered_figure(_examples(samples, change)), 3)

        differs = change(samples) != samples
        touched = differs.any(axis=tuple(range(1, samples.ndim - 2)))
        assert touched.any()
        assert np.array_equal(drawn["trigger alone"].any(axis=-1), touched)
        assert np.array_equal(drawn["clean"][~touched], drawn["triggered"][~touched])


def test_the_figure_says_what_each_model_takes_each_sample_for() -> None:
    axes = triggered_figure(_examples(FRAMES, StaticTrigger())).axes

    assert [ax.get_title() for ax in axes[:3]] == ["true class 0", "true class 1", "true class 2"]
    assert [ax.get_xlabel() for ax in (*axes[:3], *axes[6:])] == ["lif: 0", "lif: 1", "lif: 2"] + ["lif: 3"] * 3


def test_on_is_red_off_is_blue_and_the_first_array_sets_the_brightness() -> None:
    first, second = np.zeros((2, 1, 2, 1, 3))
    first[0, 1, 0, 0], first[0, 0, 0, 1] = 2, 2  # ON, OFF
    second[0, 1, 0, 0] = 1

    bright, dim = as_pictures_alike([first, second])

    assert np.allclose(bright[0, 0], [ON, OFF, 0 * ON])
    assert np.allclose(dim[0, 0], [ON / 2, 0 * ON, 0 * ON])


def test_frames_are_shown_as_their_sum_over_time() -> None:
    summed, (bins, *_) = FRAMES.sum(axis=1), as_pictures_alike([FRAMES])

    assert np.array_equal(bins, as_pictures_alike([summed])[0])


def test_images_keep_their_colours_and_grey_has_three_of_them() -> None:
    colours = RNG.integers(0, 256, (2, 3, 4, 5), np.uint8)

    (shown,), (grey,) = as_pictures_alike([colours]), as_pictures_alike([IMAGES])

    assert np.allclose(shown, np.moveaxis(colours, 1, -1) / 255)
    assert np.array_equal(grey, np.stack([IMAGES[:, 0]] * 3, axis=-1))


def test_a_contact_sheet_has_a_row_a_name_and_at_most_sixteen_columns() -> None:
    pictures = RNG.random((20, 4, 4, 3))

    drawn = _drawn(trigger_sheet("what it is", {"clean": pictures, "triggered": 1 - pictures}), 16)

    assert list(drawn) == ["clean", "triggered"]
    assert np.array_equal(drawn["clean"], pictures[:16])
    assert np.array_equal(drawn["triggered"], 1 - pictures[:16])


@pytest.mark.parametrize("n_columns", [1, 8, 16])
def test_a_long_title_is_not_cut_off(n_columns: int) -> None:
    pictures = np.zeros((n_columns, 4, 4, 3))
    trigger = SmartTrigger(mask=4, fitted_polarity="both")

    figure = trigger_sheet(f"digits before a simulated event camera, {trigger}", {"clean": pictures, "both": pictures})

    figure.savefig(io.BytesIO())  # which lays it out
    box = figure._suptitle.get_window_extent()
    below = figure.axes[0].get_tightbbox()
    assert 0 <= box.x0 < box.x1 <= figure.bbox.width
    assert below.y1 <= box.y0 < box.y1 <= figure.bbox.height


def _result(*models: str) -> Result:
    """As if these models had been measured."""
    migration = Migration(**dict.fromkeys((field.name for field in fields(Migration)), 0.5) | {"doubts": ()})
    rows = []
    for model in models:
        measured = {field.name: 0.25 for field in fields(BackdoorResult)} | {"n_asr": 404, "n_asr_all": 450}
        measured |= {"model": model, "migration": migration if model in ("converted", "hybrid") else None, "doubts": ()}
        rows.append(BackdoorResult(**measured))
    return Result(spec_of(models=models), "digits", {}, tuple(rows), _examples(IMAGES, PatchTrigger(2)))


def _printed(result: Result) -> list[str]:
    console = Console(width=WIDTH, file=io.StringIO(), color_system=None)
    console.print(comparison_table(result))
    return console.file.getvalue().splitlines()


def test_a_comparison_of_all_models_is_whole_in_100_columns() -> None:
    printed = _printed(_result(*MODELS))

    assert max(map(len, printed)) <= WIDTH
    assert not [line for line in printed if "…" in line]
    (converted,) = (line.split("│")[1:-1] for line in printed if line.startswith("│ converted"))
    assert [cell.strip() for cell in converted] == ["converted", *["0.250"] * 5, "0", "0.500"]
    assert "attack success    404 triggered samples of other classes, taken for the target" in map(str.rstrip, printed)


@pytest.mark.parametrize(
    ("models", "told"),
    [
        (("ann", "lif"), []),
        (("ann", "converted"), ["converted 64"]),
        (("if", "hybrid"), ["if 4, hybrid 64"]),
    ],
)
def test_time_steps_are_told_of_the_models_that_there_are(models: tuple[str, ...], told: list[str]) -> None:
    lines = [line.removeprefix("time steps").strip() for line in _printed(_result(*models)) if "time steps" in line]

    assert lines == told


def test_an_animation_shows_the_samples_beside_each_other_bin_by_bin(tmp_path: Path) -> None:
    left = np.zeros((3, 2, 2, 3))
    left[np.arange(3), 0, 0] = np.eye(3)  # a pixel that is red, then green, then blue

    write_animation({"left": left, "right": left[::-1]}, tmp_path / "a.gif")

    with Image.open(tmp_path / "a.gif") as gif:
        assert (gif.n_frames, gif.info["loop"]) == (3, 0)
        width, height = gif.size
        for frame, (first, second) in enumerate(zip(np.eye(3), np.eye(3)[::-1], strict=True)):
            gif.seek(frame)
            shown = np.asarray(gif.convert("RGB")) / 255
            assert np.array_equal(shown[0, 0], first)
            assert np.array_equal(shown[0, width // 2], second)
            assert not shown[height - 1, 0].any()
