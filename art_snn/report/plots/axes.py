"""Success, accuracy and migration over the axes of a grid; where none is of numbers, by setting and model."""

import math
from collections.abc import Iterator, Sequence
from functools import partial

from art_snn.metrics.statistics import Summary
from art_snn.report.findings import Findings, Setting, is_number, numeric_axes, over_seeds
from art_snn.report.plots.draft import FIGURES, MOST, Draft, bars_told, capital, points_told, series_of
from art_snn.report.plots.drawing import Series, in_figures, lines_figure, rows_figure

_DENOMINATORS = {"asr": "n_asr", "floor": "n_asr", "accuracy": "n_test"}
_MOST_ROWS = 16


def axis_drafts(found: Findings) -> Iterator[Draft]:
    """Each figure over each numeric axis, a plot for each combination of the others; or all settings in one plot."""
    axes = list(numeric_axes(found.settings))
    for figure in FIGURES:
        for axis in axes:
            yield from _over_axis(found, axis, figure)
        if not axes and found.settings:
            yield from _by_setting(found, figure)


def _over_axis(found: Findings, axis: str, figure: str) -> Iterator[Draft]:
    heading, name = found.axes.headings[axis], FIGURES[figure]
    panels: dict[str, list[Setting]] = {}
    for one in found.settings:
        panels.setdefault(repr(one.without(axis)), []).append(one)
    for panel in list(panels.values())[:MOST]:
        others = panel[0].without(axis)
        for some in in_figures([_line(panel, axis, model, figure) for model in found.models], found.models):
            yield Draft(
                figure.partition(".")[0],
                found.titled(f"{capital(name)} over {heading}", others),
                bars_told(some),
                points_told(some, heading),
                partial(lines_figure, some, heading, name),
                others,
            )


def _line(panel: Sequence[Setting], axis: str, model: str, figure: str) -> Series:
    shown = [one for one in panel if model in one.models and is_number(one.values[axis])]
    floors = [_summary(one, model, "floor").mean for one in shown] if figure == "asr" else []
    places = [float(one.values[axis]) for one in shown]
    return series_of(model, places, [_summary(one, model, figure) for one in shown], floors)


def _by_setting(found: Findings, figure: str) -> Iterator[Draft]:
    shown, name, is_one = found.settings[:_MOST_ROWS], FIGURES[figure], len(found.settings) == 1
    rows, series = _of_models(found, figure) if is_one else _of_settings(found, shown, figure)
    missing = [model for model in found.models if is_one and model not in rows and figure != "migration.rate"]
    left_out = len(found.settings) - len(shown)
    for some in in_figures(series, found.models):
        notes = [f"No figure: {', '.join(missing)}."] * bool(missing)
        notes += [f"{left_out} more settings are in the tables."] * bool(left_out)
        yield Draft(
            figure.partition(".")[0],
            f"{capital(name)} by {'model' if is_one else 'setting and model'}",
            " ".join([bars_told(some), *notes]),
            points_told(some, "", rows),
            partial(rows_figure, rows, some, name),
        )


def _of_models(found: Findings, figure: str) -> tuple[list[str], list[Series]]:
    """A row for each model that has the figure."""
    summaries = {model: _summary(found.settings[0], model, figure) for model in found.models}
    known = {model: one for model, one in summaries.items() if not math.isnan(one.mean)}
    return list(known), [series_of("", range(len(known)), list(known.values()))]


def _of_settings(found: Findings, shown: Sequence[Setting], figure: str) -> tuple[list[str], list[Series]]:
    """A row for each setting, and a series for each model."""
    return [found.text(one.values) for one in shown], [_points(shown, model, figure) for model in found.models]


def _points(settings: Sequence[Setting], model: str, figure: str) -> Series:
    places = [place for place, one in enumerate(settings) if model in one.models]
    return series_of(model, places, [_summary(settings[place], model, figure) for place in places])


def _summary(setting: Setting, model: str, figure: str) -> Summary:
    rows, denominator = setting.of(model), _DENOMINATORS.get(figure)
    n = rows[denominator].iloc[0] if denominator in rows and len(rows) else None
    return over_seeds(list(rows[figure]) if figure in rows else [math.nan] * len(rows), n)
