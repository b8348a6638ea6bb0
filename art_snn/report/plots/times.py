"""Success and accuracy over time steps and epochs, and success by when a trigger begins and how long it lasts."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any

import numpy as np

from art_snn.report.findings import Findings, Setting, over_seeds
from art_snn.report.plots.draft import FIGURES, MOST, Draft, bars_told, capital, map_told, points_told, series_of
from art_snn.report.plots.drawing import Series, in_figures, lines_figure, map_figure
from art_snn.typing import Array


def time_drafts(found: Findings) -> Iterator[Draft]:
    """Over the time steps that a spiking model has seen."""
    for setting in found.settings[:MOST]:
        curves = {model: found.measures(setting, model, "over_time") for model in setting.models}
        for figure, of in (("asr", "n_asr"), ("accuracy", "n")):
            series = [_over_time(model, seen, figure, of) for model, seen in curves.items() if seen]
            yield from _curves(found, setting, series, figure, "time steps")


def epoch_drafts(found: Findings) -> Iterator[Draft]:
    """After each epoch of training, where that was written down."""
    for setting in found.settings[:MOST]:
        for figure in ("asr", "accuracy"):
            series = [_over_epochs(setting, model, figure) for model in setting.models]
            yield from _curves(found, setting, series, figure, "epochs")


def _curves(found: Findings, setting: Setting, series: Sequence[Series], figure: str, axis: str) -> Iterator[Draft]:
    for some in in_figures(series, found.models):
        yield Draft(
            f"{figure}-over-{axis.replace(' ', '-')}",
            found.titled(f"{capital(FIGURES[figure])} over {axis}", setting.values),
            bars_told(some),
            points_told(some, axis),
            partial(lines_figure, some, axis, FIGURES[figure]),
            setting.values,
        )


def _over_time(model: str, seen: Sequence[Mapping[str, Any]], figure: str, of: str) -> Series:
    steps = seen[0]["timesteps"]
    alike = [one for one in seen if one["timesteps"] == steps]
    points = [over_seeds([one[figure][place] for one in alike], seen[0][of]) for place in range(len(steps))]
    floors = [over_seeds([one["floor"][place] for one in alike]).mean for place in range(len(steps))]
    return series_of(model, steps, points, floors if figure == "asr" else ())


def _over_epochs(setting: Setting, model: str, figure: str) -> Series:
    records = [epochs for epochs in setting.of(model).get("epochs", ()) if isinstance(epochs, list)]
    n_epochs = min(map(len, records), default=0)
    points = [over_seeds([record[place].get(figure) for record in records]) for place in range(n_epochs)]
    return series_of(model, range(1, n_epochs + 1), points)


def timing_drafts(found: Findings) -> Iterator[Draft]:
    """By the first time bin of a trigger and the number of bins for which it lasts."""
    yield from islice(
        (draft for one in found.settings for model in one.models for draft in _map(found, one, model)), MOST
    )


def _map(found: Findings, setting: Setting, model: str) -> Iterator[Draft]:
    seen = found.measures(setting, model, "onset_length")
    onsets, lengths = (seen[0]["onsets"], seen[0]["lengths"]) if seen else ([], [])
    maps = [one["asr"] for one in seen if (one["onsets"], one["lengths"]) == (onsets, lengths)]
    values = _mean(maps) if maps else np.array([])
    if np.isnan(values).all():
        return
    yield Draft(
        "onset-length",
        found.titled(f"Attack success by onset and length of the trigger; {model}", setting.values),
        f"Means over {len(maps)} seed{'s' * (len(maps) > 1)}. A dash: the trigger would reach beyond the recording, or "
        "the model means nothing.",
        map_told(values, [f"onset {onset}" for onset in onsets], [f"length {length}" for length in lengths]),
        partial(map_figure, values, onsets, lengths, "length in time bins", "first time bin"),
        setting.values,
    )


def _mean(maps: Sequence[Sequence[Sequence[float | None]]]) -> Array:
    """Mean over the seeds that have a figure."""
    cells = [[over_seeds(list(cell)).mean for cell in zip(*rows, strict=True)] for rows in zip(*maps, strict=True)]
    return np.array(cells, float)
