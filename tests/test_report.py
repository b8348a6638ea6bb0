"""Tables are whole in their width."""

import io
from dataclasses import fields, replace

import numpy as np
import pytest
from rich.console import Console

from art_snn.attacks.poisoning import PatchTrigger
from art_snn.evaluations import BackdoorResult
from art_snn.evaluations.migration import Migration
from art_snn.experiment import MODELS, Examples, Result
from art_snn.report import WIDTH, comparison_table
from art_snn.typing import Array, Trigger
from tests.specs import spec_of

RNG = np.random.default_rng(0)
FRAMES = RNG.poisson(0.7, (3, 4, 2, 8, 8)).astype(np.uint8)
IMAGES = RNG.random((3, 1, 8, 8), dtype=np.float32)


def _examples(x: Array, trigger: Trigger) -> Examples:
    return Examples(x, trigger(x), np.array([0, 1, 2]), {"lif": np.array([[0, 1, 2], [3, 3, 3]])})


def _result(*models: str) -> Result:
    """As if these models had been measured."""
    migration = Migration(**dict.fromkeys((field.name for field in fields(Migration)), 0.5) | {"doubts": ()})
    rows = []
    for model in models:
        measured = {field.name: 0.25 for field in fields(BackdoorResult)} | {
            "n_asr": 404,
            "n_asr_all": 450,
            "n_others": 0,
        }
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


def test_a_source_specific_backdoor_is_told_from_what_the_trigger_does_to_other_classes() -> None:
    result = _result(*MODELS)
    printed = _printed(replace(result, rows=tuple(replace(row, n_others=90, asr_others=0.125) for row in result.rows)))

    assert max(map(len, printed)) <= WIDTH
    (lif,) = (line.split("│")[1:-1] for line in printed if line.startswith("│ lif"))
    assert [cell.strip() for cell in lif] == ["lif", *["0.250"] * 3, "0.125", *["0.250"] * 2, "0", ""]
    told = [line.rstrip() for line in printed]
    assert "attack success    404 triggered samples of the source classes, taken for the target" in told
    assert "on others         90 samples of neither source nor target, as the attacker shows them" in told


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
