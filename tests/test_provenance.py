"""Commands of a page give the cells that a plot shows, and no others."""

import shlex
from itertools import pairwise
from typing import Any

import pytest

from art_snn.report.page.provenance import command, machines, seconds, settings_in_full, spec_in
from art_snn.sweep import Sweep
from art_snn.sweep.values import assignments
from tests.measured_cells import cells, findings

LIF = {"rule": "lif", "timesteps": 2}


@pytest.mark.parametrize(
    "grid",
    [
        {"attack.position": ["top-left", "middle"]},
        {"attack.size": [1, 2, 0.25]},
        {"attack.include_target": [True, False]},
        {"attack.source_classes": [[0, 2], [3]]},
        {"models.1.tau": [2.0, 3.5]},
        {"models.1.timesteps": [2, 4]},
        {"training.augmentation.crop": [0, 1], "attack.percent_poison": [0.05, 0.1]},
    ],
)
def test_a_command_computes_the_cells_of_one_setting(grid: dict[str, Any]) -> None:
    spec = {"models": ["ann", LIF], "grid": grid, "run": {"seeds": [0, 1]}}
    found = findings(cells(spec))
    plain = {cell["hash"]: cell["spec"] for cell in found.cells}

    assert len(found.settings) > 1
    for setting in found.settings:
        words = shlex.split(command(setting.values))
        only = assignments(word for before, word in pairwise(words) if before == "--only")
        chosen = [cell.model_dump(mode="json") for cell in Sweep(spec, only=only).cells]
        assert chosen == [plain[name] for name in dict.fromkeys(setting.rows["cell"])]


def test_a_command_can_be_a_recipes() -> None:
    assert command(run="art-snn run x --scale smoke") == "art-snn run x --scale smoke --out . && art-snn report ."


def test_settings_are_told_with_all_values_that_occur() -> None:
    told = dict(settings_in_full(cells({"models": [LIF], "grid": {"attack.size": [1, 2, 3, 4, 5, 6, 7]}})))
    assert told["attack.size"] == "1 | 2 | 3 | 4 | 5 | 6 | and 1 more"
    assert told["models.lif.timesteps"] == "2"
    assert told["attack.source_classes"] == "–"


def test_machines_are_told_once_each_with_their_cells() -> None:
    content = cells({"models": ["ann"], "run": {"seeds": [0, 1, 2]}})
    content[2]["environment"] = {"threads": 8, "versions": {"torch": "3"}}
    assert [(one.n_cells, one.facts.get("torch")) for one in machines(content)] == [(2, "2.13.0"), (1, "3")]


def test_time_is_that_of_all_rows() -> None:
    assert seconds(cells({"models": ["ann", "lif"], "run": {"seeds": [0, 1]}})) == 4 * 5.0


def test_a_folder_without_a_spec_has_none(tmp_path: Any) -> None:
    assert spec_in(tmp_path) == ("", None)
    (tmp_path / "spec.toml").write_text("no = [toml")
    assert spec_in(tmp_path) == ("no = [toml", None)
