"""What a page says of a sweep in sentences: doubts, what was measured, what came out."""

from typing import Any

import pytest

from art_snn.report.axis_curves import curves
from art_snn.report.doubts import doubts
from art_snn.report.findings import Spec
from art_snn.report.opening import opening_text
from art_snn.report.words import differences, outcomes, summary
from tests.measured_cells import cells, findings

SWEEP: dict[str, Any] = {
    "models": ["ann", "lif"],
    "run": {"seeds": [0, 1]},
    "grid": {"attack.percent_poison": [0.05, 0.1]},
}
INVALID = [["one-class", "invalid", "class 0 takes all"]]
CAUTION = [["high-floor", "caution", "floor 0.5"]]


def test_a_summary_tells_what_was_measured() -> None:
    assert summary(findings(cells(SWEEP))) == [
        "4 cells: 2 settings with seeds 0, 1.",
        "2 models (ann, lif) were trained with and without a backdoor on Digits of ten people: patch trigger, "
        "target class 1.",
        "Varied: share of poison (0.05, 0.1).",
    ]


def test_outcomes_tell_where_figures_are_least_and_greatest() -> None:
    (of_ann, _) = outcomes(findings(cells(SWEEP, asr=[0.25, 0.75, 1.0, 1.0])))
    assert of_ann == (
        "ann: attack success from 0.500 (share of poison 0.05) to 1.000 (share of poison 0.1); "
        "accuracy on clean samples 0.800; floor 0.100."
    )


def test_no_figure_is_told_of_rows_that_mean_nothing() -> None:
    (of_ann, _) = outcomes(findings(cells(SWEEP, asr=None, floor=None)))
    assert of_ann == "ann: no attack success, as no row means anything; accuracy on clean samples 0.800; no floor."


def test_a_sweep_without_doubts_has_none() -> None:
    assert doubts(findings(cells(SWEEP), Spec("", SWEEP))) == []


def test_what_failed_comes_first_then_what_is_invalid_then_cautions() -> None:
    content = cells(SWEEP, doubts=[INVALID, [], CAUTION, []])
    content[3] = {key: content[3][key] for key in ("hash", "spec", "environment")}
    content[3]["error"] = {"kind": "MemoryError", "text": "too large"}
    failed, invalid, caution = doubts(findings(content))

    assert failed.text.startswith("1 of 4 cells failed, and their figures are missing.")
    assert failed.details == ("MemoryError: too large",)
    assert invalid.text.startswith("2 of 6 rows (one a model, setting and seed) are invalid")
    assert invalid.details == ("ann: 1 row, share of poison 0.05", "lif: 1 row, share of poison 0.05")
    assert caution.text.startswith("2 of 6 rows (one a model, setting and seed) call for caution")


def test_a_defence_that_failed_is_a_doubt() -> None:
    content = cells({**SWEEP, "grid": {}})
    content[0]["failures"] = [{"model": "lif", "defence": "strip", "error": "ValueError: no"}]
    (failed,) = doubts(findings(content))
    assert failed.details == ("strip on lif: ValueError: no",)


def test_doubts_about_single_measurements_are_told() -> None:
    curve = {"timesteps": [1, 4], "accuracy": [0.1, 0.8], "asr": [None, 0.9], "n": 100, "n_asr": 100}
    content = cells(SWEEP, {"over_time": {**curve, "doubts": [INVALID, []]}}, doubts=[CAUTION, [], [], []])
    caution, invalid = doubts(findings(content))

    assert caution.text.startswith("2 of 8 rows")
    assert invalid.text.startswith("Beside the main figures (over time) 8 lines mean nothing and have no figure")


def test_one_seed_is_a_doubt() -> None:
    (few,) = doubts(findings(cells({"models": ["ann"]})))
    assert few.text.endswith("say nothing about other trainings. No difference is tested.")


def test_cells_that_are_missing_or_half_done_are_told() -> None:
    content = cells(SWEEP)[:3]
    content[0]["complete"] = False
    missing, half = doubts(findings(content, Spec("", SWEEP)))
    assert missing.text == "The spec stands for 4 cells, of which 3 are here."
    assert half.text == "1 cell holds some of its models only."


def test_versions_that_are_mixed_are_a_doubt() -> None:
    content = cells(SWEEP)
    content[0]["environment"] = {"versions": {"torch": "1"}}
    assert "different versions" in doubts(findings(content))[0].text


@pytest.mark.parametrize("given", [{"models": "?"}, {"grid": 3}])
def test_a_spec_that_cannot_be_read_is_no_doubt(given: dict[str, Any]) -> None:
    assert doubts(findings(cells(SWEEP), Spec("", given))) == []


def test_differences_are_counted_by_their_verdict() -> None:
    content = cells({**SWEEP, "run": {"seeds": [0, 1, 2]}})
    for number, cell in enumerate(content):
        if cell["spec"]["attack"]["percent_poison"] == 0.05:
            cell["rows"][1]["asr"] = 0.1 + 0.01 * (number % 3)
    sentences = differences(findings(content).report)
    assert "lif against ann, attack success: lower in 1, no difference seen in 1 of 2 settings." in sentences


def test_a_difference_behind_a_defence_is_called_so() -> None:
    content = cells({"models": ["lif"], "run": {"seeds": [0, 1, 2]}})
    for number, cell in enumerate(content):
        rates = {"asr_before": 0.9, "asr_after": 0.1 + 0.01 * number, "accuracy_after": 0.8, "n_asr": 1000}
        cell["elimination"] = [{"model": "lif", "defence": "fine-pruning", "doubts": [], **rates}]
    sentences = differences(findings(content).report)
    assert sentences == ["lif behind fine-pruning against lif, attack success: lower in 1 setting."]


def test_markdown_begins_as_the_page_does() -> None:
    content = cells(SWEEP, doubts=[INVALID, [], [], []])
    content[0]["title"] = "<b>*digits*</b>"
    text = opening_text(findings(content))

    assert text.startswith("# Backdoors by patch triggers on &lt;b>\\*digits\\*&lt;/b>, Digits of ten people\n")
    assert text.index("- **invalid** 2 of 8 rows") < text.index("  - ann: 1 row") < text.index("## What came out")
    assert text.endswith("- lif against ann, attack success: no difference seen in 2 of 2 settings.")


def test_what_a_name_decides_is_told_once_and_is_no_axis() -> None:
    rates = {"small_cnn": 0.1, "vgg11": 0.02}
    cases = [{"network": {"name": name}, "training": {"learning_rate": rate}} for name, rate in rates.items()]
    grid = {"attack.percent_poison": [0.05, 0.1], "run.seeds": [[0]]}
    found = findings(cells({"models": ["ann"], "cases": cases, "grid": grid}))

    assert found.axes.axes == ("network.name", "attack.percent_poison")
    assert summary(found)[-1] == (
        "Varied: network (small_cnn, vgg11), and with it learning rate (0.1, 0.02); share of poison (0.05, 0.1)."
    )
    (main,) = (table for table in found.report if table.name == "table")
    assert {curve.axis for curve in curves(main)} == {"attack.percent_poison"}


def test_numbers_that_go_together_stay_apart() -> None:
    cases = [{"attack": {"size": size}, "training": {"epochs": size}} for size in (1, 2)]
    found = findings(cells({"models": ["ann"], "cases": cases}))

    assert set(found.axes.axes) == {"attack.size", "training.epochs"}
    assert not found.axes.companions
