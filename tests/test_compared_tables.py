"""Tables of recipes: what was published beside what was measured, like with like."""

import math
from typing import Any

import pytest

from art_snn.experiment import Experiment
from art_snn.metrics.statistics import Summary
from art_snn.recipes import Column, ComparedTable, TableLayout, Term, compared, recipe
from art_snn.sweep.frame import frame


def cell_of(rate: float, seed: int, **success: float) -> dict[str, Any]:
    """A cell of Table 9, as it is written down."""
    spec = Experiment(**recipe("framework-table9").given("smoke")).model_dump(mode="json")
    spec["attack"]["percent_poison"], spec["run"]["seeds"] = rate, [seed]
    rows = [
        {
            "model": model,
            "accuracy": 0.9,
            "asr": asr,
            "asr_all": asr,
            "n_asr": 100,
            "n_asr_all": 200,
            "n_test": 200,
            "doubts": [],
        }
        for model, asr in success.items()
    ]
    return {"hash": f"{rate}-{seed}", "spec": spec, "rows": rows}


def filled(cells: list[dict[str, Any]], layout: TableLayout | None = None) -> ComparedTable:
    """Table 9, or another layout, of these cells."""
    made = recipe("framework-table9")
    (table,) = compared(
        made if layout is None else made.model_copy(update={"tables": (layout,)}), {"rows": frame(cells)}
    )
    return table


def test_a_table_holds_what_was_published_what_was_measured_and_the_difference() -> None:
    cells = [cell_of(0.1, 0, ann=0.8, converted=0.6, hybrid=0.4), cell_of(0.1, 1, ann=1.0, converted=0.8, hybrid=0.4)]

    table = filled(cells)

    row = next(row for row in table.rows if row.label == "0.1")
    cell = dict(zip([column.name for column in table.columns], row.cells, strict=True))["MR (MaxNorm)"]
    assert cell.published is not None
    assert cell.measured is not None
    assert cell.difference is not None
    assert cell.published.value == 99.86
    assert cell.measured.mean == pytest.approx(100 * (0.75 + 0.8) / 2), "the mean of ratios, one a seed"
    assert (cell.measured.n, cell.measured.kind) == (2, "seeds")
    assert cell.difference.low == pytest.approx(cell.measured.low - 99.86)


ONE_SEED = {"ann": 0.8, "converted": 0.6, "hybrid": 0.4}


def test_one_seed_gives_an_interval_over_its_samples_where_the_figure_is_a_share() -> None:
    table = filled([cell_of(0.1, 0, **ONE_SEED)])

    row = next(row for row in table.rows if row.label == "0.1")
    cells = dict(zip([column.name for column in table.columns], row.cells, strict=True))
    kinds = [measured.kind for name in ("SNN (MaxNorm)", "MR (MaxNorm)") if (measured := cells[name].measured)]
    assert kinds == ["samples", "none"]


def test_other_data_than_the_publications_are_noted() -> None:
    table = filled([cell_of(0.1, 0, **ONE_SEED)])

    assert "data: digits in place of cifar10" in table.notes
    assert not table.is_like_published


def test_where_the_publications_data_lie_plays_no_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ART_SNN_DATA", raising=False)

    assert filled([cell_of(0.1, 0, **ONE_SEED)]).notes


def test_rows_and_columns_that_only_one_side_has_are_shown_as_such() -> None:
    cells = [cell_of(0.5, 0, ann=0.8, converted=0.6, hybrid=0.4)]

    table = filled(cells)

    assert [row.label for row in table.rows] == [f"{rate / 100:g}" for rate in range(2, 21, 2)] + ["0.5"]
    assert all(cell.measured is None for cell in table.rows[0].cells)
    assert all(cell.published is None for cell in table.rows[-1].cells)
    assert "ASR of the kept epoch (Com3)" not in [column.name for column in table.columns], "nobody has it"


def test_cells_that_a_table_does_not_tell_apart_are_not_mixed() -> None:
    cells = [cell_of(0.1, 0, ann=0.8, converted=0.6, hybrid=0.4), cell_of(0.1, 0, ann=0.5, converted=0.5, hybrid=0.5)]
    cells[1]["hash"] = "other"

    table = filled(cells)

    (cell, *_) = next(row for row in table.rows if row.label == "0.1").cells
    assert (cell.measured, cell.note) == (None, "up to 2 cells a seed that the table does not tell apart")


def test_what_means_nothing_is_left_out_of_a_mean() -> None:
    cells = [
        cell_of(0.1, 0, ann=0.8, converted=0.6, hybrid=0.4),
        cell_of(0.1, 1, ann=math.nan, converted=0.8, hybrid=0.4),
    ]

    table = filled(cells)

    (cell, *_) = next(row for row in table.rows if row.label == "0.1").cells
    assert cell.measured is not None
    assert (cell.measured.mean, cell.measured.n, cell.measured.n_left_out) == (80.0, 1, 1)


def test_a_column_can_be_averaged_over_an_axis_seed_by_seed() -> None:
    layout = TableLayout(
        item="Table 9",
        title="",
        rows=("network.name",),
        mean_over=("attack.percent_poison",),
        columns=(Column(name="fall", model="hybrid", figure="asr", minus=Term(model="ann")),),
    )
    cells = [cell_of(0.1, 0, ann=0.8, hybrid=0.4), cell_of(0.2, 0, ann=0.8, hybrid=0.6)]

    table = filled(cells, layout)

    found = next(row for row in table.rows if row.label == "small_cnn").cells[-1].measured
    assert found is not None
    assert found.mean == pytest.approx(-30.0)


def measured(column: Column, cells: list[dict[str, Any]]) -> Summary | None:
    """What one column of a table has for the rate 0.1."""
    table = filled(cells, TableLayout(item="none", title="", rows=("attack.percent_poison",), columns=(column,)))
    return next((row.cells[0].measured for row in table.rows if row.label == "0.1"), None)


def test_a_column_beside_a_model_is_of_the_cells_that_hold_it() -> None:
    cells = [cell_of(0.1, 0, ann=0.8, converted=0.6), cell_of(0.1, 0, ann=0.5, hybrid=0.5)]
    cells[1]["hash"] = "other"

    found = measured(Column(name="ANN", model="ann", figure="asr", beside="hybrid"), cells)

    assert found is not None
    assert found.mean == 50.0


@pytest.mark.parametrize(
    ("epoch", "success"), [("first", 0.5), ("best accuracy", 0.2), ("best of both", 0.5), ("last", 0.4)]
)
def test_the_epoch_that_a_rule_keeps_is_one_of_the_last_step(epoch: Any, success: float) -> None:
    cell = cell_of(0.1, 0, hybrid=0.4)
    cell["rows"][0]["epochs"] = [
        {"step": "ann", "accuracy": 1.0, "asr": 1.0},
        {"step": "snn", "accuracy": 0.5, "asr": 0.5},
        {"step": "snn", "accuracy": 0.9, "asr": 0.2},
    ]

    found = measured(Column(name="ASR", model="hybrid", figure="asr", epoch=epoch), [cell])

    assert found is not None
    assert found.mean == pytest.approx(100 * success)


def test_no_epoch_is_kept_of_older_results_that_do_not_tell_its_step() -> None:
    cell = cell_of(0.1, 0, hybrid=0.4)
    cell["rows"][0]["epochs"] = [{"accuracy": 1.0, "asr": 1.0}]  # of the ANN, or of the SNN

    column = Column(name="ASR", model="hybrid", figure="asr", epoch="first")
    table = filled([cell], TableLayout(item="none", title="", rows=("attack.percent_poison",), columns=(column,)))

    assert table.columns == ()


def test_seconds_of_one_of_two_trainings_are_a_figure() -> None:
    cell = cell_of(0.1, 0, ann=0.4)
    cell["rows"][0]["training_seconds"] = [3.0, 5.0]

    found = measured(Column(name="time", model="ann", figure="training_seconds.1", unit="s"), [cell])

    assert found is not None
    assert found.mean == 5.0


def test_only_cells_of_the_setting_that_a_table_is_about_are_shown() -> None:
    columns = (Column(name="ASR", model="ann", figure="asr"),)
    layout = TableLayout(item="none", title="", rows=("data.name",), columns=columns, at={"attack.percent_poison": 0.2})

    table = filled([cell_of(0.1, 0, ann=0.4), cell_of(0.2, 0, ann=0.6)], layout)

    (row,) = table.rows
    assert row.cells[0].measured is not None
    assert (row.label, row.cells[0].measured.mean) == ("digits", 60.0)


def test_what_a_defence_found_is_taken_from_its_table() -> None:
    cell = cell_of(0.1, 0, ann=0.4) | {
        "detection": [{"model": "ann", "defence": name, "tpr": tpr} for name, tpr in DETECTED]
    }
    column = Column(name="found", model="ann", table="detection", defence="strip", figure="tpr")
    layout = TableLayout(item="none", title="", rows=("data.name",), columns=(column,))
    made = recipe("framework-table9").model_copy(update={"tables": (layout,)})

    (table,) = compared(made, {name: frame([cell], name) for name in ("rows", "detection")})

    assert table.rows[0].cells[0].measured is not None
    assert table.rows[0].cells[0].measured.mean == 75.0


DETECTED = [("spectral", 0.25), ("strip", 0.75)]
