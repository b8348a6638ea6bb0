"""Results of a sweep as a table: one line a cell and model."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from art_snn.sweep.folder import SweepFolder

_TOO_LONG = ("models", "defences")  # lists of tables: the line is one model's


def load_results(folder: str | Path, table: str = "rows") -> pd.DataFrame:
    """All cells of a sweep, one line a cell and model, or of another table one line a cell and row.

    Args:
        folder: Where `art-snn run` or `Sweep.run` wrote.
        table: "rows"; of cells with defences also "detection", "verdicts", "elimination" or "failures".

    Returns:
        The columns of a row of `results.json`, before them `cell` (its hash), `seed`, and the spec as dotted paths
        (`attack.percent_poison`, …); of a cell that failed one line with `error`. Numbers that are null are NaN.

    Raises:
        FileNotFoundError: If there is no cell.
    """
    return frame(SweepFolder(Path(folder)).cells(), table)


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
    defences = ", ".join(json.dumps(one) for one in cell["spec"]["defences"])
    shared = {"cell": cell["hash"], "seed": seed, "versions": versions, "defences": defences, **spec}
    if "error" in cell:
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
