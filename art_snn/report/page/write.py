"""Writing the page: what a sweep found, put into the template; whatever came from a file is escaped."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from art_snn._files import write_whole
from art_snn.recipes import RecipeRun, compared, recipe_run
from art_snn.report.findings import Findings
from art_snn.report.page import provenance, words
from art_snn.report.page.triggers import TriggerPictures, trigger_pictures
from art_snn.report.plots import plots
from art_snn.report.plots.style import one_line
from art_snn.report.published import in_figures, notes_of
from art_snn.report.reasons import NO_FIGURE
from art_snn.report.report_table import ReportTable
from art_snn.report.sweep_tables import report_tables

_NUMBER = r"[<+-]? ?[\d.,]+(?: ± [\d.,]+)?|\d+ of \d+"
_FIGURE = re.compile(rf"(?P<mean>{_NUMBER})(?P<interval> \[[^\]]*\])?(?P<seeds> \([^)]*\))?(?P<mark> \?)?")


class Cell(NamedTuple):
    """One cell of a table.

    Args:
        text: What stands in it; of a figure the mean, its spread and its mark.
        small: What stands below that: the interval of a figure, and how many seeds have one.
        kind: "key" where it tells lines apart, "figure", "none" where there is none, or "text".
    """

    text: str
    small: tuple[str, ...] = ()
    kind: str = "text"


def write_page(
    folder: Path,
    cells: Sequence[Mapping[str, Any]],
    tables: Mapping[str, pd.DataFrame],
    *,
    with_pictures: bool = True,
) -> Path:
    """Write `report.html` into the folder of a sweep; the same folder gives the same page.

    Args:
        folder: The folder, whose `spec.toml` and `recipe.toml` the page shows.
        cells: Contents of its cells.
        tables: What `art_snn.sweep.load_tables` makes of them.
        with_pictures: Whether triggers are shown, for which the data are read.

    Returns:
        The path of the page.

    Raises:
        ValueError: If the folder's `recipe.toml` names no recipe.
    """
    pictures = trigger_pictures(cells) if with_pictures else []
    text = page_text(Findings(cells, tables), provenance.spec_in(folder), recipe_run(folder), pictures)
    return write_whole(folder / "report.html", text.encode(errors="replace"))


def page_text(
    found: Findings,
    spec: provenance.Spec,
    run: RecipeRun | None = None,
    pictures: Sequence[TriggerPictures] = (),
) -> str:
    """The page as text.

    Args:
        found: What the sweep found.
        spec: The file it was made from.
        run: The recipe that was run, where it was one.
        pictures: What its triggers do.
    """
    tables = report_tables(found.tables)
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            title=one_line(run.recipe.title if run else _title(found), 160),
            summary=words.summary(found, run),
            doubts=words.doubts(found, spec.given, run),
            run=run,
            compared=compared(run.recipe, found.tables) if run else (),
            outcomes=words.outcomes(found),
            differences=words.differences(tables),
            tables=[table for table in tables if table.name != "problems" and len(table.shown)],
            problems=[table for table in tables if table.name == "problems"],
            plots=list(plots(found)),
            pictures=pictures,
            spec=spec,
            settings=provenance.settings_in_full(found.cells),
            machines=provenance.machines(found.cells),
            duration=provenance.duration(provenance.seconds(found.cells)),
            command=partial(provenance.command, run=run.command) if run else provenance.command,
        )
    )


def _title(found: Findings) -> str:
    triggers = dict.fromkeys(str(cell["spec"]["attack"]["trigger"]) for cell in found.cells)
    titles = dict.fromkeys(str(cell["title"]) for cell in found.cells if "title" in cell)
    return f"Backdoors by {', '.join(triggers)} triggers" + " on " * bool(titles) + ", ".join(titles)


def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("art_snn.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_printable,
    )
    made.filters |= {"rows": _rows, "in_figures": in_figures, "notes": notes_of}
    return made


def _printable(value: Any) -> Any:
    """Without the control characters that a page must not have; `str` alone, for markup is made here."""
    if type(value) is not str:
        return value
    return "".join(one if one == "\n" or unicodedata.category(one) not in ("Cc", "Cs") else "�" for one in value)


def _rows(table: ReportTable) -> list[list[tuple[str, Cell]]]:
    """Cells of a table with their headings, line by line; those that tell lines apart come first."""
    headings, keys = [str(name) for name in table.shown.columns], set(table.keys.values())
    lines = (
        [_cell(*one) for one in zip(line, map(keys.__contains__, headings), strict=True)]
        for line in table.shown.to_numpy()
    )
    return [list(zip(headings, line, strict=True)) for line in lines]


def _cell(value: Any, is_key: bool) -> Cell:
    text = "" if value is None else str(value)
    found = _FIGURE.fullmatch(text)
    if is_key or not found:
        return Cell(text, kind="key" if is_key else "none" if text in ("", NO_FIGURE) else "text")
    small = (found[part].strip() for part in ("interval", "seeds") if found[part])
    return Cell(found["mean"] + (found["mark"] or ""), tuple(small), "figure")
