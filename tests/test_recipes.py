"""Recipes: every cell is a valid experiment, published numbers have a place, and tables compare like with like."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from art_snn.experiment import Experiment, with_values
from art_snn.recipes import MODES, SCALES, RecipeRun, compared, published_values, recipe, recipe_names, recipe_run
from art_snn.sweep import Sweep
from art_snn.sweep.frame import load_tables
from tests.conftest import Outcome

ROOT = Path(__file__).parent.parent
NAMES = recipe_names()
PUBLICATIONS = sorted({recipe(name).published for name in NAMES})


@pytest.fixture(autouse=True)
def _data_are_somewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ART_SNN_DATA", str(tmp_path))


# --- what recipes say -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", NAMES)
def test_every_cell_is_an_experiment_without_contradictions(name: str, scale: str, mode: str) -> None:
    spec = Experiment(**recipe(name).given(scale, mode))  # looks at each point

    assert spec.data.name.startswith("digits") is (scale == "smoke")


@pytest.mark.parametrize("name", NAMES)
def test_modes_differ_and_the_publications_one_names_its_confounds(name: str) -> None:
    made = recipe(name)

    assert made.given("full", "paper") != made.given("full", "matched")
    assert made.confounds("paper")
    assert made.confounds("matched") == ()


@pytest.mark.parametrize("name", NAMES)
def test_matched_models_differ_in_nothing_but_their_rule(name: str) -> None:
    for scale in SCALES:
        for cell in _cells(name, scale, "matched"):
            trainings = [cell.training_of(model) for model in cell.models]

            assert all(training == trainings[0] for training in trainings)
            assert all(getattr(model, "encoding", "direct") == "direct" for model in cell.models)
            assert cell.data.normalisation_test in (None, cell.data.normalisation)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("scale", ["smoke", "small"])
def test_hybrid_networks_are_calibrated_on_one_batch_as_in_the_released_code(scale: str, mode: str) -> None:
    models = [model for name in NAMES for cell in _cells(name, scale, mode) for model in cell.models]

    batches = [getattr(model, "n_calibration", None) for model in models if model.rule == "hybrid"]

    assert set(batches) == {64}


def test_a_scale_has_the_last_word_and_a_mode_the_one_before() -> None:
    made = recipe("framework-table9")

    assert made.given("full", "matched")["models"][2]["timesteps"] == 100
    assert made.given("smoke", "matched")["models"][2]["timesteps"] == 16
    assert made.given("full", "paper")["cases"][1]["network"]["name"] == "resnet20"
    assert made.given("smoke", "paper")["cases"][1]["network"]["name"] == "small_cnn"
    assert made.spec["data"]["name"] == "cifar10", "the recipe itself has not changed"


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: recipe("framework-table99"), "framework-table9"),
        (lambda: recipe(NAMES[0]).given(scale="huge"), "expected scale to be one of 'smoke', 'small', 'full'"),
        (lambda: recipe(NAMES[0]).given(mode="code"), "expected mode to be one of 'paper', 'matched'"),
    ],
)
def test_an_unknown_name_is_told_what_there_is(call: Callable[[], object], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        call()


# --- published numbers ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("publication", PUBLICATIONS)
def test_published_numbers_have_a_row_and_a_column_in_a_layout(publication: str) -> None:
    places = {place for name in NAMES if recipe(name).published == publication for place in _places(name)}

    homeless = [one for one in published_values(publication) if (one.item, one.row, one.column) not in places]

    assert homeless == []


def _places(name: str) -> set[tuple[str, str, str]]:
    """Item, row and column of all that a recipe measures at full scale."""
    cells = [cell.model_dump() for cell in _cells(name, "full", "paper")]
    return {
        (layout.item, layout.label(tuple(_value(cell, axis) for axis in layout.rows)), column.name)
        for layout in recipe(name).tables
        for cell in cells
        if all(_value(cell, axis) == value for axis, value in layout.at.items())
        for column in layout.columns
        if {column.model, column.beside or column.model} <= {model["name"] for model in cell["models"]}
    }


def _cells(name: str, scale: str, mode: str) -> tuple[Experiment, ...]:
    """One cell a point."""
    return Experiment(**with_values(recipe(name).given(scale, mode), {"run.seeds": [0]})).cells()


def _value(cell: dict[str, Any], axis: str) -> Any:
    section, name = axis.split(".")
    return cell[section][name]


@pytest.mark.parametrize("publication", PUBLICATIONS)
def test_no_number_is_published_twice(publication: str) -> None:
    places = [(one.item, one.row, one.column) for one in published_values(publication)]

    assert len(set(places)) == len(places)


MISPRINTED = ("Table 2", "0.04", "MR (Com4)")  # 87.01; the success rates beside it give 87.10


def test_published_migration_is_the_ratio_of_the_published_success_rates() -> None:
    printed = {(one.item, one.row, one.column): one.value for one in published_values("framework")}
    rules = {"MR (1/2)": "LR_C", "MR (Com4)": "LR_H", "MR (MaxNorm)": "LR_C", "MR (Com3)": "LR_H"}
    migration = {place: value for place, value in printed.items() if place[2] in rules and place != MISPRINTED}

    ratios = {
        (item, row, column): 100
        * printed[item, row, column.replace("MR", "SNN")]
        / printed[item, row, f"ANN ({rules[column]})"]
        for item, row, column in migration
    }

    assert len(migration) == 39
    assert migration == pytest.approx(ratios, abs=0.011)  # some are cut off, not rounded


# --- one cell of each -----------------------------------------------------------------------------------------------


def _tiny(cell: Experiment) -> dict[str, Any]:
    """A cell as it is, but for its size."""
    plain = cell.model_dump(mode="json", exclude_none=True)
    plain["data"]["limit"], plain["training"]["epochs"], plain["network"]["width"] = 40, 1, 0.125
    plain["models"] = [plain["models"][0], *plain["models"][-2:]] if len(plain["models"]) > 3 else plain["models"]
    for model in plain["models"]:
        model |= {name: least for name, least in (("timesteps", 2), ("nb_epochs_snn", 1)) if name in model}
    plain["measure"]["over_time"] = [1, 2] if plain["measure"]["over_time"] else []
    return plain


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", NAMES)
def test_one_cell_of_each_is_measured_and_finds_its_place(name: str, mode: str, tmp_path: Path) -> None:
    *_, cell = Experiment(**recipe(name).given("smoke", mode)).cells()

    Sweep(_tiny(cell)).run(tmp_path, verbose=False)

    tables = load_tables(tmp_path)
    assert "error" not in tables["rows"], list(tables["rows"].get("error", ()))
    filled = [cell for table in compared(recipe(name), tables) for row in table.rows for cell in row.cells]
    assert any(cell.measured is not None for cell in filled)


# --- the command ----------------------------------------------------------------------------------------------------


TINY = ("--set", 'models=["ann"]', "--set", "data.limit=60", "--set", "training.epochs=1")


@pytest.mark.slow
def test_a_recipe_is_run_by_its_name(
    art_snn: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    outcome = art_snn("run", "framework-table9", "--scale", "smoke", "--only", "attack.percent_poison=0.2", "-q", *TINY)

    assert outcome.returncode == 0, outcome.stderr
    folder = tmp_path / "results" / "framework-table9-smoke-matched"
    assert len(list((folder / "cells").iterdir())) == 1
    assert recipe_run(folder) == RecipeRun("framework-table9", "smoke", "matched")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ("there.toml", "--scale", "smoke"),
            "expected --scale (smoke, small, full) for a recipe only, got",
        ),
        (("framework-table9", "--scale", "huge"), "expected scale to be one of 'smoke', 'small', 'full', got 'huge'"),
        (("nowhere",), "expected a file, or one of the recipes defence-bench, framework-table1"),
    ],
)
def test_what_is_no_recipe_is_told(art_snn: Callable[..., Outcome], arguments: tuple[str, ...], told: str) -> None:
    outcome = art_snn("run", *arguments)

    assert outcome.returncode == 2
    assert told in outcome.stderr


def test_recipes_are_listed_with_their_sources(art_snn: Callable[..., Outcome]) -> None:
    outcome = art_snn("list", "recipes")

    assert [line.strip().partition(":")[0] for line in outcome.stdout.splitlines()[1:]] == list(NAMES)
    assert "https://arxiv.org/abs/2409.15670, Table 9" in outcome.stdout


def test_a_folder_says_which_recipe_it_is_of(tmp_path: Path) -> None:
    run = RecipeRun("framework-table9", "smoke", "paper")
    run.write(tmp_path)

    assert recipe_run(tmp_path) == run
    assert recipe_run(tmp_path / "elsewhere") is None
    with pytest.raises(ValueError, match="got results of 'art-snn run framework-table9 --scale smoke --mode paper'"):
        RecipeRun("framework-table9", "smoke", "matched").check_fits(tmp_path)


@pytest.mark.slow
def test_the_wheel_holds_the_files(tmp_path: Path) -> None:
    for name in ("pyproject.toml", "README.md", "LICENSE", "art_snn"):
        (tmp_path / name).symlink_to(ROOT / name)
    code = "from setuptools.build_meta import build_wheel; build_wheel('dist')"
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True)

    (wheel,) = (tmp_path / "dist").glob("*.whl")
    held = set(ZipFile(wheel).namelist())

    files = [path for path in (ROOT / "art_snn").rglob("*") if path.suffix in (".toml", ".csv", ".j2", ".css")]
    assert {str(path.relative_to(ROOT)) for path in files} <= held
    assert len(files) >= len(NAMES) + len(PUBLICATIONS)
