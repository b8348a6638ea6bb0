"""Results of a sweep as a table: one line a cell and model."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from art_snn.sweep.folder import SweepFolder

_TOO_LONG = ("models", "defences")  # lists of tables: the line is one model's


def load_results(folder: str | Path) -> pd.DataFrame:
    """All cells of a sweep, one line a cell and model.

    Args:
        folder: Where `art-snn run` or `Sweep.run` wrote.

    Returns:
        The columns of a row of `results.json`, before them `cell` (its hash), `seed`, and the spec as dotted paths
        (`attack.percent_poison`, …); of a cell that failed one line with `error`. Numbers that are null are NaN.

    Raises:
        FileNotFoundError: If there is no cell.
    """
    return frame(SweepFolder(Path(folder)).cells())


def frame(cells: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """The same of cells that have been read."""
    table = pd.DataFrame([line for cell in cells for line in _lines(cell)])
    for name in table.columns:
        if table[name].map(lambda value: value is None or isinstance(value, float)).all():
            table[name] = table[name].astype(float)  # null is NaN
    return table


def _lines(cell: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    spec = dict(_flat(cell["spec"]))
    (seed,) = cell["spec"]["run"]["seeds"]
    shared = {"cell": cell["hash"], "seed": seed, **spec}
    if "error" in cell:
        yield {**shared, "error": f"{cell['error']['kind']}: {cell['error']['text']}"}
        return
    models = {model["name"]: model for model in cell["spec"]["models"]}
    for row in cell["rows"]:
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
