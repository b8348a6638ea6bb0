"""Tables of a sweep: what is pooled over seeds, and what is not."""

from pathlib import Path
from typing import Any

import pytest

from art_snn.experiment import Experiment
from art_snn.experiment.trainings import trainings_of
from art_snn.report import report_tables, write_sweep
from art_snn.sweep import load_results, load_tables
from art_snn.sweep.folder import SweepFolder
from tests.reporting import cells, failed, report

THREE = {"models": ["lif"], "run": {"seeds": [0, 1, 2]}}


def figures(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Lines of the main table."""
    return report(found)["table"].numbers.to_dict("records")


def test_figures_are_over_seeds_with_their_number() -> None:
    (line,) = figures(cells(THREE, asr=[0.8, 0.9, 1.0]))
    assert (line["asr.mean"], line["asr.n"], line["asr.interval"]) == (pytest.approx(0.9), 3, "seeds")
    (line,) = figures(cells({"models": ["lif"]}, asr=0.9))
    assert (line["asr.n"], line["asr.interval"]) == (1, "samples")


def test_the_foot_of_a_table_says_what_the_intervals_can_hold() -> None:
    over_seeds, of_one = (" ".join(report(cells(spec))["table"].notes) for spec in (THREE, {"models": ["lif"]}))
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
    table = report(cells({**THREE, "grid": grid}))["table"]
    assert table.numbers["asr.n"].tolist() == [3] * len(table.numbers)
    assert len(table.numbers) == len(next(iter(grid.values())))
    if settings:
        assert table.numbers[next(iter(table.keys))].tolist() == settings


def test_a_model_without_the_parameter_of_another_is_there_in_each_of_its_settings() -> None:
    table = report(cells({**THREE, "models": ["ann", "lif"], "grid": {"models.1.tau": [2.0, 5.0]}}))["table"]
    assert list(table.keys) == ["models.lif.tau", "model"]
    assert table.shown[["tau of lif", "model"]].to_numpy().tolist() == [
        ["2", "ann"],
        ["2", "lif"],
        ["5", "ann"],
        ["5", "lif"],
    ]


def test_a_parameter_that_all_models_share_is_one_column() -> None:
    spec = {**THREE, "models": ["if", "lif"], "grid": {"models.*.timesteps": [2, 4]}}
    assert report(cells(spec))["table"].keys == {"models.*.timesteps": "timesteps", "model": "model"}


def test_columns_of_one_last_name_stay_two() -> None:
    names = {"data.name": ["digits", "mnist"], "network.name": ["small_cnn", "vgg11"]}
    assert list(report(cells({**THREE, "grid": names}))["table"].shown)[:3] == ["data", "network", "model"]
    epochs = {"training.epochs": [1, 2], "models.*.training.epochs": [3, 4]}
    shown = report(cells({"models": ["if", "lif"], "grid": epochs}))["table"].shown
    assert list(shown)[:3] == ["training.epochs", "models.*.training.epochs", "model"]


def test_cells_of_other_versions_are_not_pooled_either() -> None:
    table = report([*cells(THREE), *cells(THREE, versions="2")])["table"]
    assert table.numbers["asr.n"].tolist() == [3, 3]
    assert table.shown["versions"].tolist() == ["torch 1", "torch 2"]


def test_versions_of_python_and_cells_that_tell_none_are_no_setting() -> None:
    found = cells(THREE)
    for number, cell in enumerate(found):
        cell["environment"] = {"versions": {"python": f"3.11.{number}", "torch": "1"}}
    assert [line["seeds"] for line in figures(found)] == [3]
    assert list(report([*found[:2], failed(found[2])])["table"].keys) == ["model"]


def test_rows_of_other_data_are_refused_and_told_by_their_cells() -> None:
    with pytest.raises(ValueError, match="expected one result of model lif, seed 0, got two that differ, in the cells"):
        report([*cells(THREE), *cells(THREE, asr=0.7)])


def test_what_was_only_measured_more_of_is_no_other_setting() -> None:
    found = [*cells(THREE), *cells({**THREE, "measure": {"cost": True}})]
    assert [line["seeds"] for line in figures(found)] == [3]


def test_seeds_that_mean_nothing_are_told_beside_the_figure() -> None:
    shown = report(cells(THREE, asr=[None, None, 0.9]))["table"].shown
    assert shown["ASR"].tolist() == ["0.900 [0.821, 0.946] (1 of 3 seeds)"]  # of 90 samples


def test_differences_are_paired_and_no_difference_is_called_so() -> None:
    spec = {**THREE, "models": ["ann", "lif"]}
    (accuracy, _) = report(cells(spec))["differences"].numbers.to_dict("records")
    assert (accuracy["model"], accuracy["against"], accuracy["n"]) == ("lif", "ann", 3)
    assert accuracy["verdict"] == "no difference seen"


def in_folder(folder: Path, spec: dict[str, Any]) -> Path:
    """The folder of a sweep, whose cells' names are in the opposite order to the spec."""
    found = cells(spec)
    for number, cell in enumerate(found):
        cell["hash"] = f"{len(found) - number:03}"
        SweepFolder(folder).write(cell["hash"], cell)
    SweepFolder(folder).write_spec(spec)
    return folder


def test_cells_are_read_in_the_order_of_the_spec(tmp_path: Path) -> None:
    spec = {"models": ["lif"], "grid": {"attack.position": ["top-right", "bottom-left", "top-left"]}}
    folder = in_folder(tmp_path, spec)
    assert load_results(folder)["attack.position"].tolist() == spec["grid"]["attack.position"]
    shown = report_tables(load_tables(folder))[0].shown
    assert shown["position"].tolist() == spec["grid"]["attack.position"]
    (tmp_path / "spec.toml").write_text("nothing = [")
    assert load_results(folder)["cell"].tolist() == ["001", "002", "003"]


def test_models_are_compared_with_the_first_of_the_spec_wherever_cells_are(tmp_path: Path) -> None:
    spec = {"cases": [{"models": ["lif", "ann"]}, {"models": ["ann", "if"]}], "run": {"seeds": [0, 1]}}
    tables = {table.name: table for table in report_tables(load_tables(in_folder(tmp_path, spec)))}
    assert tables["table"].shown["model"].tolist() == ["lif", "ann", "if"]
    assert set(tables["differences"].numbers["against"]) == {"lif"}


def test_only_some_cells_are_reported_where_that_is_asked(tmp_path: Path) -> None:
    folder = in_folder(tmp_path, THREE)
    assert load_tables(folder, ["002"])["rows"]["cell"].tolist() == ["002"]
    with pytest.raises(ValueError, match="expected table to be one of 'rows', 'detection'"):
        load_results(folder, "nothing")


def test_each_table_is_written_for_papers_and_as_numbers(tmp_path: Path) -> None:
    (cell,) = cells({"models": ["ann", "lif"]}, doubts=[[["few-samples", "caution", "9 samples"]]])
    SweepFolder(tmp_path).write(cell["hash"], cell)
    (tmp_path / "verdicts.csv").write_text("of an older report")
    written = {path.name for path in write_sweep(report_tables(load_tables(tmp_path)), tmp_path)}
    names = {f"{name}.{kind}" for name in ("table", "differences", "problems") for kind in ("csv", "tex")}
    assert written == {"report.md", *names}
    assert written == {path.name for path in tmp_path.iterdir()} - {"cells"}


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
