"""The tables of a recipe, filled in: what was published, what was measured, and what separates the two."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from art_snn.metrics.statistics import Summary, summary
from art_snn.recipes.departures import departures
from art_snn.recipes.figures import figures_by_seed, is_share_of
from art_snn.recipes.published import Published, published_values
from art_snn.recipes.recipe import Recipe
from art_snn.recipes.tables import UNITS, Column, TableLayout


@dataclass(frozen=True)
class ComparedCell:
    """One figure of a table.

    Args:
        published: The printed number; None where the publication prints none.
        measured: Mean and 95 % interval over seeds, in the column's unit; None where nothing was measured.
        difference: `measured` less the printed number, its interval with it; None where one of both is missing.
        note: Why nothing is compared although there are results; else empty.
    """

    published: Published | None
    measured: Summary | None
    difference: Summary | None
    note: str = ""


@dataclass(frozen=True)
class ComparedRow:
    """One row of a table.

    Args:
        label: What tells the row from the others.
        cells: One for each column.
    """

    label: str
    cells: tuple[ComparedCell, ...]


@dataclass(frozen=True)
class ComparedTable:
    """One table of a publication beside what was measured.

    Args:
        layout: Item and title.
        columns: Columns for which anything was published or measured.
        rows: All rows that were published or measured.
        notes: What was measured otherwise than published, a sentence each: other data, fewer samples, smaller networks.
    """

    layout: TableLayout
    columns: tuple[Column, ...]
    rows: tuple[ComparedRow, ...]
    notes: tuple[str, ...]

    @property
    def is_like_published(self) -> bool:
        """Whether data, networks and training have the published sizes: only then may it be called a reproduction."""
        return not self.notes

    def is_published(self, column: Column) -> bool:
        """Whether the publication prints any figure of a column."""
        place = self.columns.index(column)
        return any(row.cells[place].published for row in self.rows)


def compared(recipe: Recipe, results: Mapping[str, pd.DataFrame]) -> tuple[ComparedTable, ...]:
    """The tables of a recipe, published and measured.

    Args:
        recipe: The recipe that was run, at any scale and in any mode.
        results: Results by name of the table, as `art_snn.sweep.load_results(folder, table)` gives them; at least
            "rows", and those that the layouts name where there are any.

    Returns:
        One table a layout. Rows and columns without a published number still show what was measured.
    """
    notes = departures(recipe, results["rows"])
    return tuple(_table(layout, recipe.published, results, notes) for layout in recipe.tables)


def _table(
    layout: TableLayout, publication: str, results: Mapping[str, pd.DataFrame], notes: tuple[str, ...]
) -> ComparedTable:
    printed = {(one.row, one.column): one for one in published_values(publication) if one.item == layout.item}
    columns = {column.name: figures_by_seed(layout, column, results) for column in layout.columns}
    measured = {(row, name): found for name, rows in columns.items() for row, found in rows.items()}
    seen = {name for _, name in [*printed, *(key for key, found in measured.items() if found["value"].notna().any())]}
    shown = tuple(column for column in layout.columns if column.name in seen)
    labels = _in_order([row for row, _ in [*printed, *measured]])
    rows = tuple(
        ComparedRow(
            row, tuple(_cell(one, printed.get((row, one.name)), measured.get((row, one.name))) for one in shown)
        )
        for row in labels
    )
    return ComparedTable(layout, shown, rows, notes)


def _in_order(labels: list[str]) -> list[str]:
    """Each once: as numbers where all are, else those of the publication first."""
    once = list(dict.fromkeys(labels))
    try:
        return sorted(once, key=float)
    except ValueError:
        return once


def _cell(column: Column, published: Published | None, found: pd.DataFrame | None) -> ComparedCell:
    if found is None:
        return ComparedCell(published, None, None)
    if found["seed"].duplicated().any():
        n = found["seed"].value_counts().max()
        return ComparedCell(published, None, None, f"up to {n} cells a seed that the table does not tell apart")
    measured = scaled(_summary(column, found), UNITS[column.unit])
    if published is None or math.isnan(measured.mean):
        return ComparedCell(published, measured, None)
    return ComparedCell(published, measured, moved(measured, -published.value))


def _summary(column: Column, found: pd.DataFrame) -> Summary:
    values, n = found["value"].tolist(), found["n"].iloc[0]
    counts = None
    if len(values) == 1 and is_share_of(column) and not math.isnan(values[0]) and not math.isnan(n):
        counts = round(values[0] * n), int(n)
    return summary(values, counts=counts)


def scaled(found: Summary, factor: float) -> Summary:
    """The same in another unit.

    >>> scaled(summary([0.25, 0.75]), 100.0).mean
    50.0
    """
    return found._replace(**{name: getattr(found, name) * factor for name in ("mean", "sd", "low", "high")})


def moved(found: Summary, by: float) -> Summary:
    """The same with another zero.

    >>> moved(summary([1.0, 2.0]), -1.0)[:1]
    (0.5,)
    """
    changes: dict[str, Any] = {name: getattr(found, name) + by for name in ("mean", "low", "high")}
    return found._replace(**changes)
