"""What stands against the figures of a sweep: doubts, defences that failed, cells that failed."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pandas as pd

from art_snn.report.pooling import keys_in_words
from art_snn.report.report_table import ReportTable
from art_snn.report.settings import Settings

GRADES = ("invalid", "caution", "failed")
_MOST = 3  # settings that are named
_WHERE = ("model", "defence", "timesteps")
_NOTES = (
    "invalid: no figure is given, as what is derived of such a model means nothing.",
    "caution: figures are given, marked by ?.",
    "failed: an error; the figures of that defence or cell are missing.",
)


def problems_table(tables: Mapping[str, pd.DataFrame], settings: Settings) -> ReportTable:
    """All problems, doubts first; a doubt about a model is told once, not for each defence of that model again."""
    each = {tuple(line.values()): line for line in _lines(tables)}.values()  # of a table of many figures, once
    lines = sorted(each, key=lambda line: GRADES.index(line["grade"]))
    told = {_said(line) for line in lines if line["table"] == "rows"}
    own = [line for line in lines if line["table"] == "rows" or _said(line) not in told]
    grades = {line["grade"] for line in lines}
    numbers = settings.added(pd.DataFrame(lines)) if lines else pd.DataFrame()
    return ReportTable(
        "problems",
        "Problems",
        pd.DataFrame(_in_words(own, settings)),
        numbers,
        tuple(note for note in _NOTES if note.partition(":")[0] in grades),
        settings.headings_of((*settings.axes, "cell", "model", "defence")),
    )


def _lines(tables: Mapping[str, pd.DataFrame]) -> Iterator[dict[str, Any]]:
    for name, table in tables.items():
        for row in table.to_dict("records"):
            where = {part: _text(row.get(part)) for part in _WHERE}
            line = {"table": name, "cell": row["cell"], "seed": row["seed"], **where}
            if isinstance(row.get("error"), str):
                yield {**line, "grade": "failed", "code": "", "problem": row["error"]}
            for column in ("doubts", "migration.doubts"):
                for code, grade, text in row[column] if isinstance(row.get(column), list) else ():
                    yield {**line, "grade": grade, "code": code, "problem": text}


def _said(line: Mapping[str, Any]) -> tuple[str, ...]:
    return line["cell"], line["model"], line["problem"]


def _text(value: Any) -> str:
    return "" if value is None or value != value else f"{value:g}" if isinstance(value, float) else str(value)


def _in_words(lines: Iterable[dict[str, Any]], settings: Settings) -> list[dict[str, str]]:
    """One line for what is the same of several seeds, settings or models."""
    alike: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for line in lines:
        alike.setdefault((line["grade"], line["code"] or line["problem"], _concerned(line)), []).append(line)
    merged: dict[tuple[str, ...], dict[str, None]] = {}
    for (grade, _, concerned), some in alike.items():
        texts = dict.fromkeys(line["problem"] for line in some)
        text = next(iter(texts)) + (f" (and {len(texts) - 1} like it)" if len(texts) > 1 else "")
        seeds = ", ".join(map(str, sorted({line["seed"] for line in some})))
        merged.setdefault((grade, text, _settings(some, settings), seeds), {})[concerned] = None
    return [
        {"grade": grade, "problem": text, "of": ", ".join(concerned), "settings": where, "seeds": seeds}
        for (grade, text, where, seeds), concerned in merged.items()
    ]


def _concerned(line: Mapping[str, Any]) -> str:
    if not line["model"]:
        return "the whole cell" if line["table"] == "rows" else str(line["table"]).replace("_", " ")
    behind = f" behind {line['defence']}" if line["defence"] else ""
    n = line["timesteps"]
    after = f" after {n} time step{'s' if n != '1' else ''}" if n else ""
    return f"{line['model']}{behind}{after}"


def _settings(lines: Iterable[Mapping[str, Any]], settings: Settings) -> str:
    """In which settings, each once."""
    found = dict.fromkeys(_setting(settings.values.loc[line["cell"]], settings) for line in lines)
    every = {_setting(values, settings) for _, values in settings.values.iterrows()}
    if found.keys() == every:
        return "all"
    named = "; ".join(list(found)[:_MOST])
    return named + (f" and {len(found) - _MOST} more" if len(found) > _MOST else "")


def _setting(values: pd.Series, settings: Settings) -> str:
    words = keys_in_words(values, settings.headings)
    return ", ".join(f"{heading} {word}" for heading, word in words.items() if word)
