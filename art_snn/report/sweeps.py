"""The report on a sweep as text and as files: Markdown, CSV and LaTeX."""

import csv
from collections.abc import Iterable
from pathlib import Path

from art_snn._files import write_whole
from art_snn.report.latex import latex_table
from art_snn.report.markdown import markdown_table, markdown_text
from art_snn.report.report_table import ReportTable
from art_snn.report.sweep_tables import TABLES


def sweep_text(tables: Iterable[ReportTable]) -> str:
    """The tables that are for people in Markdown, for a terminal or a page.

    Args:
        tables: What `report_tables` gives.
    """
    return "\n\n".join(_section(table) for table in tables if len(table.shown))


def _section(table: ReportTable) -> str:
    notes = "\n".join(f"- {markdown_text(note)}" for note in table.notes)
    return "\n\n".join(part for part in (f"## {table.title}", markdown_table(table.shown), notes) if part)


def write_sweep(tables: Iterable[ReportTable], folder: Path, opening: str = "", closing: str = "") -> list[Path]:
    """Write `report.md`, and each table as NAME.csv and, if it is for people, NAME.tex; the main one is `table`.

    Files of tables that an older report had, and this one has not, are removed.

    Args:
        tables: What `report_tables` gives.
        folder: Where to.
        opening: Markdown above the tables.
        closing: Markdown below them.

    Returns:
        The paths of the files.
    """
    tables = list(tables)
    for name in set(TABLES) - {table.name for table in tables}:
        for kind in ("csv", "tex"):
            (folder / f"{name}.{kind}").unlink(missing_ok=True)
    text = "\n\n".join(filter(None, [opening, sweep_text(tables), closing]))
    written = [write_whole(folder / "report.md", _bytes(text + "\n"))]
    for table in tables:
        written.append(write_whole(folder / f"{table.name}.csv", _bytes(_csv(table))))
        if len(table.shown):
            written.append(write_whole(folder / f"{table.name}.tex", _bytes(latex_table(table.shown, table.notes))))
    return written


def _csv(table: ReportTable) -> str:
    """All strings in quotes, whatever signs they hold."""
    return str(table.numbers.to_csv(index=False, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC))


def _bytes(text: str) -> bytes:
    """A file may hold half of a sign, which has no bytes."""
    return text.encode(errors="backslashreplace")
