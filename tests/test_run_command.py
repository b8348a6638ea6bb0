"""`art-snn run`, `report` and `list`, and what `compare` has of them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from art_snn import catalogue
from art_snn.cli import FAILED
from art_snn.experiment import Experiment
from art_snn.sweep import load_results
from tests.conftest import Outcome

SMALL: dict[str, Any] = {
    "data": {"name": "digits", "limit": 60},
    "network": {"width": 0.25},
    "models": ["ann", {"rule": "lif", "timesteps": 3}],
    "training": {"epochs": 1},
}
GRID = {**SMALL, "grid": {"attack.size": [2, 3]}, "run": {"seeds": [0, 1]}}
OPTIONS = ["--limit", "60", "--width", "0.25", "--models", "ann,lif", "--epochs", "1", "--timesteps", "3"]


@pytest.fixture
def file(tmp_path: Path) -> Callable[[dict[str, Any]], Path]:
    """Writes a spec."""

    def write(tables: dict[str, Any]) -> Path:
        path = tmp_path / "spec.toml"
        path.write_text(tomli_w.dumps(tables))
        return path

    return write


@pytest.mark.slow
def test_a_file_becomes_a_table_and_goes_on_where_it_stopped(
    art_snn: Callable[..., Outcome], file: Callable[[dict[str, Any]], Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    first = art_snn("run", file(GRID), "--out", out)
    assert first.returncode == 0, first.stderr
    assert "4 cells, 12 trainings that differ (each cell by itself: 16)" in first.stderr
    assert "[4/4]" in first.stderr
    assert "| size | model |" in first.stdout
    again = art_snn("run", file(GRID), "--out", out)
    assert again.stdout == first.stdout
    assert "[" not in again.stderr
    reported = art_snn("report", out)
    assert reported.returncode == 0
    assert {"report.md", "table.csv", "differences.csv", "table.tex"} <= {path.name for path in out.iterdir()}
    assert len(load_results(out)) == 8


@pytest.mark.slow
def test_whatever_is_asked_for_is_measured_and_kept(
    art_snn: Callable[..., Outcome], file: Callable[[dict[str, Any]], Path], tmp_path: Path
) -> None:
    measure = {"over_time": [1, 3], "cost": True, "stealth": True}
    training = {"epochs": 2, "record_epochs": True}
    outcome = art_snn(
        "run",
        file({**SMALL, "measure": measure, "training": training}),
        "--out",
        tmp_path / "out",
        "--save-models",
        "-q",
    )
    assert outcome.returncode == 0, outcome.stderr
    (path,) = (tmp_path / "out" / "cells").iterdir()
    cell = json.loads(path.read_text())
    assert cell["measures"]["over_time"]["lif"]["timesteps"] == [1, 3]
    assert cell["measures"]["over_time"]["lif"]["accuracy"][-1] == cell["rows"][1]["accuracy"]
    assert set(cell["measures"]["cost"]) == {"ann", "lif"}
    assert cell["measures"]["cost"]["lif"]["membrane_updates"] > 0 == cell["measures"]["cost"]["ann"]["spikes"]
    assert 0 < cell["measures"]["stealth"]["ssim"] < 1
    assert [len(row["epochs"]) for row in cell["rows"]] == [2, 2]
    kept = {file.stem for file in (tmp_path / "out" / "models" / path.stem).glob("*.safetensors")}
    assert kept == {f"{name}-{state}" for name in ("ann", "lif") for state in ("clean", "backdoored")}


@pytest.mark.slow
def test_frames_are_measured_by_onset_and_length_too(
    art_snn: Callable[..., Outcome], file: Callable[[dict[str, Any]], Path], tmp_path: Path
) -> None:
    tables = {
        "data": {"name": "digits-dvs", "n_bins": 3, "limit": 60},
        "network": {"width": 0.25},
        "models": ["if"],
        "training": {"epochs": 1},
        "measure": {"onset_length": {"onsets": [0, 2], "lengths": [1, 3]}},
    }
    outcome = art_snn("run", file(tables), "--out", tmp_path / "out", "-q")
    assert outcome.returncode == 0, outcome.stderr
    (path,) = (tmp_path / "out" / "cells").iterdir()
    found = json.loads(path.read_text())["measures"]["onset_length"]["if"]
    assert [len(row) for row in found["asr"]] == [2, 2]


def test_a_dry_run_tells_cells_trainings_time_and_memory(
    art_snn: Callable[..., Outcome], file: Callable[[dict[str, Any]], Path], tmp_path: Path
) -> None:
    outcome = art_snn("run", file(GRID), "--dry-run", "--out", tmp_path / "out")
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stdout.splitlines()[:2] == ["size=2.0, seed=0", "size=2.0, seed=1"]
    assert outcome.stdout.splitlines()[-1].startswith("4 cells, 12 trainings; about ")
    assert not (tmp_path / "out").exists()


def test_a_dry_run_tells_what_is_there_already_and_what_cannot_be_read(
    art_snn: Callable[..., Outcome],
    file: Callable[[dict[str, Any]], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tables = {**SMALL, "models": ["ann"], "grid": {"data.name": ["digits", "mnist"]}}
    monkeypatch.setenv("ART_SNN_DATA", str(tmp_path))
    arguments = ("run", file(tables), "--out", tmp_path / "out", "-q")
    assert art_snn(*arguments).returncode == FAILED
    (tmp_path / "out" / "cells").rename(tmp_path / "before")

    told = art_snn(*arguments, "--dry-run").stdout.splitlines()[2:]

    assert told[0].startswith("1 cells would fail, as their data cannot be read: FileNotFoundError: expected root")
    assert told[1] == "1 cells, 0 trainings (2 are there already)"
    (tmp_path / "before").rename(tmp_path / "out" / "cells")
    assert art_snn(*arguments, "--dry-run").stdout.splitlines()[3] == "0 cells (1 are there already), 0 trainings"


@pytest.mark.parametrize(("arguments", "n"), [(["--jobs", "2"], 1), (["--jobs=2"], 1), ([], 0)])
def test_processes_load_what_they_need_while_the_command_does(
    arguments: list[str], n: int, art_snn: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = list[str]()
    monkeypatch.setattr("art_snn.cli.warm_up", begun.append)
    art_snn("run", "nowhere.toml", *arguments)
    assert begun == ["art_snn.experiment.cell"] * n


def test_a_cell_that_fails_is_told_and_the_exit_status_says_so(
    art_snn: Callable[..., Outcome], file: Callable[[dict[str, Any]], Path], tmp_path: Path
) -> None:
    tables = {**SMALL, "attack": {"percent_poison": 0.9, "clean_label": True}}
    outcome = art_snn("run", file(tables), "--out", tmp_path / "out")
    assert outcome.returncode == FAILED
    assert "failed: ValueError: expected" in outcome.stderr
    assert "ValueError: expected" in outcome.stdout
    assert outcome.stderr.splitlines()[-1].startswith("art-snn: 1 of 1 cells failed, see ")


def test_all_that_is_wrong_with_a_file_is_told_at_once(
    art_snn: Callable[..., Outcome], file: Callable[[dict[str, Any]], Path], tmp_path: Path
) -> None:
    wrong = {**SMALL, "attack": {"size": 40, "target_class": 12}, "training": {"epochs": 0}}
    outcome = art_snn("run", file(wrong), "--out", tmp_path / "out")
    assert (outcome.returncode, outcome.stdout) == (2, "")
    assert sorted(outcome.stderr.splitlines()) == [
        "art-snn: expected attack.size to be at most 16 pixels, the side of digits, got 40.0",
        "art-snn: expected attack.target_class to be a class of digits, 0 to 9, got 12",
        "art-snn: expected training.epochs to be greater than or equal to 1, got 0",
    ]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.toml"], "nowhere.toml"),
        (
            ["{file}", "--set", "training.epochs"],
            "expected PATH=VALUE, such as training.epochs=3, got 'training.epochs'",
        ),
        (["{file}", "--only", "attack.size=9"], "expected cells with attack.size = 9, got none among 4"),
        (
            ["{file}", "--set", "attack.sise=9"],
            "expected attack.sise to be left out for trigger-backdoor and patch, got 9",
        ),
    ],
)
def test_a_wrong_request_is_one_line(
    arguments: list[str], message: str, art_snn: Callable[..., Outcome], file: Callable[[dict[str, Any]], Path]
) -> None:
    path = str(file(GRID))
    outcome = art_snn("run", *(argument.replace("{file}", path) for argument in arguments))
    assert outcome.returncode == 2
    assert message in outcome.stderr.splitlines()[-1]


def test_options_become_a_file_that_says_the_same(art_snn: Callable[..., Outcome], tmp_path: Path) -> None:
    saved = tmp_path / "saved.toml"
    outcome = art_snn("compare", *OPTIONS, "--set", "training.momentum=0.0", "--save-spec", saved)
    assert outcome.returncode == 0, outcome.stderr
    spec = Experiment.from_toml(saved)
    assert [(model.name, model.timesteps) for model in spec.models] == [("ann", None), ("lif", 3)]
    assert (spec.data.limit, spec.network.width, spec.training.epochs) == (60, 0.25, 1)
    assert len(spec.cells()) == 1


@pytest.mark.slow
def test_several_seeds_give_figures_with_intervals(art_snn: Callable[..., Outcome], tmp_path: Path) -> None:
    outcome = art_snn("compare", *OPTIONS, "--seeds", "0,1", "--out", tmp_path)
    assert outcome.returncode == 0, outcome.stderr
    rows = json.loads((tmp_path / "results.json").read_text())["rows"]
    assert [(row["seed"], row["model"]) for row in rows] == [(seed, name) for seed in (0, 1) for name in ("ann", "lif")]
    assert "95 % interval over 2 seeds" in outcome.stdout


@pytest.mark.slow
def test_several_seeds_of_defences_are_in_the_record_and_in_tables(
    art_snn: Callable[..., Outcome], tmp_path: Path
) -> None:
    outcome = art_snn("defend", *OPTIONS, "--defences", "fine-tuning", "--seeds", "0,1", "--out", tmp_path)
    assert outcome.returncode == 0, outcome.stderr
    record = json.loads((tmp_path / "defences.json").read_text())
    assert [(row["seed"], row["model"]) for row in record["elimination"]] == [
        (seed, name) for seed in (0, 1) for name in ("ann", "lif")
    ]
    assert "## Backdoors removed or filtered out" in outcome.stdout
    assert (tmp_path / "elimination.csv").is_file()


def test_everything_is_listed_with_its_source(art_snn: Callable[..., Outcome]) -> None:
    told = art_snn("list").stdout
    for names in (catalogue.DATASETS, catalogue.NETWORKS, catalogue.TRIGGERS, catalogue.SAMPLE_DETECTORS):
        for name in names:
            assert f"\n  {name}: " in told
    assert "https://arxiv.org/abs/1708.06733" in told
    assert art_snn("list", "nonsense").returncode == 2
