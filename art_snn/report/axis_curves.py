"""`curves`: the figures of a report over an axis of numbers, for plots."""

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from art_snn.report.report_table import ReportTable
from art_snn.report.settings import in_words, is_missing


@dataclass(frozen=True)
class Curve:
    """One figure over one axis, all else the same.

    Args:
        figure: Name of the figure, as "asr".
        heading: Name of the figure in words.
        axis: Column of the axis: a dotted path of the spec, "timesteps", "epoch" and the like.
        axis_heading: Name of the axis in words.
        model: Name of the model; empty where none was asked.
        setting: What else tells this curve from others of the model, in words; empty where nothing does.
        x: Values of the axis, rising, (n,), at least two.
        mean: Means over seeds, (n,); NaN where a setting has no figure.
        low: Lower ends of the 95 % intervals, (n,); NaN where there is none.
        high: Upper ends of the 95 % intervals, (n,); NaN where there is none.
    """

    figure: str
    heading: str
    axis: str
    axis_heading: str
    model: str
    setting: str
    x: tuple[float, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


def curves(table: ReportTable, axis: str | None = None) -> tuple[Curve, ...]:
    """All curves of a table, a figure after the other: of each model, over each of its axes that is of numbers.

    Args:
        table: One of `report_tables`.
        axis: The only axis wanted, a key of the table; None for all.

    Raises:
        ValueError: If the table has no such key.
    """
    if axis is not None and axis not in table.keys:
        raise ValueError(f"expected axis to be one of {list(table.keys)}, got {axis!r}")
    axes = [key for key in table.keys if _is_numeric(table.numbers[key])] if axis is None else [axis]
    return tuple(curve for figure in table.figures for one in axes for curve in _curves(table, figure, one))


def _is_numeric(values: pd.Series) -> bool:
    known = [value for value in values if not is_missing(value)]
    return len(set(known)) > 1 and all(isinstance(one, int | float) and not isinstance(one, bool) for one in known)


def _curves(table: ReportTable, figure: str, axis: str) -> Iterator[Curve]:
    others = [key for key in table.keys if key != axis]
    lines: dict[str, list[dict[str, object]]] = {}
    for line in table.numbers.to_dict("records"):
        if not is_missing(line[axis]):
            lines.setdefault(repr([line[key] for key in others]), []).append(line)
    for some in lines.values():
        points = pd.DataFrame(some).sort_values(axis)
        if len(points) < 2:
            continue
        named = [(table.keys[key], in_words(some[0][key])) for key in others if key != "model"]
        yield Curve(
            figure,
            table.figures[figure],
            axis,
            table.keys[axis],
            str(some[0].get("model", "")),
            ", ".join(f"{heading} {value}" for heading, value in named if value),
            *(tuple(map(float, points[name])) for name in (axis, *(f"{figure}.{p}" for p in ("mean", "low", "high")))),
        )
