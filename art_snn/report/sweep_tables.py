"""The tables of a sweep: every figure over seeds with its interval, differences that are tested, and problems."""

from collections.abc import Iterable, Iterator, Mapping

import pandas as pd

from art_snn.recipes import ComparedTable
from art_snn.report.differences import differences_table
from art_snn.report.measure_kinds import MEASURE_KINDS
from art_snn.report.pooling import check_seeds_differ, pooled
from art_snn.report.problems import problems_table
from art_snn.report.published import published_tables
from art_snn.report.report_table import ReportTable
from art_snn.report.settings import Settings, settings_of
from art_snn.report.table_kinds import FIGURES, KINDS, MAIN, Kind

TABLES = ("problems", "differences", *KINDS, *MEASURE_KINDS)  # names of all that there can be


def report_tables(
    tables: Mapping[str, pd.DataFrame], compared: Iterable[ComparedTable] = ()
) -> tuple[ReportTable, ...]:
    """All tables of a report that have lines: problems, published figures, the main table, differences, and the others.

    Args:
        tables: What `art_snn.sweep.load_tables` gives: by name the lines of all cells; at least "rows".
        compared: What `art_snn.recipes.compared` gives, where a recipe was run.

    Raises:
        ValueError: If two cells of one setting and seed have other figures, as when the data have changed between them.
    """
    rows = tables["rows"]
    settings = settings_of(rows)
    done = rows[rows["error"].isna()] if "error" in rows else rows
    found = [problems_table(tables, settings), *published_tables(compared)]
    if len(done):
        check_seeds_differ(done, ("model",), tuple(FIGURES), settings)
        found += _tables({**tables, "rows": done}, settings)
    return tuple(table for table in found if len(table.numbers))


def _tables(tables: Mapping[str, pd.DataFrame], settings: Settings) -> Iterator[ReportTable]:
    for name, kind in {**KINDS, **MEASURE_KINDS}.items():
        lines = tables.get(kind.source or name, pd.DataFrame())
        if len(lines) and len(prepared := kind.prepared(lines, tables)):
            yield _table(name, kind, prepared, settings)
        if name == MAIN:
            yield differences_table(tables, settings)


def _table(name: str, kind: Kind, lines: pd.DataFrame, settings: Settings) -> ReportTable:
    found = pooled(lines, [key for key in kind.keys if key in lines], kind.quantities, settings)
    shown, notes = kind.shown(found), (*found.notes(), *kind.notes)
    headings = {name: one.heading for name, one in found.quantities.items()}
    return ReportTable(name, kind.title, shown, found.numbers, notes, found.keys, headings)
