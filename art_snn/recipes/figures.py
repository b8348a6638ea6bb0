"""The figures that a column of a table asks for, taken out of results."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from art_snn.recipes.tables import Column, Epoch, TableLayout, Term

_SAMPLES = {  # column of a share -> that of its denominator
    "accuracy": "n_test",
    "accuracy_clean": "n_test",
    "accuracy_target": "n_target",
    "accuracy_clean_target": "n_target",
    "asr": "n_asr",
    "asr_all": "n_asr_all",
    "asr_others": "n_others",
    "floor": "n_asr",
    "robust_accuracy": "n_asr",
}


def is_share_of(column: Column) -> bool:
    """Whether a column's figures are shares of test samples, as they stand in the results."""
    return column.figure in _SAMPLES and column.epoch == "last" and column.minus is None and column.over is None


def figures_by_seed(
    layout: TableLayout, column: Column, results: Mapping[str, pd.DataFrame]
) -> dict[str, pd.DataFrame]:
    """What was measured for one column.

    Args:
        layout: The table.
        column: One of its columns.
        results: Results by name of the table.

    Returns:
        By label of the row a frame with the columns `seed`, `value` and `n`, the denominator of a share, else NaN. A
        seed has several lines where the layout does not tell its cells apart.
    """
    frame = _shown(layout, results.get(column.table, pd.DataFrame()))
    if not {"model", *layout.rows} <= set(frame.columns):
        return {}
    own = frame[frame["model"] == column.model]
    if column.beside:
        own = own[own["cell"].isin(frame.loc[frame["model"] == column.beside, "cell"])]
    if column.defence:
        own = own[own["defence"] == column.defence]
    lines = [(layout.label(tuple(line[axis] for axis in layout.rows)), line) for _, line in own.iterrows()]
    found = pd.DataFrame([_line(label, line, column, frame) for label, line in lines])
    return {label: _averaged(rows, layout) for label, rows in found.groupby("label", sort=False)} if lines else {}


def _shown(layout: TableLayout, frame: pd.DataFrame) -> pd.DataFrame:
    """Cells that are done and that the table shows."""
    if "error" in frame:
        frame = frame[frame["error"].isna()]
    for path, value in layout.at.items():
        frame = frame[frame[path] == value] if path in frame else frame.iloc[:0]
    return frame


def _line(label: str, line: pd.Series, column: Column, frame: pd.DataFrame) -> dict[str, Any]:
    value = _taken(line, column.figure, column.epoch)
    if column.minus is not None:
        value -= _term(line, column, column.minus, frame)
    if column.over is not None:
        divisor = _term(line, column, column.over, frame)
        value = value / divisor if divisor else math.nan
    n = line.get(_SAMPLES.get(column.figure, ""), math.nan)
    return {"label": label, "seed": line["seed"], "value": value, "n": n}


def _term(line: pd.Series, column: Column, term: Term, frame: pd.DataFrame) -> float:
    """The other figure of a difference or a ratio, out of the same cell."""
    if term.model is not None:
        same = frame[(frame["cell"] == line["cell"]) & (frame["model"] == term.model)]
        if same.empty:
            return math.nan
        line = same.iloc[0]
    return _taken(line, term.figure or column.figure, term.epoch or column.epoch)


def _taken(line: pd.Series, figure: str, epoch: Epoch) -> float:
    """One figure of one row of results; NaN where it is not there."""
    if epoch != "last":
        kept = kept_epoch(_epochs_of_last_step(line), epoch)
        return math.nan if kept is None else _number(kept.get(figure))
    name, _, place = figure.rpartition(".")
    if place.isdigit():
        values = line.get(name)
        return _number(values[int(place)] if isinstance(values, Sequence) and len(values) > int(place) else None)
    return _number(line.get(figure))


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else math.nan


def _epochs_of_last_step(line: pd.Series) -> list[dict[str, Any]]:
    """Those that were recorded; of a hybrid model, those of the SNN. None where older results do not tell the step."""
    epochs = line.get("epochs")
    told = [one for one in epochs if "step" in one] if isinstance(epochs, Sequence) else []
    return [one for one in told if one["step"] == told[-1]["step"]]


def kept_epoch(epochs: Sequence[Mapping[str, Any]], which: Epoch) -> Mapping[str, Any] | None:
    """The epoch that a rule keeps, None if there are no epochs.

    >>> epochs = [{"accuracy": 0.5, "asr": 0.9}, {"accuracy": 0.75, "asr": 0.6}, {"accuracy": 0.7, "asr": 0.8}]
    >>> [kept_epoch(epochs, which)["asr"] for which in ("last", "first", "best accuracy", "best of both")]
    [0.8, 0.9, 0.6, 0.9]
    """
    if not epochs or which == "last":
        return epochs[-1] if epochs else None
    kept = epochs[0]
    for epoch in epochs[1:] if which != "first" else ():
        better = {name: _number(epoch[name]) > _number(kept[name]) for name in ("accuracy", "asr")}
        if better["accuracy"] and (better["asr"] or which == "best accuracy"):
            kept = epoch
    return kept


def _averaged(rows: pd.DataFrame, layout: TableLayout) -> pd.DataFrame:
    """One line a seed where the layout averages, else all lines."""
    if not layout.mean_over:
        return rows
    return rows.groupby("seed", as_index=False).agg(
        value=("value", lambda one: one.mean(skipna=False)), n=("n", lambda _: math.nan)
    )
