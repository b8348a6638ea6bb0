"""Tables of a publication as plots: a row a setting, and a series a column, where the layout asks for it."""

from collections.abc import Iterator
from functools import partial

from art_snn.recipes import ComparedTable
from art_snn.report.findings import Findings, over_seeds
from art_snn.report.plots.draft import Draft, bars_told, points_told, series_of
from art_snn.report.plots.drawing import Series, in_figures, rows_figure


def compared_drafts(found: Findings) -> Iterator[Draft]:
    """What was measured for a recipe, as its publication shows it."""
    for table in found.compared:
        rows = [row.label for row in table.rows]
        series = [_series(table, place) for place in range(len(table.columns))] if table.layout.plot else []
        for some in in_figures(series, [column.name for column in table.columns]):
            yield Draft(
                "as-published",
                f"{table.layout.item}: {table.layout.title}",
                bars_told(some),
                points_told(some, "", rows),
                partial(rows_figure, rows, some, table.layout.plot),
            )


def _series(table: ComparedTable, place: int) -> Series:
    measured = [row.cells[place].measured or over_seeds([]) for row in table.rows]
    return series_of(table.columns[place].name, range(len(measured)), measured)
