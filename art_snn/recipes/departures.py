"""Where results were measured otherwise than published: other data, fewer samples, smaller networks."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from art_snn.experiment import Experiment, with_values
from art_snn.experiment.grid import points
from art_snn.recipes.recipe import Recipe

_PATHS = {  # column of the results -> what it is in a sentence
    "data.name": "data",
    "data.limit": "samples of each split, at most",
    "data.n_bins": "time bins",
    "network.name": "networks",
    "network.width": "width of the networks",
    "training.epochs": "epochs",
    "model.timesteps": "time steps",
}


def departures(recipe: Recipe, rows: pd.DataFrame) -> tuple[str, ...]:
    """What was measured otherwise than published, a sentence each.

    Args:
        recipe: The recipe that was run; what it says at full scale is what was published.
        rows: Results, as `art_snn.sweep.load_results` gives them.
    """
    published = _published(recipe)
    found = []
    for path, words in _PATHS.items():
        if path not in rows:
            continue
        measured = _distinct(rows[path])
        if not set(measured) <= set(published[path]):
            found.append(f"{words}: {_told(measured)} in place of {_told(published[path])}")
    return tuple(found)


def _published(recipe: Recipe) -> dict[str, list[Any]]:
    values: dict[str, list[Any]] = {path: [] for path in _PATHS}
    for cell in Experiment(**_short(recipe.given("full", "paper"))).cells():
        plain = cell.model_dump()
        for path in _PATHS:
            section, _, name = path.partition(".")
            tables = plain["models"] if section == "model" else [plain.get(section, {})]
            values[path] += [table.get(name) for table in tables if isinstance(table, dict)]
    return {path: _distinct(found) for path, found in values.items()}


def _short(given: Mapping[str, Any]) -> dict[str, Any]:
    """One place, seed and attack, on none of which these values depend: a recipe may stand for a thousand cells."""
    (axes,) = points({}, [given.get("grid", {})])
    grid = {path: values[:1] if path.startswith("attack.") else values for path, values in axes.items()}
    return with_values({**given, "grid": grid}, {"data.root": ".", "run.seeds": [0]})


def _distinct(values: Iterable[Any]) -> list[Any]:
    return list(dict.fromkeys(None if value is None or pd.isna(value) else value for value in values))


def _told(values: list[Any]) -> str:
    told = [f"{value:g}" if isinstance(value, float) else str(value) for value in values if value is not None]
    return ", ".join(told) or "all"
