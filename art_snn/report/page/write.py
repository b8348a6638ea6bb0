"""Writing the page: what a sweep found, put into the template; whatever came from a file is escaped."""

import base64
import re
import unicodedata
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from art_snn._files import write_whole
from art_snn.report import words
from art_snn.report.doubts import doubts
from art_snn.report.findings import Findings
from art_snn.report.page import provenance
from art_snn.report.plots import MOST, PlotGroup
from art_snn.report.plots.style import one_line
from art_snn.report.published import figures_notes, in_figures, row_heading
from art_snn.report.reasons import NO_FIGURE
from art_snn.report.report_table import ReportTable
from art_snn.report.trigger_pictures import TriggerPictures

_MOST_BYTES = 1 << 22  # of one picture
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
    folder: Path, found: Findings, drawn: Sequence[PlotGroup], pictures: Sequence[TriggerPictures] = ()
) -> Path:
    """Write `report.html` into a folder; the same findings give the same page.

    Args:
        folder: Where to.
        found: What the sweep found.
        drawn: Plots of the findings by heading, as `plots` draws them.
        pictures: What its triggers do.

    Returns:
        The path of the page.
    """
    return write_whole(folder / "report.html", page_text(found, drawn, pictures).encode(errors="replace"))


def page_text(found: Findings, drawn: Sequence[PlotGroup], pictures: Sequence[TriggerPictures] = ()) -> str:
    """The page as text.

    Args:
        found: What the sweep found.
        drawn: Plots of the findings by heading.
        pictures: What its triggers do.
    """
    shown = [table for table in found.report if len(table.shown)]
    template = _environment().get_template("page.html.j2")
    return template.render(
        found=found,
        title=one_line(words.title(found), 160),
        summary=words.summary(found),
        doubts=doubts(found),
        outcomes=words.outcomes(found),
        differences=words.differences(found.report),
        tables=[table for table in shown if table.name != "problems" and not table.name.startswith("published")],
        problems=[table for table in shown if table.name == "problems"],
        plots=drawn,
        most=MOST,
        pictures=pictures,
        settings=provenance.settings_in_full(found.cells),
        machines=provenance.machines(found.cells),
        duration=provenance.duration(provenance.seconds(found.cells)),
        command=partial(provenance.command, run=provenance.run_of(found)),
    )


def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("art_snn.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_printable,
    )
    made.filters |= {"rows": _rows, "in_figures": in_figures, "notes": figures_notes, "row_heading": row_heading}
    made.filters["uri"] = _uri
    return made


def _printable(value: Any) -> Any:
    """Without the control characters that a page must not have; `str` alone, for markup is made here."""
    if type(value) is not str:
        return value
    return "".join(one if one == "\n" or unicodedata.category(one) not in ("Cc", "Cs") else "�" for one in value)


def _uri(picture: bytes, kind: str) -> str:
    """A picture inside the page; empty where there is none, or one that is too large for that."""
    is_there = 0 < len(picture) <= _MOST_BYTES
    return f"data:image/{kind};base64,{base64.b64encode(picture).decode()}" if is_there else ""


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
