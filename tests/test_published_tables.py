"""Published beside measured in a report: a line a figure, in the units of the publication."""

from typing import Any

import pandas as pd

from art_snn.recipes import RecipeRun, recipe
from art_snn.report import ReportTable
from art_snn.report.doubts import doubts
from art_snn.report.plots.compared import compared_drafts
from art_snn.report.words import summary
from tests.measured_cells import cells, findings

RUN = RecipeRun("framework-table9", "smoke", "paper")


def measured(**rows: Any) -> list[dict[str, Any]]:
    """Cells of the recipe."""
    return cells(recipe(RUN.name).given(RUN.scale, RUN.mode), **rows)


def published(**rows: Any) -> ReportTable:
    """The publication's table in the report on these cells."""
    return next(table for table in findings(measured(**rows), run=RUN).report if table.name == "published-table-9")


def line(table: pd.DataFrame, row: str, figure: str) -> dict[str, Any]:
    """One line of a table."""
    (found,) = table[(table.iloc[:, 0] == row) & (table.iloc[:, 1] == figure)].to_dict("records")
    return {str(name): value for name, value in found.items()}


def test_published_measured_difference_and_its_interval_stand_side_by_side() -> None:
    table = published(asr_all=0.98)

    assert line(table.shown, "0.1", "ANN (LR_C)") == {
        "share of poison": "0.1",
        "figure": "ANN (LR_C)",
        "published": "98.37",
        "measured": "98.00",
        "difference": "-0.37",
        "interval": "[-5.37, +1.08]",
    }
    assert line(table.shown, "0.1", "SNN (Com3)")["difference"] == "+69.38"
    numbers = line(table.numbers, "0.1", "ANN (LR_C)")
    assert (numbers["published"], round(numbers["difference.mean"], 6)) == (98.37, -0.37)


def test_a_layout_that_asks_for_a_plot_has_one_with_a_series_a_column() -> None:
    run = RecipeRun("framework-figure12", "smoke", "matched")
    epochs = [{"step": "snn", "accuracy": 0.9, "asr": 0.75}, {"step": "snn", "accuracy": 0.9, "asr": 0.25}]
    migration = {"asr_ann": 0.8, "asr_converted": 0.6, "rate": 0.75}
    content = cells(run.recipe.given(run.scale, run.mode), epochs=[epochs, epochs], asr=0.25, migration=migration)

    (draft,) = compared_drafts(findings(content, run=run))

    assert draft.title.startswith("Figure 12, by rate: Success rates")
    assert "ASR of the ANN: 80 at small_cnn, 0.1, 80 at small_cnn, 0.2." in draft.alt
    assert "ASR after the first epoch: 75 at small_cnn, 0.1" in draft.alt
    (ax,) = draft.draw().axes
    assert ax.get_xlabel() == "success rate, %"
    assert not list(compared_drafts(findings(measured(), run=RUN)))


def test_what_was_not_measured_or_not_published_has_no_difference() -> None:
    table = published(asr_all=0.98)
    missing, own = line(table.shown, "0.12", "ANN (LR_C)"), line(table.shown, "0.1", "accuracy (MaxNorm)")

    assert (missing["published"], missing["measured"], missing["difference"]) == ("98.43", "–", "–")
    assert (own["published"], own["measured"], own["difference"]) == ("–", "80.00", "–")


def test_a_table_that_is_no_reproduction_says_so() -> None:
    notes = published().notes
    assert any(note.startswith("Measured otherwise than published: data: digits in place of cifar10") for note in notes)


def test_a_recipe_brings_its_doubts_along() -> None:
    found = findings(measured(), run=RUN)
    texts = {point.text: point.details for point in doubts(found)}

    (of_scale,) = (details for text, details in texts.items() if text.startswith("Not a reproduction: this is the sc"))
    assert "data: digits in place of cifar10" in of_scale
    (of_mode,) = (details for text, details in texts.items() if text.startswith("The mode paper follows"))
    assert of_mode == RUN.recipe.confounds("paper")
    assert summary(found)[0].endswith(RUN.recipe.claim)
