"""Differences that a report claims, tested: paired over seeds, and corrected for the number of tests."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from art_snn.metrics import corrected, paired_difference
from art_snn.metrics.statistics import Difference
from art_snn.report.pooling import grouped, keys_in_words, with_columns
from art_snn.report.reasons import NO_FIGURE
from art_snn.report.report_table import ReportTable
from art_snn.report.settings import Settings
from art_snn.report.table_kinds import FIGURES, Tables

COMPARED = ("accuracy", "asr")
_NOTES = (
    "difference: model less against, mean over the seeds that have both; in brackets the 95 % interval of that one "
    "difference by Student's t.",
    "p: paired t-test over seeds, which assumes differences that are roughly normal.",
)
Tested = tuple[dict[str, Any], Difference]


def differences_table(tables: Tables, settings: Settings) -> ReportTable:
    """Each model against the first one of its spec, and the ASR behind each elimination against that before.

    Args:
        tables: Lines of all cells: "rows", and "elimination" where there were any.
        settings: Settings of the cells.
    """
    pairs = [*_between_models(tables["rows"], settings), *_behind_defences(tables.get("elimination"), settings)]
    tested = corrected([difference for _, difference in pairs])
    lines = [{**key, **found._asdict()} for (key, _), found in zip(pairs, tested, strict=True)]
    n_tests = sum(not math.isnan(one.p) for one in tested)
    correction = f"p corrected: by Holm, for the number of tests of this report, {n_tests}; the verdict goes by it."
    return ReportTable(
        "differences",
        "Differences",
        pd.DataFrame([_in_words(line, settings) for line in lines]),
        pd.DataFrame(lines),
        (*_NOTES, correction),
        settings.headings_of((*settings.axes, "figure", "model", "against", "defence")),
    )


def _between_models(rows: pd.DataFrame, settings: Settings) -> Iterator[Tested]:
    by_setting: dict[str, list[tuple[dict[str, Any], pd.DataFrame]]] = {}
    narrow = with_columns(rows, ("model", *COMPARED, *(FIGURES[figure].of for figure in COMPARED)))
    for key, lines in grouped(settings.added(narrow), (*settings.axes, "model")):
        by_setting.setdefault(repr([key[axis] for axis in settings.axes]), []).append((key, lines))
    for (first, reference), *others in by_setting.values():
        for figure in COMPARED:
            for key, lines in others:
                named = {**key, "figure": figure, "against": first["model"], "defence": ""}
                yield named, _compared(lines, reference, figure, figure, FIGURES[figure].of or "")


def _behind_defences(rows: pd.DataFrame | None, settings: Settings) -> Iterator[Tested]:
    if rows is None or not len(rows):
        return
    narrow = with_columns(rows, ("model", "defence", "asr_after", "asr_before", "n_asr"))
    for key, lines in grouped(settings.added(narrow), (*settings.axes, "model", "defence")):
        named = {**key, "figure": "asr", "against": key["model"]}
        yield named, _compared(lines, lines, "asr_after", "asr_before", "n_asr")


def _compared(lines: pd.DataFrame, against: pd.DataFrame, figure: str, other: str, of: str) -> Difference:
    """Two figures by seed; `of` is the number of samples of which both are shares."""
    sides = lines.set_index("seed")[figure].align(against.set_index("seed")[other], join="inner")
    return paired_difference(*(side.to_numpy(float) for side in sides), resolution=1 / max(1, int(lines[of].max())))


def _in_words(line: Mapping[str, Any], settings: Settings) -> dict[str, str]:
    mean, low, high = (line[name] for name in ("mean", "low", "high"))
    difference = NO_FIGURE if math.isnan(mean) else f"{mean:+.3f}"
    interval = "" if math.isnan(low) else f" [{low:+.3f}, {high:+.3f}]"
    return {
        **keys_in_words(line, settings.headings),
        "figure": FIGURES[line["figure"]].heading,
        "model": line["model"] + (f" behind {line['defence']}" if line["defence"] else ""),
        "against": line["against"],
        "difference": f"{difference}{interval}",
        "p": _p(line["p"]),
        "p corrected": _p(line["p_corrected"]),
        "verdict": line["verdict"],
        "seeds": f"{line['n']}",
    }


def _p(value: float) -> str:
    return NO_FIGURE if math.isnan(value) else "< 0.001" if value < 0.001 else f"{value:.3f}"
