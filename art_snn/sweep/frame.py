"""Results of a sweep as tables: one line a cell and model, and what else was measured."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from art_snn._validation import check_choice
from art_snn.experiment import Experiment
from art_snn.experiment.trainings import digest
from art_snn.sweep.folder import SweepFolder
from art_snn.sweep.measured import MEASURED, measured, n_tested

TABLES = ("rows", "detection", "verdicts", "elimination", "failures", *MEASURED)
_TOO_LONG = ("models", "defences")  # lists of tables: the line is one model's
_OF_FILES = ("poisoned.rows",)  # as long as a training set


def load_results(folder: str | Path, table: str = "rows") -> pd.DataFrame:
    """All cells of a sweep, one line a cell and model, or of another table one line a cell and row.

    Args:
        folder: Where `art-snn run` or `Sweep.run` wrote; its cells come in the order of its spec.
        table: "rows"; of cells with defences also "detection", "verdicts", "elimination" or "failures"; of what else
            was measured "over_time" (a line a model and T), "onset_length" (a model, begin and length of the trigger),
            "stealth" (a cell), "cost" (a model), "layers" (a model and layer, of the cost), "epochs" (a model and
            epoch), "voltages" (a model) or "thresholds" (a model and layer).

    Returns:
        The columns of a row of `results.json`, before them `cell` (its hash), `seed`, `versions`, `defences` and
        `models` (as JSON), and the spec as dotted paths (`attack.percent_poison`, …); of a cell that failed "rows" has
        one line with `error`, the others have `n_test`, the number of clean test samples. Numbers that are null are
        NaN. Numbers of poisoned rows are in the cells' files alone.

    Raises:
        FileNotFoundError: If there is no cell.
        ValueError: If there is no such table.
    """
    check_choice("table", table, TABLES)
    return frame(_cells(folder), table)


def load_tables(folder: str | Path, only: Iterable[str] | None = None) -> dict[str, pd.DataFrame]:
    """All tables of a sweep by name, for a report.

    Args:
        folder: Where `art-snn run` or `Sweep.run` wrote.
        only: Hashes of the cells that count; None for all.

    Raises:
        FileNotFoundError: If there is no cell.
    """
    chosen = None if only is None else set(only)
    cells = [cell for cell in _cells(folder) if chosen is None or cell["hash"] in chosen]
    return {table: frame(cells, table) for table in TABLES}


def _cells(folder: str | Path) -> list[dict[str, Any]]:
    """All cells in the order of the spec that is kept beside them; others, as of an older spec, follow."""
    cells = list(SweepFolder(Path(folder)).cells())
    try:
        spec = Experiment.from_toml(Path(folder) / "spec.toml")
    except (FileNotFoundError, ValueError):  # of cells that were copied, or from another version
        return cells
    places = {digest(cell.model_dump(mode="json")): place for place, cell in enumerate(spec.cells())}
    return sorted(cells, key=lambda cell: places.get(digest(cell["spec"]), len(places)))


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
    for row in measured(cell, table) if table in MEASURED else cell.get(table, ()):
        own = dict(_flat({"model": models[row["model"]]})) if "model" in row else {}
        counted = {"n_test": n_tested(row)} if table == "rows" else {}
        yield {**shared, **own, **dict(_flat(row, is_row=True)), **counted}


def _flat(table: Mapping[str, Any], above: str = "", is_row: bool = False) -> Iterator[tuple[str, Any]]:
    """Nested tables as dotted paths."""
    for name, value in table.items():
        path = f"{above}{name}"
        if isinstance(value, Mapping):
            yield from _flat(value, f"{path}.", is_row)
        elif path not in (_OF_FILES if is_row else _TOO_LONG):
            yield path, value
