"""What was found before an interruption is taken over, value by value, and nothing else is."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pytest
import tomli_w
import torch

from art_snn.data import Dataset
from art_snn.evaluations import BackdoorEvaluation, BackdoorResult
from art_snn.experiment import Defended, Experiment, Result, building, defend, run
from art_snn.experiment.result import plain
from art_snn.experiment.resuming import checksum, identity, restored, restored_defended, restored_result
from art_snn.experiment.trainings import digest
from tests.backdoored import bars
from tests.specs import spec_of

SMALL = {"models": ("ann", "if"), "timesteps": 2, "width": 0.25, "epochs": 1}
SPEC = spec_of(**SMALL)
BARS = Dataset(*bars(), *bars(80, seed=1), classes=tuple("abcd"), clip_values=(0.0, 1.0), title="bars")


@pytest.fixture(autouse=True)
def bars_for_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "load_dataset", lambda *_args, **_options: BARS)


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The models that are trained, in order."""
    names, result = [], BackdoorEvaluation._result

    def spied(self: BackdoorEvaluation, name: str, *rest: Any) -> BackdoorResult:
        names.append(name)
        return result(self, name, *rest)

    monkeypatch.setattr(BackdoorEvaluation, "_result", spied)
    return names


def interrupted(start: Callable[..., object], spec: Experiment = SPEC) -> Any:
    """What had been kept when it was interrupted after its first model."""
    kept = []

    def keep(found: object) -> None:
        kept.append(found)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        start(spec, verbose=False, keep=keep)
    return kept[0]


def without_costs(found: Result | Defended) -> dict[str, Any]:
    costs = {"seconds": 0, "peak_memory": 0, "training_seconds": 0, "training_peak_memory": 0}
    return {
        name: [row | costs if isinstance(row, dict) else row for row in part] if isinstance(part, list) else part
        for name, part in found.as_json().items()
    }


def test_a_comparison_goes_on_after_the_models_that_are_finished(trained: list[str]) -> None:
    kept = interrupted(run)
    assert ([row.model for row in kept.rows], kept.is_complete) == (["ann"], False)
    known = restored_result(SPEC, json.loads(json.dumps(kept.as_json())))

    continued = run(SPEC, known=known, verbose=False)

    assert trained == ["ann", "if"]
    assert continued.is_complete
    assert continued.rows[0] == kept.rows[0]
    assert without_costs(continued) == without_costs(run(SPEC, verbose=False))
    assert continued.examples.clean.shape == (6, 1, 8, 8)


def test_defending_goes_on_after_the_models_that_are_finished(trained: list[str]) -> None:
    names = ["spectral", "channel-lipschitz-pruning", {"name": "neural-cleanse", "steps": 2}]
    spec = spec_of(**SMALL | {"epochs": 10}, set={"defences": names})  # models that mean nothing have no evidence
    kept = interrupted(defend, spec)
    assert {row.model for row in (*kept.rows, *kept.detection, *kept.elimination, *kept.verdicts)} == {"ann"}
    known = restored_defended(spec, json.loads(json.dumps(kept.as_json())))

    continued = defend(spec, known=known, verbose=False)

    assert trained == ["ann", "if"]
    assert list(continued.evidence) == ["if"]
    assert continued.detection[0] == kept.detection[0]
    assert without_costs(continued) == without_costs(defend(spec, verbose=False))


def test_what_is_complete_is_not_trained_again(trained: list[str]) -> None:
    found = run(SPEC, verbose=False)

    assert run(SPEC, known=found, verbose=False) == found
    assert trained == ["ann", "if"]


def test_results_of_other_data_are_not_continued(monkeypatch: pytest.MonkeyPatch, trained: list[str]) -> None:
    kept = interrupted(run)
    others = replace(BARS, y_test=BARS.y_test[::-1])
    assert checksum(others) != checksum(BARS)
    monkeypatch.setattr(building, "load_dataset", lambda *_args, **_options: others)

    for start, spec in ((run, SPEC), (defend, spec_of(**SMALL, set={"defences": ["strip"]}))):
        with pytest.raises(ValueError, match=r"expected the samples on which the results .* got others"):
            start(spec, known=kept, verbose=False)
    assert trained == ["ann"]


def test_the_digest_tells_apart_all_that_determines_numbers() -> None:
    others = ({"seed": 1}, {"learning_rate": 2e-3}, {"set": {"defences": ["strip"]}}, {"set": {"run.threads": 2}})
    names = {digest(identity(spec_of(**SMALL | options))) for options in ({}, *others)}

    assert len(names) == 5
    assert digest(identity(SPEC)) == digest(identity(Experiment(**SPEC.model_dump())))


class Reason(NamedTuple):
    grade: Literal["invalid", "caution"]
    text: str


@dataclass(frozen=True)
class Inner:
    rate: float
    shift: dict[str, float] | None


@dataclass(frozen=True)
class Row:
    model: str
    rate: float
    p_value: float | None
    classes: tuple[int, ...] | None
    inner: Inner | None
    doubts: tuple[Reason, ...]


def test_a_row_comes_back_as_it_was_with_numbers_that_are_none() -> None:
    inner = Inner(math.nan, {"act1": 0.5, "act2": math.nan})
    doubts = (Reason("caution", "few samples"), Reason("invalid", "one class"))
    for row in (
        Row("lif", math.nan, math.nan, (1, 2), inner, doubts),
        Row("lif", 0.5, None, None, Inner(1.0, None), ()),
        Row("lif", 0.5, 0.1, (), None, ()),
    ):
        again = restored(Row, json.loads(json.dumps(plain(row), allow_nan=False)))
        assert repr(again) == repr(replace(row, p_value=None) if row.rate != row.rate else row)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rows": 3}, "expected rows to be a list, got 3"),
        ({"rows": [{"model": "ann"}]}, "of a BackdoorResult as it was written"),
        ({"rows": []}, "expected rows and predictions of the same models, got ann"),
        ({"predicted": {"ann": "x"}}, "as it was written, got 'x'"),
        ({"checksum": None}, "expected checksum to be a str, got None"),
    ],
)
def test_what_is_no_result_is_refused(changes: dict[str, Any], message: str) -> None:
    written = json.loads(json.dumps(interrupted(run).as_json()))

    with pytest.raises(ValueError, match=message):
        restored_result(SPEC, written | changes)


@pytest.mark.parametrize(("start", "given"), [(run, {}), (defend, {"defences": ["spectral"]})])
def test_an_experiment_is_computed_in_its_threads_and_no_others_are_left_behind(
    start: Callable[..., Any], given: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    used, result = [], BackdoorEvaluation._result

    def spied(self: BackdoorEvaluation, name: str, *rest: Any) -> BackdoorResult:
        used.append(torch.get_num_threads())
        return result(self, name, *rest)

    monkeypatch.setattr(BackdoorEvaluation, "_result", spied)
    start(spec_of(**SMALL | {"models": ("if",)}, set={"run.threads": 3, **given}), verbose=False)

    assert (used, torch.get_num_threads()) == ([3], 1)


@pytest.mark.parametrize(("start", "given"), [(run, {}), (defend, {"defences": ["spectral"]})])
def test_a_spec_is_a_file_tables_or_an_experiment_of_one_cell(
    start: Callable[..., Any], given: dict[str, Any], tmp_path: Path
) -> None:
    tables = {**SPEC.given, **given, "models": ["if"]}
    (tmp_path / "spec.toml").write_text(tomli_w.dumps(tables))

    found = [start(spec, verbose=False) for spec in (tmp_path / "spec.toml", tables, Experiment(**tables))]

    assert without_costs(found[0]) == without_costs(found[1]) == without_costs(found[2])
    with pytest.raises(ValueError, match=r"expected an experiment of one cell, got 2; run them by"):
        start({**tables, "run": {"seeds": [0, 1]}})
