"""What detectors find and eliminations leave, as maps of defences and models; how a backdoor migrates."""

from collections.abc import Iterator
from functools import partial

import numpy as np

from art_snn.metrics.statistics import Summary
from art_snn.report.findings import Findings, Setting, over_seeds
from art_snn.report.plots.draft import FIGURES, MOST, Draft, bars_told, map_told, points_told, series_of
from art_snn.report.plots.drawing import in_figures, map_figure, rows_figure

_MAPS = {  # table and column -> title, and how to read it
    ("detection", "auroc"): (
        "AUROC of poisoned samples by detector",
        "1 ranks all poison above all clean samples, 0.5 is chance.",
    ),
    ("detection", "fpr_at_95_tpr"): (
        "Clean samples flagged where 95 % of the poison is found, by detector",
        "0 is a detector that flags no clean sample.",
    ),
    ("detection", "false_alarm_rate"): (
        "Samples of the clean twin that are flagged, by detector",
        "0 is a detector that flags nothing where nothing is poisoned.",
    ),
    ("verdicts", "is_accused"): ("Backdoored models accused, by detector", "The share of seeds; 1 is best."),
    ("verdicts", "is_clean_accused"): ("Clean twins accused, by detector", "The share of seeds; 0 is best."),
    ("elimination", "asr_after"): ("Attack success left by each elimination", "0 is a backdoor that is gone."),
    ("elimination", "accuracy_after"): ("Accuracy left by each elimination", "1 is a model that is always right."),
}
_STAGES = {"migration.asr_ann": "in the ANN", "migration.asr_converted": "right after conversion", "asr": "at the end"}


def defence_drafts(found: Findings) -> Iterator[Draft]:
    """A map for each figure and setting that has any."""
    for (table, figure), (title, caption) in _MAPS.items():
        for one in found.of_defences[table][:MOST]:
            defences, models = (list(dict.fromkeys(one.rows[name])) for name in ("defence", "model"))
            values = np.array([[_mean(one, figure, defence, model) for model in models] for defence in defences])
            if not np.isnan(values).all():
                yield Draft(
                    figure.replace("_", "-"),
                    found.titled(title, one.values),
                    f"Means over seeds. {caption}",
                    map_told(values, defences, models),
                    partial(map_figure, values, defences, models, "", ""),
                    one.values,
                )


def _mean(setting: Setting, figure: str, defence: str, model: str) -> float:
    rows = setting.of(model)
    return over_seeds(list(rows.loc[rows["defence"] == defence, figure])).mean


def migration_drafts(found: Findings) -> Iterator[Draft]:
    """Success of a backdoor in the ANN, right after its conversion and at the end."""
    for one in found.settings[:MOST]:
        if not set(_STAGES) <= set(one.rows):
            continue
        models = [model for model in one.models if one.of(model)["migration.asr_ann"].notna().any()]
        series = [series_of(model, range(len(_STAGES)), _stages(one, model)) for model in models]
        for some in in_figures(series, found.models):
            yield Draft(
                "stages",
                found.titled("Attack success on its way from the ANN into the spiking network", one.values),
                f"{bars_told(some)} A backdoor that migrates stays where it was.",
                points_told(some, "", list(_STAGES.values())),
                partial(rows_figure, list(_STAGES.values()), some, FIGURES["asr"]),
                one.values,
            )


def _stages(setting: Setting, model: str) -> list[Summary]:
    rows = setting.of(model)
    return [over_seeds(list(rows[column]), rows["n_asr"].iloc[0]) for column in _STAGES]
