"""Drawing of plots: lines over an axis, points in rows, and maps, from numbers that are known."""

import math
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from art_snn.report.plots.style import HEIGHT, INK, LOOKS, WIDTH, is_dark, one_line, plot_style
from art_snn.typing import Array

_NAMELESS = "."
_LETTERS, _MOST_OF_LABEL = 48, 34  # of a legend: side by side, and of one name
_LETTERS_OF_LINE = 26
_FEW_TICKS, _LOG_SPAN = 7, 8.0
_SHARE = -0.03, 1.03
_ROW, _LINE, _LEGEND_ROW = 0.3, 0.14, 0.2  # inches of height: a row, each further line of its name, and a legend's
_DOTS: Any = (0, (1, 2))


@dataclass(frozen=True)
class Series:
    """One name's points with their intervals; what is no number is not drawn.

    Args:
        label: Name in the legend.
        x: Places on the axis, or numbers of rows, (n,).
        mean: Figures, (n,).
        low: Lower ends of the intervals, (n,).
        high: Upper ends of the intervals, (n,).
        floor: Figures without the backdoor, (n,); empty draws none.
        kinds: What the intervals are over, as `Summary.kind` says.
        look: Number of the look.
    """

    label: str
    x: tuple[float, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    floor: tuple[float, ...] = ()
    kinds: tuple[str, ...] = ()
    look: int = 0

    @property
    def has_points(self) -> bool:
        """Whether anything can be drawn."""
        return not np.isnan(self.mean).all()


def lines_figure(series: Sequence[Series], x_label: str, y_label: str) -> Figure:
    """Lines with intervals over an axis, at most one for each look, the legend below."""
    with plot_style():
        figure = Figure((WIDTH, HEIGHT), layout="constrained")
        ax = figure.subplots()
        handles = [_line(ax, one) for one in series]
        if any(_has_floor(one) for one in series):
            handles.append(Line2D([], [], color=INK, linestyle=_DOTS, linewidth=1.1, label="floor: the clean twin"))
        values = sorted({x for one in series for x in one.x})
        _number_axis(ax, values)
        ax.set_xlabel(_two_lines(x_label))
        ax.set_ylabel(_two_lines(y_label))
        _whole_share(ax, series)
        legend_below(figure, handles)
    return figure


def rows_figure(rows: Sequence[str], series: Sequence[Series], x_label: str, *, is_log: bool = False) -> Figure:
    """Points with intervals, a row for each name, the first above.

    Args:
        rows: Names of the rows.
        series: Points, whose `x` is the row's number.
        x_label: What the axis below says.
        is_log: Whether a step along that axis is a factor.
    """
    with plot_style():
        names = [_row_name(row) for row in rows]
        height = _ROW + _LINE * max((name.count("\n") for name in names), default=0)
        figure = Figure((WIDTH, 1.2 + height * max(2, len(rows))), layout="constrained")
        ax = figure.subplots()
        step = min(0.22, 0.7 / max(1, len(series)))
        shifts = [(number - (len(series) - 1) / 2) * step for number in range(len(series))]
        handles = [_points(ax, one, shift) for one, shift in zip(series, shifts, strict=True)]
        ax.set_yticks(range(len(rows)), names)
        ax.set_ylim(len(rows) - 0.4, -0.6)
        ax.set_xlabel(_two_lines(x_label))
        if is_log:
            ax.set_xscale("log")
            _plain_log(ax, [value for one in series for value in (*one.mean, *one.low, *one.high)])
        else:
            _from_zero(ax, series)
        legend_below(figure, handles)
    return figure


def map_figure(values: Array, rows: Sequence[str], columns: Sequence[str], x_label: str, y_label: str) -> Figure:
    """Shares as a map with the number in each cell, bright is high; what is no number is crossed out.

    Args:
        values: Shares (rows, columns), in [0, 1] or NaN.
        rows: Names of the rows, the first above.
        columns: Names of the columns.
        x_label: What the columns are.
        y_label: What the rows are.
    """
    with plot_style():
        names = [one_line(row, 24) for row in rows]
        figure = Figure((WIDTH, 1.0 + 0.36 * len(rows)), layout="constrained")
        ax = figure.subplots()
        colours = matplotlib.colormaps["cividis"]
        ax.pcolormesh(np.ma.masked_invalid(values), vmin=0, vmax=1, cmap=colours, edgecolors="face", linewidth=0.2)
        ax.grid(visible=False)
        for (row, column), value in np.ndenumerate(values):
            if math.isnan(value):
                ax.text(column + 0.5, row + 0.5, "–", ha="center", va="center")
                continue
            ink = "#ffffff" if is_dark(np.array(colours(value))) else "#000000"
            ax.text(column + 0.5, row + 0.5, f"{value:.2f}", ha="center", va="center", color=ink, fontsize=9)
        ax.set_xticks(np.arange(len(columns)) + 0.5, [one_line(column, 12) for column in columns])
        ax.set_yticks(np.arange(len(rows)) + 0.5, names)
        ax.invert_yaxis()
        ax.tick_params(length=0)
        ax.set_xlabel(_two_lines(x_label))
        ax.set_ylabel(_two_lines(y_label))
    return figure


def _has_floor(one: Series) -> bool:
    return bool(one.floor) and not np.isnan(one.floor).all()


def _line(ax: Axes, one: Series) -> Line2D:
    look = LOOKS[one.look % len(LOOKS)]
    mean, low, high = (np.array(part, float) for part in (one.mean, one.low, one.high))
    dashes = (0, look.dashes) if look.dashes else "-"
    style: dict[str, Any] = {"color": look.colour, "marker": look.marker, "markersize": 5.5, "linestyle": dashes}
    (line,) = ax.plot(one.x, mean, label=one.label or _NAMELESS, **style)
    _bars(ax, one.x, mean, low, high, look.colour, is_across=False)
    if _has_floor(one):
        ax.plot(one.x, one.floor, color=look.colour, linestyle=_DOTS, linewidth=1.1)
    return line


def _points(ax: Axes, one: Series, shift: float) -> Line2D:
    look = LOOKS[one.look % len(LOOKS)]
    mean, low, high = (np.array(part, float) for part in (one.mean, one.low, one.high))
    places = np.array(one.x, float) + shift
    (line,) = ax.plot(mean, places, look.marker, color=look.colour, markersize=6, label=one.label or _NAMELESS)
    _bars(ax, places, mean, low, high, look.colour, is_across=True)
    return line


def _bars(
    ax: Axes, places: Sequence[float] | Array, mean: Array, low: Array, high: Array, colour: str, is_across: bool
) -> None:
    """Intervals, where there are any."""
    known = ~np.isnan(mean) & ~np.isnan(low) & ~np.isnan(high)
    if not known.any():
        return
    at, length = np.array(places, float)[known], np.stack([mean - low, high - mean]).clip(0)[:, known]
    style: dict[str, Any] = {"fmt": "none", "ecolor": colour, "elinewidth": 1.2, "capsize": 2.5}
    if is_across:
        ax.errorbar(mean[known], at, xerr=length, **style)
    else:
        ax.errorbar(at, mean[known], yerr=length, **style)


def _number_axis(ax: Axes, values: Sequence[float]) -> None:
    """Ticks at the values themselves, on a logarithm where they span much."""
    if len(values) > 2 and values[0] > 0 and values[-1] / values[0] >= _LOG_SPAN:
        ax.set_xscale("log")
    step = -(-len(values) // _FEW_TICKS)
    shown = values[::step]
    ax.set_xticks(shown, [f"{value:g}" for value in shown])
    ax.set_xticks([], minor=True)


def _whole_share(ax: Axes, series: Sequence[Series]) -> None:
    """Shares on the whole axis from 0 to 1, so that no difference looks larger than it is."""
    ends = np.array([end for one in series for end in (*one.mean, *one.low, *one.high)], float)
    if np.nanmin(ends) >= 0 and np.nanmax(ends) <= 1:
        ax.set_ylim(*_SHARE)


def _from_zero(ax: Axes, series: Sequence[Series]) -> None:
    ends = np.array([end for one in series for end in (*one.mean, *one.low, *one.high)], float)
    low, high = min(0.0, float(np.nanmin(ends))), float(np.nanmax(ends))
    is_share = low == 0.0 and high <= 1
    margin = 0.06 * (max(high, 0.1) - low)
    ax.set_xlim(*_SHARE) if is_share else ax.set_xlim(low - margin, max(high, 0.1) + margin)


def _plain_log(ax: Axes, values: Sequence[float]) -> None:
    """Powers of ten as numbers."""
    known = [value for value in values if value > 0 and math.isfinite(value)]
    low, high = (round_(math.log10(end(known))) for end, round_ in ((min, math.floor), (max, math.ceil)))
    ticks = [10.0**power for power in range(low, max(high, low + 1) + 1)]
    ax.set_xticks(ticks, [f"{tick:,.0f}" if tick >= 1 else f"{tick:g}" for tick in ticks])
    ax.set_xticks([], minor=True)
    ax.set_xlim(ticks[0] * 0.8, ticks[-1] * 1.25)


def _row_name(name: str) -> str:
    """In short lines, broken at the comma of two settings."""
    parts = one_line(name, 60).split(", ")
    is_pair = len(parts) == 2 and len(name) > _LETTERS_OF_LINE >= max(map(len, parts))
    return ",\n".join(parts) if is_pair else _two_lines(name)


def _two_lines(label: str) -> str:
    return "\n".join(textwrap.wrap(one_line(label, 60), _LETTERS_OF_LINE))


def legend_below(figure: Figure, handles: Sequence[Line2D]) -> None:
    """Below the axes, where it hides nothing; none where no series has a name."""
    labels = [one_line(line.get_label(), _MOST_OF_LABEL) for line in handles]
    if any(label != _NAMELESS for label in labels):
        shown = [f" {label}" for label in labels]  # matplotlib leaves out what begins with an underscore
        n_columns = max(1, min(len(labels), _LETTERS // (max(map(len, labels)) + 8)))
        n_rows = -(-len(labels) // n_columns)
        figure.set_figheight(figure.get_figheight() + _LEGEND_ROW * (n_rows - 1))
        figure.legend(handles, shown, loc="outside lower center", ncols=n_columns)


def in_figures(series: Sequence[Series], names: Sequence[str]) -> Iterator[Sequence[Series]]:
    """Those that can be drawn, as many at a time as there are looks; each name has the same look in all plots.

    Args:
        series: Series of one plot, of these names or others.
        names: Names of all plots.
    """
    known = [one.label for one in series if one.label not in names]
    places = {name: place for place, name in enumerate([*names, *known])}
    drawn = [replace(one, look=places[one.label] if one.label else 0) for one in series if one.has_points]
    for first in range(0, len(places), len(LOOKS)):
        if some := [one for one in drawn if first <= one.look < first + len(LOOKS)]:
            yield some
