"""Tables of a sweep: what is pooled over seeds, and what is not."""

import json
from pathlib import Path
from typing import Any

import pytest

from art_snn.experiment import Experiment
from art_snn.experiment.trainings import trainings_of
from art_snn.report import sweep_tables, sweep_text, write_sweep
from art_snn.sweep import Sweep, load_results
from art_snn.sweep.frame import frame

ROW = {"accuracy_clean": 0.9, "accuracy": 0.8, "asr": 0.9, "floor": 0.1, "n_asr": 90, "n_asr_all": 100, "doubts": []}


def cells(spec: dict[str, Any], versions: str = "1", **rows: Any) -> list[dict[str, Any]]:
    """As if these had been computed: figures by name, the same for all models or a list over cells."""
    made = []
    for number, cell in enumerate(Sweep(spec).cells):
        plain = cell.model_dump(mode="json")
        own = {name: value[number] if isinstance(value, list) else value for name, value in rows.items()}
        found = [{"model": model["name"], **ROW, **own} for model in plain["models"]]
        environment = {"versions": {"torch": versions}}
        made.append({"hash": f"{versions}-{number}", "spec": plain, "rows": found, "environment": environment})
    return made


THREE = {"models": ["lif"], "run": {"seeds": [0, 1, 2]}}


def test_figures_are_over_seeds_with_their_number() -> None:
    (line,) = sweep_tables(frame(cells(THREE, asr=[0.8, 0.9, 1.0]))).figures.to_dict("records")
    assert (line["asr.mean"], line["asr.n"], line["asr.interval"]) == (pytest.approx(0.9), 3, "seeds")
    (line,) = sweep_tables(frame(cells({"models": ["lif"]}, asr=0.9))).figures.to_dict("records")
    assert (line["asr.n"], line["asr.interval"]) == (1, "samples")


def test_the_foot_of_a_table_says_what_the_intervals_can_hold() -> None:
    over_seeds, of_one = (sweep_text(frame(cells(spec))) for spec in (THREE, {"models": ["lif"]}))
    assert "no interval of 3 values holds the mean more than 75 times of 100" in over_seeds
    assert "Wilson" in of_one
    assert "Wilson" not in over_seeds


@pytest.mark.parametrize(
    ("grid", "settings"),
    [
        ({"models.*.tau": [2.0, 5.0]}, [2.0, 5.0]),
        ({"defences": [["strip"], ["fine-pruning"]]}, None),
        ({"attack.percent_poison": [0.1, 0.01, 0.02]}, [0.01, 0.02, 0.1]),
    ],
)
def test_settings_that_differ_are_not_pooled_as_seeds(grid: dict[str, Any], settings: list[float] | None) -> None:
    tables = sweep_tables(frame(cells({**THREE, "grid": grid})))
    assert tables.figures["asr.n"].tolist() == [3] * len(tables.figures)
    assert len(tables.figures) == len(next(iter(grid.values())))
    if settings:
        assert tables.figures[tables.axes[0]].tolist() == settings


def test_cells_of_other_versions_are_not_pooled_either() -> None:
    tables = sweep_tables(frame([*cells(THREE), *cells(THREE, versions="2")]))
    assert tables.figures["asr.n"].tolist() == [3, 3]


def test_rows_of_other_data_are_refused() -> None:
    with pytest.raises(ValueError, match="expected one row a setting, model and seed, got several of"):
        sweep_tables(frame([*cells(THREE), *cells(THREE)]))


def test_seeds_that_mean_nothing_are_told_beside_the_figure() -> None:
    text = sweep_text(frame(cells(THREE, asr=[None, None, 0.9])))
    assert "0.900 (1 of 3 seeds)" in text


def test_differences_are_paired_and_no_difference_is_called_so() -> None:
    spec = {**THREE, "models": ["ann", "lif"]}
    (accuracy, _) = sweep_tables(frame(cells(spec))).differences.to_dict("records")
    assert (accuracy["model"], accuracy["against"], accuracy["n"]) == ("lif", "ann", 3)
    assert accuracy["verdict"] == "no difference seen"


def test_other_tables_are_written_as_they_are(tmp_path: Path) -> None:
    (cell,) = cells({"models": ["lif"]})
    cell["failures"] = [{"model": "lif", "defence": "strip", "error": "no"}]
    (tmp_path / "cells").mkdir()
    (tmp_path / "cells" / f"{cell['hash']}.json").write_text(json.dumps(cell))
    failures = load_results(tmp_path, "failures")
    assert failures["defence"].tolist() == ["strip"]
    written = write_sweep(load_results(tmp_path), tmp_path, {"failures": failures})
    assert tmp_path / "failures.csv" in written


# --- what a training is named by ------------------------------------------------------------------------------------


def trainings(**tables: Any) -> set[str]:
    return set(trainings_of(Experiment(**{"models": ["ann"], **tables})))


def test_epochs_are_measured_on_what_their_name_says() -> None:
    normalisation = {"normalisation_test": {"mean": [0.5], "std": [1.0]}}
    recorded = {"record_epochs": True}

    assert len(trainings() & trainings(data=normalisation)) == 2
    assert len(trainings(training=recorded) & trainings(training=recorded, data=normalisation)) == 1  # the clean one
    assert len(trainings() & trainings(training=recorded)) == 1


def test_where_triggers_are_put_is_nothing_to_a_clean_training() -> None:
    before, after = ({"augmentation": {"crop": 1, "place": place}} for place in ("before", "after"))
    assert len(trainings(training=before) & trainings(training=after)) == 1


def test_a_step_that_is_clean_in_both_trainings_is_measured_in_one_only() -> None:
    hybrid = {"rule": "hybrid", "combination": "com2"}
    assert len(trainings(models=[hybrid])) == 3
    assert len(trainings(models=[hybrid], training={"record_epochs": True})) == 4


def test_held_out_samples_are_held_out_for_arts_detectors_too() -> None:
    assert not trainings() & trainings(measure={"with_art": True})
    assert trainings(measure={"with_art": True}) == trainings(defences=["strip"])
