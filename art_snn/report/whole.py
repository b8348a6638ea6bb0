"""All files of a report on a sweep."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from art_snn.recipes import recipe_run
from art_snn.report.findings import Findings
from art_snn.report.opening import opening_text
from art_snn.report.page import write_page
from art_snn.report.page.provenance import spec_in
from art_snn.report.picture_files import pictures_text, write_pictures
from art_snn.report.plots import plots
from art_snn.report.report_table import ReportTable
from art_snn.report.sweeps import write_sweep
from art_snn.report.trigger_pictures import trigger_pictures


class Report(NamedTuple):
    """A report that has been written.

    Args:
        tables: Tables of the report.
        paths: Paths of all files of the report.
    """

    tables: tuple[ReportTable, ...]
    paths: list[Path]


def write_report(
    folder: Path,
    cells: Sequence[Mapping[str, Any]],
    tables: Mapping[str, pd.DataFrame],
    *,
    with_pictures: bool = True,
) -> Report:
    """Write the page, and the same in Markdown, CSV and LaTeX, into the folder of a sweep.

    Args:
        folder: The folder, whose `spec.toml` and `recipe.toml` the report takes into account.
        cells: Contents of its cells.
        tables: What `art_snn.sweep.load_tables` makes of them.
        with_pictures: Whether triggers are shown, for which the data are read.

    Raises:
        ValueError: If the folder's `recipe.toml` names no recipe, or two cells of one setting and seed differ.
    """
    found = Findings(cells, tables, spec_in(folder), recipe_run(folder))
    drawn = list(plots(found))
    triggers = trigger_pictures(found.cells) if with_pictures else []
    page = write_page(folder, found, drawn, triggers)
    closing = pictures_text(drawn, triggers)
    texts = write_sweep(found.report, folder, opening_text(found), closing)
    return Report(found.report, [page, *texts, *write_pictures(folder, drawn, triggers)])
