"""Sweeps that are not alone: other runs on their folder, and machines that do not see it."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from art_snn.experiment import Experiment, building
from art_snn.experiment import cell as cell_module
from art_snn.experiment.cell import Job, checksum_of_data, forget_data, name_of
from art_snn.experiment.elsewhere import private_folder
from art_snn.sweep import Sweep
from art_snn.sweep.claims import Claims
from art_snn.sweep.display import Display
from art_snn.sweep.folder import SweepFolder
from tests.errands import task_of
from tests.small_sweep import BARS, SMALL

# --- several runs on one folder -------------------------------------------------------------------------------------


def test_what_another_run_has_done_meanwhile_is_taken_from_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed, folder = list[str](), SweepFolder(tmp_path)
    forget_data()
    names = [name_of(cell, checksum_of_data(cell)) for cell in Sweep(SMALL).cells]

    def compute(task: Job, says: Callable[[str], None]) -> dict[str, Any]:
        computed.append(task.name)
        if len(computed) == 1:
            folder.write(names[2], {"hash": names[2], "spec": task.spec, "rows": [], "by": "another"})
        return {"hash": task.name, "spec": task.spec, "rows": []}

    monkeypatch.setattr("art_snn.sweep.sweep.compute_cell", compute)
    Sweep(SMALL).run(tmp_path, verbose=False)

    assert computed == [names[0], names[1], names[3]]
    assert json.loads(folder.cell(names[2]).read_text())["by"] == "another"
    assert {path.name for path in tmp_path.iterdir()} == {"cells", "spec.toml"}


def test_a_cell_is_given_to_one_run_and_to_another_when_that_lets_go(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder, tasks = SweepFolder(tmp_path), [task_of(name) for name in "ab"]
    with (
        Claims(folder, tasks, {}, Display({"a": "first", "b": "second"})) as one,
        Claims(folder, tasks, {}, Display({"a": "first", "b": "second"})) as other,
    ):
        first, second = iter(one), iter(other)
        assert [next(first).name, next(second).name, next(first)] == ["a", "b", None]
        other.release("b")  # it failed, and nothing was written
        assert next(first).name == "b"
        assert capfd.readouterr().err == "waits for another run, which is computing 1 cells\n"
        folder.write("a", {"hash": "a"})
        one.release("a")
        folder.write("b", {"hash": "b"})
        one.release("b")
        assert not any([*first, *second])
        assert capfd.readouterr().err.splitlines()[-1] == "[1/2] first: done by another run"


# --- other machines -------------------------------------------------------------------------------------------------


def test_a_machine_that_does_not_see_the_folder_sends_classifiers_back_and_shares_trainings_privately(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.setattr(building, "load_dataset", lambda *_args, **_options: BARS)
    compute = cell_module.compute_cell
    monkeypatch.setattr(
        "art_snn.sweep.sweep.compute_cell",
        lambda task, says: compute(task._replace(folder=str(tmp_path / "unseen")), says),
    )

    sweep = Sweep({**SMALL, "models": ["ann"], "run": {"seeds": [0]}, "grid": {}})
    sweep.run(tmp_path / "out", save_models=True, verbose=False)

    (kept,) = (tmp_path / "out" / "models").iterdir()
    assert {path.name for path in kept.iterdir()} == {
        f"ann-{state}.{ending}" for state in ("clean", "backdoored") for ending in ("json", "safetensors")
    }
    (cell,) = (tmp_path / "out" / "cells").iterdir()
    assert "files" not in json.loads(cell.read_text())
    (private,) = (tmp_path / "temporary").glob("art-snn-*")
    assert private.stat().st_mode & 0o777 == 0o700
    assert len(list((private / "shared").iterdir())) == 2
    assert not (tmp_path / "out" / "shared").exists()


def test_a_temporary_folder_that_others_can_enter_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    private_folder().chmod(0o755)
    with pytest.raises(PermissionError, match=r"expected .* to be a folder of this user alone, got another"):
        private_folder()


def test_a_cell_of_other_data_is_refused_before_anything_is_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "load_dataset", lambda *_args, **_options: BARS)
    monkeypatch.setattr("art_snn.experiment.comparison.train_models", lambda *_args, **_options: pytest.fail("trained"))
    (cell,) = Experiment(models=["ann"]).cells()
    with pytest.raises(ValueError, match="expected the data and the versions of who asked for this cell"):
        cell_module.compute_cell(task_of("another", cell.model_dump(mode="json")), lambda _: None)
