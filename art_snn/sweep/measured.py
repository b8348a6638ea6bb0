"""What was measured in a cell beside figures of models and defences, as lines of tables."""

from collections.abc import Callable, Iterator, Mapping
from itertools import product
from typing import Any

Line = dict[str, Any]
_OF_POINTS = ("accuracy", "asr", "accuracy_clean", "floor", "doubts")  # lists over time steps


def _over_time(measures: Mapping[str, Any], _: Mapping[str, Mapping[str, Any]]) -> Iterator[Line]:
    """A line a model and number of time steps."""
    for model, curve in measures.get("over_time", {}).items():
        for place, timesteps in enumerate(curve["timesteps"]):
            figures = {name: curve[name][place] for name in _OF_POINTS if name in curve}
            yield {"model": model, "timesteps": timesteps, **figures, "n": curve["n"], "n_asr": curve["n_asr"]}


def _onset_length(measures: Mapping[str, Any], _: Mapping[str, Mapping[str, Any]]) -> Iterator[Line]:
    """A line a model, begin and length of the trigger."""
    for model, found in measures.get("onset_length", {}).items():
        for (i, onset), (j, length) in product(enumerate(found["onsets"]), enumerate(found["lengths"])):
            figures = {name: found[name][i][j] for name in ("asr", "floor") if name in found}
            counts = {name: found[name] for name in ("n_asr", "n_bins", "doubts") if name in found}
            yield {"model": model, "onset": onset, "length": length, **figures, **counts}


def _stealth(measures: Mapping[str, Any], _: Mapping[str, Mapping[str, Any]]) -> Iterator[Line]:
    """One line, as no model is asked; a line a model where each has learned a trigger of its own."""
    found = measures.get("stealth", {})
    if not all(isinstance(value, Mapping) for value in found.values()):
        yield dict(found)
        return
    yield from ({"model": model, **values} for model, values in found.items())


def _cost(measures: Mapping[str, Any], rows: Mapping[str, Mapping[str, Any]]) -> Iterator[Line]:
    """A line a model, with what its trainings took."""
    for model, found in measures.get("cost", {}).items():
        parts = product(("seconds", "peak_memory"), enumerate(("clean", "poisoned")))
        training = {
            f"training_{name}_{of}": rows[model].get(f"training_{name}", (None, None))[place]
            for name, (place, of) in parts
        }
        yield {"model": model, **training, **{n: value for n, value in found.items() if not isinstance(value, Mapping)}}


def n_tested(row: Mapping[str, Any]) -> int:
    """The number of clean test samples: those that count for success, those of the target, and all others.

    >>> n_tested({"n_asr_all": 92, "n_others": 358})
    450
    """
    return int(row["n_asr_all"] + row.get("n_others", 0))


def _layers(measures: Mapping[str, Any], _: Mapping[str, Mapping[str, Any]]) -> Iterator[Line]:
    """A line a model and layer: operations of those with weights, outputs of those of neurons or activations."""
    for model, found in measures.get("cost", {}).items():
        for kind in ("synapses", "activations"):
            for layer, counts in found.get(kind, {}).items():
                yield {"model": model, "layer": layer, **counts}


def _epochs(_: Mapping[str, Any], rows: Mapping[str, Mapping[str, Any]]) -> Iterator[Line]:
    """A line a model and epoch."""
    for model, row in rows.items():
        for number, figures in enumerate(row.get("epochs", ()), start=1):
            counts = {"n": n_tested(row), "n_asr": row["n_asr"]}
            yield {"model": model, "epoch": number, "step": None, **figures, **counts}  # older results tell no step


def _voltages(measures: Mapping[str, Any], _: Mapping[str, Mapping[str, Any]]) -> Iterator[Line]:
    """A line a model, with the statistics of its voltages and of those of its clean twin."""
    for model, found in measures.get("voltages", {}).items():
        if found:
            yield {"model": model, **{name: found[name] for name in ("layer", "separation", "distance")}}


def _thresholds(measures: Mapping[str, Any], _: Mapping[str, Mapping[str, Any]]) -> Iterator[Line]:
    """A line a model and layer."""
    for model, layers in measures.get("thresholds", {}).items():
        for layer, thresholds in (layers or {}).items():
            yield {"model": model, "layer": layer, **thresholds}


MEASURED: dict[str, Callable[[Mapping[str, Any], Mapping[str, Mapping[str, Any]]], Iterator[Line]]] = {
    "over_time": _over_time,
    "onset_length": _onset_length,
    "stealth": _stealth,
    "cost": _cost,
    "layers": _layers,
    "epochs": _epochs,
    "voltages": _voltages,
    "thresholds": _thresholds,
}


def measured(cell: Mapping[str, Any], table: str) -> Iterator[Line]:
    """The lines of one of the tables in `MEASURED`.

    Args:
        cell: What the file of a cell holds.
        table: Name of the table.
    """
    return MEASURED[table](cell.get("measures", {}), {row["model"]: row for row in cell.get("rows", ())})
