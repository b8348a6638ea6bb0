"""What `measure.evidence` keeps in cells: curves of detectors, voltages and spikes of the last layer, thresholds."""

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any

from art_snn.report.findings import Findings, Setting, over_seeds
from art_snn.report.plots.draft import MOST, Draft, bars_told, points_told, series_of
from art_snn.report.plots.drawing import in_figures, rows_figure
from art_snn.report.plots.evidence_drawing import Band, Curve, bands_figure, raster_figure, roc_figure
from art_snn.report.plots.style import LOOKS

_MODELS = {"backdoored": "backdoored model", "twin": "clean twin"}
_KINDS = {"clean": "clean samples", "triggered": "triggered samples"}
_TRACES = {  # what is kept -> title, and what its axis says
    "voltage": ("Voltage of the last spiking layer over time", "mean voltage"),
    "spikes": ("Spikes of the last spiking layer over time", "share that spikes"),
}
_TWIN = "A trigger that shows in the clean twin, too, is seen as a change of the input, not as a backdoor."
Seen = Mapping[str, Any]


def evidence_drafts(found: Findings) -> Iterator[Draft]:
    """What networks and detectors showed; single trainings are those of the first seed of a setting."""
    for make in (_curves, _traces, _spikes, _separation, _shifts):
        yield from islice((draft for one in found.settings for draft in make(found, one)), MOST)


def _curves(found: Findings, setting: Setting) -> Iterator[Draft]:
    """ROC curves of the detectors of each model."""
    for model in setting.models:
        for seed, seen in _first(found, setting, model, "roc"):
            curves = [_curve(name, one) for name, one in seen.items()]
            for start in range(0, len(curves), len(LOOKS)):
                some = curves[start : start + len(LOOKS)]
                yield Draft(
                    "roc",
                    found.titled(f"ROC curves of detectors of poisoned samples; {model}", setting.values),
                    f"Seed {seed}. Each point is a threshold on the scores; large signs are the "
                    "detectors' own decisions. The axis of false positives is logarithmic, as few of them matter most.",
                    " ".join(f"{one.label}: {_decision(one.own)}." for one in some),
                    partial(roc_figure, some),
                    setting.values,
                )


def _curve(name: str, seen: Seen) -> Curve:
    own = _number(seen["own_fpr"]), _number(seen["own_tpr"])
    label = f"{name}, AUROC {_number(seen['auroc']):.2f}"
    return Curve(label, tuple(seen["fpr"]), tuple(seen["tpr"]), own, seen["n_clean"])


def _decision(own: tuple[float, float]) -> str:
    """What a detector flags."""
    if math.isnan(own[0]):
        return "makes no decision of its own"
    return f"flags {100 * own[1]:.3g} % of the poisoned and {100 * own[0]:.3g} % of the clean samples"


def _traces(found: Findings, setting: Setting) -> Iterator[Draft]:
    """Voltages and spikes over time, of the backdoored model and of its clean twin."""
    for model in setting.models:
        for seed, seen in _first(found, setting, model, "voltages"):
            for name, (title, y_label) in _TRACES.items():
                panels = [
                    (words, [(kind, _band(seen["traces"][one][key], name)) for key, kind in _KINDS.items()])
                    for one, words in _MODELS.items()
                ]
                if all(band.is_empty for _, bands in panels for _, band in bands):
                    continue
                yield Draft(
                    name,
                    found.titled(f"{title}; {model}, layer {seen['layer']}", setting.values),
                    f"Seed {seed}. Means over {seen['n_neurons']} neurons and over samples; bands: a "
                    f"standard deviation over samples. {_separated(seen)} {_TWIN}",
                    _ends(panels),
                    partial(bands_figure, seen["timesteps"], panels, y_label),
                    setting.values,
                )


def _band(trace: Seen, name: str) -> Band:
    mean, sd = (tuple(map(_number, trace[key])) for key in (name, f"{name}_sd"))
    return Band(mean, sd)


def _ends(panels: Sequence[tuple[str, Sequence[tuple[str, Band]]]]) -> str:
    """The last time step in words."""
    parts = (f"{band.mean[-1]:.3g} on {kind} of the {model}" for model, bands in panels for kind, band in bands)
    return f"At the last time step: {', '.join(parts)}."


def _separated(seen: Seen) -> str:
    """The statistic that goes with the picture."""
    told = []
    for model, words in _MODELS.items():
        one = {name: _number(value) for name, value in seen["separation"][model].items()}
        if not math.isnan(one["auroc"]):
            told.append(
                f"{words} AUROC {one['auroc']:.2f}, {100 * one['tpr']:.0f} % found at {100 * one['fpr']:.0f} % false "
                "alarms"
            )
    return f"Triggered told from clean samples by cumulative voltages: {'; '.join(told)}." if told else ""


def _spikes(found: Findings, setting: Setting) -> Iterator[Draft]:
    """Rasters of single neurons."""
    for model in setting.models:
        for seed, seen in _first(found, setting, model, "voltages"):
            panels = [
                (words, [(kind, seen["traces"][one][key]["raster"]) for key, kind in _KINDS.items()])
                for one, words in _MODELS.items()
            ]
            counts = (
                f"{sum(map(len, raster))} on the {kind[:-1]} in the {name}"
                for name, some in panels
                for kind, raster in some
            )
            yield Draft(
                "raster",
                found.titled(f"Spikes of single neurons; {model}, layer {seen['layer']}", setting.values),
                f"Seed {seed}, the first test sample that counts. The {len(seen['neurons'])} neurons "
                "whose cumulative voltages the trigger moves most in the backdoored model.",
                f"Spikes: {', '.join(counts)}.",
                partial(raster_figure, seen["n_timesteps"], panels, seen["neurons"]),
                setting.values,
            )


def _separation(found: Findings, setting: Setting) -> Iterator[Draft]:
    """How well voltages tell triggered from clean samples, over seeds."""
    seen = {model: found.measures(setting, model, "voltages") for model in setting.models}
    rows = [model for model, some in seen.items() if some]
    series = [
        series_of(
            words,
            range(len(rows)),
            [over_seeds([one["separation"][of]["auroc"] for one in seen[model]]) for model in rows],
        )
        for of, words in _MODELS.items()
    ]
    for some in in_figures(series, list(_MODELS.values())) if rows else ():
        yield Draft(
            "voltage-auroc",
            found.titled("Triggered told from clean samples by cumulative voltages", setting.values),
            f"AUROC on samples that nothing was fitted on; 0.5 is chance. {_over_seeds(some)} {_TWIN}",
            points_told(some, "", rows),
            partial(rows_figure, rows, some, "AUROC"),
            setting.values,
        )


def _shifts(found: Findings, setting: Setting) -> Iterator[Draft]:
    """How far poisoned calibration moves the threshold of each layer."""
    for model in setting.models:
        seen = found.measures(setting, model, "thresholds")
        layers = list(seen[0]) if seen else []
        series = [
            series_of(
                words,
                range(len(layers)),
                [over_seeds([_shift(one[layer][of]) for one in seen if layer in one]) for layer in layers],
            )
            for of, words in _MODELS.items()
        ]
        for some in in_figures(series, list(_MODELS.values())) if layers else ():
            yield Draft(
                "threshold-shift",
                found.titled(f"Thresholds by poisoned against clean calibration; {model}", setting.values),
                f"How much higher the threshold of each layer is if the calibration sees poisoned samples. "
                f"{_over_seeds(some)}",
                points_told(some, "", layers),
                partial(rows_figure, layers, some, "change of the threshold, %"),
                setting.values,
            )


def _shift(threshold: Mapping[str, float | None]) -> float:
    """Percent."""
    clean, poisoned = (_number(threshold[kind]) for kind in ("clean", "poisoned"))
    return 100 * (poisoned - clean) / clean if clean else math.nan


def _over_seeds(series: Sequence[Any]) -> str:
    return bars_told(series) or "A single seed."


def _first(found: Findings, setting: Setting, model: str, name: str) -> Iterator[tuple[int, Seen]]:
    """The first seed with a measure of one model, and that; nothing where there is none."""
    yield from islice(((seed, seen) for seed, seen in found.measures_by_seed(setting, model, name).items() if seen), 1)


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)
