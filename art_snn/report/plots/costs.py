"""What models cost: time of training, energy and spikes, and what a trigger adds to them."""

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from art_snn.metrics.statistics import Summary
from art_snn.report.findings import Findings, over_seeds
from art_snn.report.plots.draft import Draft, bars_told, points_told, series_of
from art_snn.report.plots.drawing import in_figures, rows_figure

_COSTS = {  # column of the costs -> heading, and what its axis says
    "energy_pj": ("Energy of synaptic operations by model", "picojoule a sample"),
    "spikes": ("Spikes by model", "spikes a sample"),
}
_RATIOS = {
    "spikes_ratio": "spikes",
    "operations_ratio": "operations",
    "energy_ratio": "energy",
    "membrane_updates_ratio": "membrane updates",
}
_FACTORS = "A step along the axis is a factor of ten."
Costs = Mapping[str, Sequence[Mapping[str, Any]]]  # by model, one a seed


def cost_drafts(found: Findings) -> Iterator[Draft]:
    """Of the first setting that has them, as what is varied seldom changes costs; the tables have all."""
    yield from _training_time(found)
    of_settings = ((one, {model: found.measures(one, model, "cost") for model in one.models}) for one in found.settings)
    for setting, costs in of_settings:
        if any(costs.values()):
            for draft in (*_costs(costs), *_ratios(found, costs)):
                yield Draft(
                    **{**vars(draft), "title": found.titled(draft.title, setting.values), "only": setting.values}
                )
            return


def _training_time(found: Findings) -> Iterator[Draft]:
    pairs = {model: [pair for one in found.settings for pair in _seconds(one.of(model))] for model in found.models}
    series = [
        series_of(name, range(len(pairs)), [_range([pair[place] for pair in some]) for some in pairs.values()])
        for place, name in enumerate(("clean training", "poisoned training"))
    ]
    for some in in_figures(series, ()):
        yield Draft(
            "training-time",
            "Time of training by model",
            f"Means over all cells; bars from the fastest to the slowest. Shared trainings were timed once. {_FACTORS}",
            points_told(some, "", list(pairs)),
            partial(rows_figure, list(pairs), some, "seconds", is_log=True),
        )


def _seconds(rows: Any) -> list[list[float | None]]:
    """Clean and poisoned training, a row."""
    return [pair for pair in rows.get("training_seconds", ()) if isinstance(pair, list) and len(pair) == 2]


def _range(seconds: Sequence[float | None]) -> Summary:
    """Mean, and in place of an interval the extremes."""
    known = [one for one in seconds if one is not None]
    if not known:
        return Summary(math.nan, math.nan, 0, math.nan, math.nan, "none")
    return Summary(math.fsum(known) / len(known), math.nan, len(known), min(known), max(known), "none")


def _costs(costs: Costs) -> Iterator[Draft]:
    caveat = next(str(one.get("energy_caveat", "")) for seen in costs.values() for one in seen)
    for cost, (title, axis) in _COSTS.items():
        models = [model for model, seen in costs.items() if any(one.get(cost) for one in seen)]
        points = [over_seeds([one.get(cost) for one in costs[model]]) for model in models]
        for some in in_figures([series_of("", range(len(models)), points)], ()):
            yield Draft(
                cost.replace("_", "-"),
                title,
                " ".join([bars_told(some), _FACTORS, *[caveat] * (cost == "energy_pj")]),
                points_told(some, "", models),
                partial(rows_figure, models, some, axis, is_log=True),
            )


def _ratios(found: Findings, costs: Costs) -> Iterator[Draft]:
    series = [
        series_of(model, range(len(_RATIOS)), [over_seeds([one.get(ratio) for one in seen]) for ratio in _RATIOS])
        for model, seen in costs.items()
        if seen
    ]
    for some in in_figures(series, found.models):
        yield Draft(
            "trigger-cost",
            "What the trigger adds: triggered samples against clean ones",
            f"1 is a trigger that costs nothing, above it is an attack on energy. {bars_told(some)}",
            points_told(some, "", list(_RATIOS.values())),
            partial(rows_figure, list(_RATIOS.values()), some, "triggered : clean"),
        )
