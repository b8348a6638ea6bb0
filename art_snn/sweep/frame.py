"""Results of a sweep as tables: one line a cell and model, and what else was measured."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from art_snn.sweep.folder import SweepFolder

TABLES = ("rows", "detection", "verdicts", "elimination", "failures")
_TOO_LONG = ("models", "defences")  # lists of tables: the line is one model's


def load_results(folder: str | Path, table: str = "rows") -> pd.DataFrame:
    """All cells of a sweep, one line a cell and model, or of another table one line a cell and row.

    Args:
        folder: Where `art-snn run` or `Sweep.run` wrote.
        table: One of `TABLES`: "rows"; of cells with defences also "detection", "verdicts", "elimination", "failures".

    Returns:
        The columns of a row of `results.json`, before them `cell` (its hash), `seed`, `versions`, `defences` and
        `models` (as JSON), and the spec as dotted paths (`attack.percent_poison`, …); of a cell that failed "rows" has
        one line with `error`. Numbers that are null are NaN.

    Raises:
        FileNotFoundError: If there is no cell.
    """
    return frame(SweepFolder(Path(folder)).cells(), table)


def load_tables(folder: str | Path, only: Iterable[str] | None = None) -> dict[str, pd.DataFrame]:
    """All tables of a sweep by name, for a report.

    Args:
        folder: Where `art-snn run` or `Sweep.run` wrote.
        only: Hashes of the cells that count; None for all.

    Raises:
        FileNotFoundError: If there is no cell.
    """
    chosen = None if only is None else set(only)
    cells = [cell for cell in SweepFolder(Path(folder)).cells() if chosen is None or cell["hash"] in chosen]
    return {table: frame(cells, table) for table in TABLES}


def frame(cells: Iterable[Mapping[str, Any]], table: str = "rows") -> pd.DataFrame:
    """The same of cells that have been read."""
    found = pd.DataFrame([line for cell in cells for line in _lines(cell, table)])
    for name in found.columns:
        if found[name].map(lambda value: value is None or isinstance(value, float)).all():
            found[name] = found[name].astype(float)  # null is NaN
    return found


def _lines(cell: Mapping[str, Any], table: str) -> Iterator[dict[str, Any]]:
    spec = dict(_flat(cell["spec"]))
    (seed,) = cell["spec"]["run"]["seeds"]
    versions = ", ".join(f"{name} {number}" for name, number in cell.get("environment", {}).get("versions", {}).items())
    lists = {name: ", ".join(json.dumps(one) for one in cell["spec"][name]) for name in _TOO_LONG}
    shared = {"cell": cell["hash"], "seed": seed, "versions": versions, **lists, **spec}
    if "error" in cell:
        if table == "rows":
            yield {**shared, "error": f"{cell['error']['kind']}: {cell['error']['text']}"}
        return
    models = {model["name"]: model for model in cell["spec"]["models"]}
    for row in cell.get(table, ()):
        own = dict(_flat({"model": models[row["model"]]}))
        yield {**shared, **own, **dict(_flat(row, is_row=True))}


def _flat(table: Mapping[str, Any], above: str = "", is_row: bool = False) -> Iterator[tuple[str, Any]]:
    """Nested tables as dotted paths."""
    for name, value in table.items():
        path = f"{above}{name}"
        if isinstance(value, Mapping):
            yield from _flat(value, f"{path}.", is_row)
        elif is_row or path not in _TOO_LONG:
            yield path, value
