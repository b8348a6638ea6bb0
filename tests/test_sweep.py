"""Sweeps: every cell once, whatever happens meanwhile."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from art_snn._random import host_seed
from art_snn.experiment import Experiment, building
from art_snn.experiment.cell import Job
from art_snn.experiment.trainings import trainings_of
from art_snn.sweep import Sweep, load_results
from art_snn.sweep import sweep as sweep_module
from tests.small_sweep import BARS, SMALL

COSTS = {"seconds", "training_seconds", "training_peak_memory"}


def without_costs(folder: Path) -> dict[str, Any]:
    cells = {}
    for path in sorted((folder / "cells").glob("*.json")):
        cell = json.loads(path.read_text())
        cell["rows"] = [{name: value for name, value in row.items() if name not in COSTS} for row in cell["rows"]]
        cells[path.name] = cell | {"environment": None}
    return cells


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole sweep."""
    folder = tmp_path_factory.mktemp("swept")
    Sweep(SMALL).run(folder, verbose=False)
    return folder


# --- what there is to do --------------------------------------------------------------------------------------------


def test_what_cells_share_is_trained_once() -> None:
    rates = [0.01 * number for number in range(1, 11)]
    sweep = Sweep({"models": ["ann", "lif"], "run": {"seeds": [0, 1, 2]}, "grid": {"attack.percent_poison": rates}})

    assert (len(sweep.cells), len(sweep.trainings), sweep.n_alone) == (30, 66, 120)


@pytest.mark.parametrize(
    ("change", "n_more"),
    [
        ({"attack.size": 3}, 1),  # the backdoored training only
        ({"measure.stealth": True}, 0),
        ({"training.epochs": 2}, 2),
        ({"run.seeds": [1]}, 2),
        ({"run.threads": 2}, 2),
        ({"defences": ["strip"]}, 2),  # clean samples are held out
        ({"data.limit": 60}, 2),
        ({"models": ["lif"]}, 2),
        ({"models": [{"rule": "converted"}]}, 2),  # pools by averages
    ],
)
def test_a_training_is_named_by_what_determines_it_and_nothing_else(change: dict[str, Any], n_more: int) -> None:
    base = Sweep({"models": ["ann"]})
    other = Sweep({"models": ["ann"]}, change)

    assert len(base.trainings | other.trainings) - len(base.trainings) == n_more


def test_conversions_of_one_ann_share_its_training() -> None:
    models = ["ann", {"rule": "converted", "name": "max"}, {"rule": "converted", "name": "robust", "method": "robust"}]
    (cell,) = Experiment(models=models).cells()

    assert {key["step"] for key in trainings_of(cell).values()} == {"ann"}
    assert len(trainings_of(cell)) == 2


def test_cells_are_left_out_by_value() -> None:
    sweep = Sweep(SMALL, only={"attack.percent_poison": 0.2, "run.seeds": 1})
    assert [(cell.attack.percent_poison, cell.seed) for cell in sweep.cells] == [(0.2, 1)]
    assert len(Sweep(SMALL, only={"models.rule": "bptt"}).cells) == 4
    with pytest.raises(ValueError, match=r"expected cells with attack\.size = 9, got none among 4"):
        Sweep(SMALL, only={"attack.size": 9})


# --- what is kept ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_cell_holds_what_determines_it_and_what_came_of_it(swept: Path) -> None:
    cells = without_costs(swept)
    assert len(cells) == 4
    for name, cell in cells.items():
        assert cell["hash"] == name.removesuffix(".json")
        assert [row["model"] for row in cell["rows"]] == ["ann", "lif"]
        assert cell["checksum"]
        assert sum(cell["rows"][0]["n_poisoned_by_class"]) == int(60 * cell["spec"]["attack"]["percent_poison"])
        assert Experiment(**cell["spec"]).cells()
    assert len(list((swept / "shared").iterdir())) == 12
    assert Sweep(swept / "spec.toml").experiment == Sweep(SMALL).experiment


@pytest.mark.slow
def test_what_is_missing_is_computed_again_and_nothing_else(swept: Path, tmp_path: Path) -> None:
    whole = without_costs(swept)
    for number, path in enumerate(sorted((swept / "cells").iterdir())):
        if number % 2:
            path.unlink()
        else:
            os.utime(path, (0, 0))

    Sweep(SMALL).run(swept, verbose=False)

    assert without_costs(swept) == whole
    assert [path.stat().st_mtime == 0 for path in sorted((swept / "cells").iterdir())] == [True, False, True, False]


@pytest.mark.slow
def test_several_processes_find_what_one_finds(swept: Path, tmp_path: Path) -> None:
    found = Sweep(SMALL).run(tmp_path, jobs=2, verbose=False)

    assert without_costs(tmp_path) == without_costs(swept)
    assert len(found) == 8


@pytest.mark.slow
def test_results_are_a_table_of_cells_and_models(swept: Path) -> None:
    found = load_results(swept)
    assert isinstance(found, pd.DataFrame)
    assert len(found) == 8
    assert set(found["model"]) == {"ann", "lif"}
    assert set(found["attack.percent_poison"]) == {0.1, 0.2}
    assert set(found["seed"]) == {0, 1}
    assert found["asr"].dtype == float
    with pytest.raises(FileNotFoundError, match="expected cells of a sweep"):
        load_results(swept / "nowhere")


def test_a_cell_that_fails_is_kept_with_its_error_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed = []

    def compute(task: Job, says: Callable[[str], None]) -> dict[str, Any]:
        computed.append(task.name)
        if len(computed) == 1:
            raise RuntimeError("out of luck")
        return {"hash": task.name, "spec": task.spec, "rows": []}

    monkeypatch.setattr("art_snn.sweep.sweep.compute_cell", compute)
    found = Sweep(SMALL).run(tmp_path, verbose=False)
    assert found["error"].tolist() == ["RuntimeError: out of luck"]
    Sweep(SMALL).run(tmp_path, verbose=False)
    assert len(computed) == 4
    again = Sweep(SMALL).run(tmp_path, retry_failed=True, verbose=False)
    assert len(computed) == 5
    assert "error" not in again


def test_a_damaged_cell_is_computed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    computed = []

    def compute(task: Job, says: Callable[[str], None]) -> dict[str, Any]:
        computed.append(task.name)
        return {"hash": task.name, "spec": task.spec, "rows": []}

    monkeypatch.setattr("art_snn.sweep.sweep.compute_cell", compute)
    Sweep(SMALL).run(tmp_path, verbose=False)
    path = tmp_path / "cells" / f"{computed[0]}.json"
    path.write_text(path.read_text()[:100])
    Sweep(SMALL).run(tmp_path, verbose=False)
    assert computed[4:] == [computed[0]]


# --- data that cannot be read ---------------------------------------------------------------------------------------

TWO_SETS = {**SMALL, "grid": {"data.name": ["mnist", "digits"]}}


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The data of the cells that are computed, by a computation that does nothing."""
    names = list[str]()

    def compute(task: Job, says: Callable[[str], None]) -> dict[str, Any]:
        names.append(task.spec["data"]["name"])
        return {"hash": task.name, "spec": task.spec, "rows": []}

    monkeypatch.setattr("art_snn.sweep.sweep.compute_cell", compute)
    return names


def test_cells_whose_data_cannot_be_read_fail_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, computed: list[str]
) -> None:
    monkeypatch.setenv("ART_SNN_DATA", str(tmp_path))

    found = Sweep(TWO_SETS).run(tmp_path / "out", verbose=False)

    assert computed == ["digits", "digits"]
    assert found["data.name"].tolist() == ["mnist", "mnist"]
    assert all("expected root to be a folder" in error for error in found["error"])
    assert len(load_results(tmp_path / "out")) == 2


def test_cells_whose_data_have_come_are_computed_and_their_failure_is_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, computed: list[str]
) -> None:
    monkeypatch.setenv("ART_SNN_DATA", str(tmp_path))
    Sweep(TWO_SETS).run(tmp_path / "out", verbose=False)
    monkeypatch.setattr(building, "load_dataset", lambda *_args, **_options: BARS)

    found = Sweep(TWO_SETS).run(tmp_path / "out", retry_failed=True, verbose=False)

    assert computed[2:].count("mnist") == 2
    assert "error" not in found
    assert len(list((tmp_path / "out" / "cells").iterdir())) == 2 + 4, "two of digits, four of bars"


# --- a cluster ------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_cluster_that_loses_a_worker_finds_what_one_process_finds(
    swept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    distributed = pytest.importorskip("dask.distributed")
    keep, killed = sweep_module._keep, list[int]()

    def kill_and_keep(*kept: Any) -> None:
        if not killed:
            address = next(worker for worker, keys in client.processing().items() if keys)
            killed.append(pids[address])
            os.kill(pids[address], signal.SIGKILL)
        keep(*kept)

    monkeypatch.setattr(sweep_module, "_keep", kill_and_keep)
    local = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with host_seed(0), distributed.LocalCluster(**local) as cluster, distributed.Client(cluster) as client:
        pids = client.run(os.getpid)
        found = Sweep(SMALL).run(tmp_path, client=client, verbose=False)

    assert killed
    assert len(found) == 8
    assert without_costs(tmp_path) == without_costs(swept)
