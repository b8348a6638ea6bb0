"""Who computes cells, and what is heard of it."""

import time
from pathlib import Path

import pytest

from art_snn._random import host_seed
from art_snn._workers import LOST, Failed, Task, in_processes, in_turn, on_cluster
from art_snn.sweep.display import Display
from tests.errands import told


class Watching:
    def __init__(self) -> None:
        self.heard: list[tuple[str, str]] = []

    def began(self, task: Task) -> None:
        self.heard.append((task.name, "began"))

    def says(self, task: Task, text: str) -> None:
        self.heard.append((task.name, text))


# --- who is told ----------------------------------------------------------------------------------------------------


def test_the_time_left_counts_the_cells_that_are_computed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    tasks = [Task(name, {}, "") for name in "abcdef"]
    display = Display({task.name: task.name for task in tasks}, verbose=False)
    for task in tasks[:3]:
        display.began(task)
    now[0] = 10.0
    display.ended(tasks[0], None)
    display.taken(tasks[5])

    assert display.seconds_left() == 10 * 4 / 2


# --- who computes ---------------------------------------------------------------------------------------------------


def test_an_error_in_this_process_is_an_outcome() -> None:
    watching = Watching()
    tasks = [Task("a", {"raises": True}, ""), Task("b", {}, "/nowhere")]

    (_, failed), (_, done) = in_turn(tasks, told, watching)

    assert (failed.kind, failed.text) == ("ValueError", "no good")
    assert "raise ValueError" in failed.trace
    assert done == {"hash": "b"}
    assert watching.heard == [("a", "began"), ("a", "at work"), ("b", "began"), ("b", "at work")]


@pytest.mark.slow
def test_a_process_that_dies_costs_its_cell_one_try_and_no_other_cell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wishes = [{}, {"dies": "once"}, {"raises": True}, {"dies": "always"}, {}]
    tasks = [Task(str(number), wish, str(tmp_path)) for number, wish in enumerate(wishes)]
    monkeypatch.chdir(tmp_path)

    found = {task.name: outcome for task, outcome in in_processes(tasks, told, Watching(), 2)}

    assert {name for name, outcome in found.items() if not isinstance(outcome, Failed)} == {"0", "1", "4"}
    assert found["2"].kind == "ValueError"
    assert found["3"].kind == LOST
    assert "killed by signal 9, 2 times" in found["3"].text


@pytest.mark.slow
def test_a_cluster_computes_cells_too(tmp_path: Path) -> None:
    distributed = pytest.importorskip("dask.distributed")
    wishes = [{}, {"raises": True}, {}]
    tasks = [Task(str(number), wish, str(tmp_path)) for number, wish in enumerate(wishes)]

    watching = Watching()
    local = {"processes": False, "n_workers": 1, "threads_per_worker": 1, "dashboard_address": None}
    with host_seed(0), distributed.Client(**local) as client:  # dask draws from python's global stream
        found = {task.name: outcome for task, outcome in on_cluster(tasks, told, watching, client)}

    assert (found["0"], found["2"]) == ({"hash": "0"}, {"hash": "2"})
    assert (found["1"].kind, found["1"].text) == ("ValueError", "no good")
    assert watching.heard == [(name, word) for name in "012" for word in ("began", "at work")]
