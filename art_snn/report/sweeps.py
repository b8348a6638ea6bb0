"""The report on a sweep as text and as files: Markdown, CSV and LaTeX."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from art_snn._files import write_whole
from art_snn.report.latex import latex_table
from art_snn.report.markdown import markdown_table, markdown_text
from art_snn.report.report_table import ReportTable
from art_snn.report.sweep_tables import report_tables


def sweep_text(tables: Mapping[str, pd.DataFrame]) -> str:
    """All tables in Markdown, for a terminal or a page.

    Args:
        tables: What `art_snn.sweep.load_tables` gives.
    """
    return "\n\n".join(map(_section, report_tables(tables)))


def _section(table: ReportTable) -> str:
    notes = "\n".join(f"- {markdown_text(note)}" for note in table.notes)
    return "\n\n".join(part for part in (f"## {table.title}", markdown_table(table.shown), notes) if part)


def write_sweep(tables: Mapping[str, pd.DataFrame], folder: Path) -> list[Path]:
    """Write `report.md`, and each table as CSV and as LaTeX; the main one as `table.csv` and `table.tex`.

    Args:
        tables: What `art_snn.sweep.load_tables` gives.
        folder: Where to.

    Returns:
        The paths of the files.
    """
    written = [write_whole(folder / "report.md", (sweep_text(tables) + "\n").encode())]
    for table in report_tables(tables):
        numbers = table.numbers.to_csv(index=False, lineterminator="\n")
        written.append(write_whole(folder / f"{table.name}.csv", numbers.encode()))
        written.append(write_whole(folder / f"{table.name}.tex", latex_table(table.shown, table.notes).encode()))
    return written
