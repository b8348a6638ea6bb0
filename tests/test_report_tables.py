"""Tables of defences and measures over seeds, tested differences, and problems."""

from dataclasses import fields
from typing import Any

import pandas as pd
import pytest

from art_snn.evaluations import BackdoorResult, DetectionResult, EliminationResult, ModelDetectionResult
from art_snn.evaluations.figures import figures_of
from art_snn.report import curves
from art_snn.report.table_kinds import KINDS, MAIN
from tests.evidence_of_cells import THRESHOLDS, VOLTAGES
from tests.reporting import cells, failed, report

THREE = {"models": ["lif"], "run": {"seeds": [0, 1, 2]}}
BOTH = {**THREE, "models": ["ann", "lif"]}
CAUTION = ["few-samples", "caution", "9 samples"]
INVALID = ["at-chance", "invalid", "clean model: at chance"]


def with_lines(found: list[dict[str, Any]], table: str, **values: list[Any]) -> list[dict[str, Any]]:
    """Cells with one line of a table for their last model; the values are lists over cells."""
    for number, cell in enumerate(found):
        own = {name: value[number] for name, value in values.items()}
        cell[table] = [{"model": cell["rows"][-1]["model"], "defence": "strip", "doubts": [], **own}]
    return found


def with_measures(found: list[dict[str, Any]], **measures: Any) -> list[dict[str, Any]]:
    for cell in found:
        cell["measures"] = measures
    return found


# --- defences -------------------------------------------------------------------------------------------------------


def test_false_alarms_are_counted_over_seeds() -> None:
    said = {"target_class": [1, 4, 1], "is_clean_accused": [True, False, False], "is_accused": [True, True, False]}
    table = report(with_lines(cells(THREE), "verdicts", **said))["verdicts"]
    (line,) = table.shown.to_dict("records")
    assert line["accused"] == "2 of 3 [0.208, 0.939]"
    assert line["rightly"] == "1 of 3 [0.061, 0.792]"  # the target is class 1
    assert line["twin accused"] == "1 of 3 [0.061, 0.792]"
    assert "In brackets: 95 % interval over the verdicts of 3 seeds (Wilson)." in table.notes


def test_a_detector_of_samples_accuses_the_target_others_or_nobody() -> None:
    said = {
        "accused_classes": [[1], [1, 2], []],
        "accused_when_clean": [[], [3], []],
        "n_poison": [50] * 3,
        "n_clean": [450] * 3,
        "tpr": [0.5, 0.75, 1.0],
    }
    (line,) = report(with_lines(cells(THREE), "detection", **said))["detection"].numbers.to_dict("records")
    means = [line[f"{name}.mean"] for name in ("accuses_target", "accuses_others", "accuses_twin", "tpr")]
    assert means == pytest.approx([2 / 3, 1 / 3, 1 / 3, 0.75])


def test_with_one_seed_a_share_has_an_interval_over_its_own_samples() -> None:
    said = {"accused_classes": [None], "accused_when_clean": [None], "n_poison": [40], "n_clean": [460]}
    rates = {"tpr": [0.5], "fpr": [0.1], "false_alarm_rate": [0.1], "auroc": [0.9]}
    table = report(with_lines(cells({"models": ["lif"]}), "detection", **said, **rates))["detection"]
    (line,) = table.numbers.to_dict("records")
    widths = {name: line[f"{name}.high"] - line[f"{name}.low"] for name in ("tpr", "fpr", "false_alarm_rate")}
    assert widths["tpr"] > widths["fpr"] > widths["false_alarm_rate"] > 0  # of 40, 460 and 500
    assert line["auroc.interval"] == "none"
    assert "TPR: poisoned samples flagged at the defence's own threshold, of 40 samples." in table.notes


def test_what_a_trigger_does_to_other_classes_is_told_where_there_are_any() -> None:
    rates, none = {"asr_others": 0.25, "n_others": 40}, {"asr_others": None, "n_others": 0}
    specific, whole = (report(cells({"models": ["lif"]}, **own))[MAIN] for own in (rates, none))

    assert specific.numbers["asr_others.mean"].tolist() == [0.25]
    assert not [name for name in whole.numbers if name.startswith("asr_others")]
    assert "accuracy: clean test samples, of the backdoored model, of 140 samples." in specific.notes
    assert "accuracy: clean test samples, of the backdoored model, of 100 samples." in whole.notes


def test_accuracy_behind_a_defence_is_of_all_clean_test_samples() -> None:
    said = {"accuracy_after": [0.7], "asr_after": [0.2], "asr_before": [0.9], "n_asr": [90]}
    (line,) = report(with_lines(cells({"models": ["lif"]}), "elimination", **said))["elimination"].numbers.to_dict(
        "records"
    )
    assert (line["accuracy_after.interval"], line["asr_after.interval"]) == ("samples", "samples")
    assert line["accuracy_after.low"] == pytest.approx(0.6042, abs=1e-4)  # Wilson's of 70 of 100


@pytest.mark.parametrize(
    ("table", "result"),
    [
        (MAIN, BackdoorResult),
        ("detection", DetectionResult),
        ("verdicts", ModelDetectionResult),
        ("elimination", EliminationResult),
    ],
)
def test_doubts_mark_the_figures_that_results_call_derived(table: str, result: Any) -> None:
    known = {field.name for field in fields(result)}
    marked = {name: one.is_derived for name, one in KINDS[table].quantities.items() if name in known}
    assert marked == {name: name in figures_of(result) for name in marked}
    assert any(marked.values())


# --- measures -------------------------------------------------------------------------------------------------------


def test_accuracy_over_time_is_a_line_a_model_and_number_of_time_steps() -> None:
    curve = {"timesteps": [1, 8], "accuracy": [0.2, 0.8], "asr": [None, 0.9], "accuracy_clean": [0.1, 0.9]}
    counts = {"floor": [None, 0.1], "n": 100, "n_asr": 90, "doubts": [[INVALID], []]}
    found = report(with_measures(cells(THREE), over_time={"lif": {**curve, **counts}}))
    assert found["over_time"].shown[["T", "accuracy", "ASR"]].to_numpy().tolist() == [
        ["1", "0.200 ± 0.000 [0.200, 0.200]", "–"],
        ["8", "0.800 ± 0.000 [0.800, 0.800]", "0.900 ± 0.000 [0.900, 0.900]"],
    ]
    assert found["problems"].shown["of"].tolist() == ["lif after 1 time step"]


def test_onset_and_length_are_a_matrix_for_people_and_lines_for_plots() -> None:
    rates = {"asr": [[0.1, 0.2], [0.3, None]], "floor": [[0.0, 0.0], [0.0, None]]}
    part = {"onsets": [0, 6], "lengths": [1, 4], "n_bins": 8, "n_asr": 90, "doubts": [], **rates}
    table = report(with_measures(cells({"models": ["lif"]}), onset_length={"lif": part}))["onset_length"]
    assert table.shown[["figure", "onset"]].to_numpy().tolist() == [[f, o] for o in "06" for f in ("ASR", "floor")]
    assert table.shown["length 4"].tolist()[0].startswith("0.200 [")
    assert table.shown["length 4"].tolist()[2] == "–"
    assert len(table.numbers) == 4


def test_cost_holds_time_operations_energy_and_its_caveat() -> None:
    cost = {"spikes": 10.0, "energy_pj": 2000.0, "n_not_counted": 0, "synapses": {}, "activations": {}}
    found = cells(THREE, training_seconds=[(1.0, 3.0)] * 3, training_peak_memory=[(2.0**20, 2.0**21)] * 3)
    table = report(with_measures(found, cost={"lif": cost}))["cost"]
    (line,) = table.shown.to_dict("records")
    shown = [line[name] for name in ("training, poisoned (s)", "training (MB)", "spikes", "energy (nJ)")]
    assert shown == ["3", "2", "10", "2"]
    assert any("memory access" in note for note in table.notes)


def test_voltages_of_a_model_stand_beside_those_of_its_twin() -> None:
    table = report(with_measures(cells(THREE), voltages={"lif": VOLTAGES, "ann": None}))["voltages"]
    (line,) = table.shown.to_dict("records")
    shown = [line[name] for name in ("AUROC", "FPR", "distance, triggered")]
    assert shown == ["0.980", "0.060", "0.750"]
    assert "AUROC of the twin" not in line, "it was not measured"


def test_thresholds_are_a_line_a_layer_with_the_change_by_poison() -> None:
    table = report(with_measures(cells({"models": ["lif"]}), thresholds={"lif": THRESHOLDS}))["thresholds"]
    lines = table.shown[["layer", "clean", "poisoned", "shift (%)", "twin, shift (%)"]].to_numpy().tolist()
    assert lines == [["1", "2", "3", "50", "0"], ["4", "4", "3", "-25", "–"]]


def test_stealth_is_told_once_a_setting_whatever_the_models() -> None:
    found = with_measures(
        cells(BOTH),
        stealth={"n": 100, "n_unchanged": 25, "mse": 0.5, "ssim": None, "ssim_unit": 0.25, "recordable": 1.0},
    )
    (line,) = report(found)["stealth"].shown.to_dict("records")
    assert line == {
        "unchanged": "0.250 ± 0.000 [0.250, 0.250]",
        "MSE": "0.5",
        "SSIM (1)": "0.250",
        "recordable": "1.000 ± 0.000 [1.000, 1.000]",
        "seeds": "3",
    }


def test_no_epoch_is_chosen_from_older_results_that_do_not_tell_their_step() -> None:
    epochs = [{"accuracy": 1.0, "asr": 0.1}, {"accuracy": 0.7, "asr": 0.3}]
    found = report(cells({"models": ["ann"]}, epochs=[epochs]))
    assert found["epochs"].numbers["epoch"].tolist() == [1, 2]
    assert "last_and_best" not in found


def test_the_epoch_that_test_data_would_choose_stands_beside_the_last() -> None:
    of_snn = [{"accuracy": 0.9, "asr": 0.2}, {"accuracy": 0.7, "asr": 0.3}]
    epochs = [{"step": "ann", "accuracy": 1.0, "asr": 0.1}, *({"step": "snn", **one} for one in of_snn)]
    found = report(cells({"models": ["ann", "lif"]}, epochs=[epochs]))
    assert found["epochs"].numbers["epoch"].tolist() == [1, 2, 3, 1, 2, 3]
    line = found["last_and_best"].numbers.to_dict("records")[1]
    assert [
        line[f"{name}.mean"] for name in ("last.accuracy", "last.asr", "best.epoch", "best.accuracy", "best.asr")
    ] == [
        0.7,
        0.3,
        2.0,
        0.9,
        0.2,
    ]


# --- differences ----------------------------------------------------------------------------------------------------


def test_models_are_compared_with_the_first_one_of_the_spec() -> None:
    spec = {**THREE, "models": ["lif", "if", "ann"]}
    table = report(cells(spec))["differences"]
    assert set(table.numbers["against"]) == {"lif"}
    assert table.numbers["model"].tolist() == ["if", "ann"] * 2


def test_verdicts_go_by_the_corrected_p_value() -> None:
    spec = {**BOTH, "grid": {"attack.percent_poison": [0.01, 0.02, 0.05, 0.1, 0.2]}}
    found = cells(spec)
    for number, cell in enumerate(found):  # p = 0.02 at each setting
        cell["rows"][1]["asr"] = 0.6 + (0.0, 0.05, 0.1)[number % 3] + number // 3 / 1000
    lines = report(found)["differences"].numbers.query("figure == 'asr'")
    assert (lines["p"] < 0.05).all()
    assert (lines["p_corrected"] >= 0.05).all()
    assert set(lines["verdict"]) == {"no difference seen"}


def test_success_behind_a_defence_is_compared_with_that_before() -> None:
    said = {
        "asr_before": [0.9, 0.91, 0.92],
        "asr_after": [0.1, 0.12, 0.11],
        "n_asr": [1000] * 3,
        "accuracy_after": [0.8] * 3,
    }
    (line,) = report(with_lines(cells(THREE), "elimination", **said))["differences"].shown.to_dict("records")
    assert (line["model"], line["against"], line["verdict"]) == ("lif behind strip", "lif", "lower")


# --- problems -------------------------------------------------------------------------------------------------------


def test_problems_come_doubts_first_and_those_of_defences_too() -> None:
    nothing = dict.fromkeys(("asr_before", "asr_after", "accuracy_after"), [None] * 3)
    said = {"doubts": [[CAUTION, INVALID]] * 3, "n_asr": [90] * 3, **nothing}
    found = with_lines(cells(BOTH, doubts=[[CAUTION]] * 3), "elimination", **said)
    found[0]["failures"] = [{"model": "ann", "defence": "strip", "error": "ValueError: no"}]
    found[2] = failed(found[2])
    shown = report(found)["problems"].shown
    assert shown[["grade", "problem", "of", "seeds"]].to_numpy().tolist() == [
        ["invalid", "clean model: at chance", "lif behind strip", "0, 1"],
        ["caution", "9 samples", "ann, lif", "0, 1"],  # and not again for the defence of lif
        ["failed", "MemoryError: no room", "the whole cell", "2"],
        ["failed", "ValueError: no", "ann behind strip", "0"],
    ]


def test_a_doubt_about_migration_is_a_problem() -> None:
    found = cells({"models": ["converted"]}, migration={"rate": None, "doubts": [INVALID]})
    assert report(found)["problems"].shown["problem"].tolist() == ["clean model: at chance"]


def test_problems_say_in_which_settings() -> None:
    found = cells({"models": ["lif"], "grid": {"attack.size": [1, 2, 3]}}, doubts=[[CAUTION], [], [CAUTION]])
    assert report(found)["problems"].shown["settings"].tolist() == ["size 1; size 3"]


def test_cautions_mark_figures_and_invalid_rows_have_none() -> None:
    shown = report(cells({"models": ["lif"]}, doubts=[[CAUTION]]))["table"].shown
    assert shown["ASR"].tolist() == ["0.900 [0.821, 0.946] ?"]
    assert not shown["accuracy"].tolist()[0].endswith("?")
    shown = report(cells(THREE, asr=[None] * 3, doubts=[[INVALID]] * 3))["table"].shown
    assert shown["ASR"].tolist() == ["–"]


def test_a_sweep_of_which_every_cell_failed_is_its_problems() -> None:
    found = [failed(cell) for cell in cells(BOTH)]
    assert list(report(found)) == ["problems"]


# --- curves ---------------------------------------------------------------------------------------------------------


def test_curves_go_over_axes_of_numbers_a_model_and_a_figure_each() -> None:
    grid = {"attack.percent_poison": [0.1, 0.01], "attack.position": ["top-left", "bottom-right"]}
    found = cells({**BOTH, "grid": grid}, asr=[cell / 100 for cell in range(12)])
    made = curves(report(found)["table"])
    (curve,) = [c for c in made if (c.figure, c.model, c.setting) == ("asr", "lif", "position top-left")]
    assert {one.axis for one in made} == {"attack.percent_poison"}
    assert curve.x == (0.01, 0.1)
    assert curve.mean == pytest.approx((0.07, 0.01))
    assert curve.low[0] <= curve.mean[0] <= curve.high[0]


def test_curves_over_time_rise_in_t_in_whatever_order_it_was_asked() -> None:
    curve = {"timesteps": [8, 1], "accuracy": [0.8, 0.2], "n": 100, "n_asr": 90}
    (over_time,) = curves(report(with_measures(cells(THREE), over_time={"lif": curve}))["over_time"])
    assert (over_time.axis_heading, over_time.x, over_time.mean) == ("T", (1.0, 8.0), pytest.approx((0.2, 0.8)))


def test_settings_without_the_axis_are_on_no_curve() -> None:
    numbers = [{"attack.size": 1}, {"attack.size": 2}, {"attack.trigger": "flash", "data.name": "digits-dvs"}]
    found = cells({"models": ["lif"], "cases": numbers})
    assert {one.x for one in curves(report(found)["table"], "attack.size")} == {(1.0, 2.0)}
    with pytest.raises(ValueError, match="expected axis to be one of"):
        curves(report(found)["table"], "attack.percent_poison")


def test_tables_are_strings_for_people() -> None:
    for table in report(cells(BOTH, doubts=[[CAUTION]] * 3)).values():
        assert isinstance(table.shown, pd.DataFrame)
        assert all(isinstance(cell, str) for row in table.shown.to_numpy() for cell in row)
