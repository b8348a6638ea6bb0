"""Published beside measured: the tables of a recipe's publication, filled in, as tables of a report."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pandas as pd

from art_snn.metrics.statistics import Summary
from art_snn.recipes import ComparedCell, ComparedTable
from art_snn.report.reasons import NO_FIGURE
from art_snn.report.report_table import ReportTable
from art_snn.report.settings import heading_of
from art_snn.report.table_kinds import three_digits

_UNITS = {"%": "{:.2f}", "s": "{:.3g}"}  # as publications print them


def published_tables(compared: Iterable[ComparedTable]) -> tuple[ReportTable, ...]:
    """A line for each figure of the publication's tables: published, measured, what separates them, its interval.

    Args:
        compared: What `art_snn.recipes.compared` gives.
    """
    names: dict[str, int] = {}
    found = []
    for table in compared:
        stem = "-".join(["published", *re.findall(r"[a-z0-9]+", table.layout.item.lower())])
        names[stem] = names.get(stem, 0) + 1
        found.append(_table(stem if names[stem] == 1 else f"{stem}-{names[stem]}", table))
    return tuple(found)


def _table(name: str, table: ComparedTable) -> ReportTable:
    cells = [
        (row.label, column, cell)
        for row in table.rows
        for column, cell in zip(table.columns, row.cells, strict=True)
        if cell.published or cell.measured
    ]
    of_row = row_heading(table)
    numbers = [
        {"row": label, "column": column.name, "unit": column.unit, **_numbers(cell)} for label, column, cell in cells
    ]
    shown = [{of_row: label, "figure": column.name, **in_figures(cell, column.unit)} for label, column, cell in cells]
    return ReportTable(
        name,
        f"{table.layout.item}: {table.layout.title}",
        pd.DataFrame(shown),
        pd.DataFrame(numbers),
        (*_otherwise(table), *figures_notes(table)),
        {"row": of_row, "column": "figure"},
    )


def row_heading(table: ComparedTable) -> str:
    """What tells the rows of a table apart, in words."""
    return ", ".join(map(heading_of, table.layout.rows))


def figures_notes(table: ComparedTable) -> tuple[str, ...]:
    """What the figures of a table mean: differences and their intervals where there are any, and what has none."""
    compared = [cell.difference for row in table.rows for cell in row.cells if cell.difference]
    difference = ["Difference: measured less published, in points where both are in %."] if compared else []
    kinds = dict.fromkeys(f"In brackets: {one.interval_text}." for one in compared if one.kind != "none")
    noted = dict.fromkeys(f"{row.label}: {cell.note}." for row in table.rows for cell in row.cells if cell.note)
    return (*difference, *kinds, *noted)


def _otherwise(table: ComparedTable) -> list[str]:
    return [f"Measured otherwise than published: {'; '.join(table.notes)}."] if table.notes else []


def in_figures(cell: ComparedCell, unit: str) -> dict[str, str]:
    """One figure in words: published, measured, the difference, and the interval of that."""
    return {
        "published": _written(cell.published.value, unit) if cell.published else NO_FIGURE,
        "measured": _mean(cell.measured, unit) if cell.measured else NO_FIGURE,
        "difference": _mean(cell.difference, unit, is_difference=True) if cell.difference else NO_FIGURE,
        "interval": _interval(cell.difference, unit) if cell.difference else NO_FIGURE,
    }


def _mean(found: Summary, unit: str, is_difference: bool = False) -> str:
    if found.mean != found.mean:
        return NO_FIGURE
    return ("+" if is_difference and found.mean > 0 else "") + _written(found.mean, unit)


def _interval(found: Summary, unit: str) -> str:
    if found.low != found.low:
        return NO_FIGURE
    return f"[{found.low:+.2f}, {found.high:+.2f}]" if unit == "%" else f"[{found.low:+.3g}, {found.high:+.3g}]"


def _written(value: float, unit: str) -> str:
    return _UNITS[unit].format(value) if unit in _UNITS else three_digits(value)


def _numbers(cell: ComparedCell) -> Mapping[str, Any]:
    published = cell.published
    return {
        "published": published.value if published else None,
        "page": published.page if published else "",
        **dict(_parts("measured", cell.measured)),
        **dict(_parts("difference", cell.difference)),
        "note": cell.note,
    }


def _parts(name: str, found: Summary | None) -> Iterator[tuple[str, Any]]:
    for part in ("mean", "sd", "n", "low", "high", "kind"):
        yield f"{name}.{'interval' if part == 'kind' else part}", getattr(found, part) if found else None
