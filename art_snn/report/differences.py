"""Differences between models, tested: paired over seeds, and corrected for the number of tests of a report."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from art_snn.metrics import corrected, paired_difference
from art_snn.metrics.statistics import Difference
from art_snn.report.pooling import Quantity, grouped, key_in_words
from art_snn.report.reasons import NO_FIGURE
from art_snn.report.report_table import ReportTable
from art_snn.report.settings import Settings

COMPARED = ("accuracy", "asr")
_KEYS = ("figure", "model", "against")


def differences_table(rows: pd.DataFrame, settings: Settings, quantities: Mapping[str, Quantity]) -> ReportTable:
    """Each model against the first one of its spec, in each setting."""
    pairs = [pair for key, some in grouped_with_models(rows, settings) for pair in _pairs(key, some, quantities)]
    tested = corrected([difference for _, difference in pairs])
    lines = [{**key, **found._asdict()} for (key, _), found in zip(pairs, tested, strict=True)]
    shown = [_in_words(line, settings, quantities) for line in lines]
    n_tests = sum(not math.isnan(one.p) for one in tested)
    return ReportTable(
        "differences",
        "Differences between models",
        pd.DataFrame(shown),
        pd.DataFrame(lines),
        _notes(n_tests),
        (*settings.axes, *_KEYS),
    )


def grouped_with_models(rows: pd.DataFrame, settings: Settings) -> Iterator[tuple[dict[str, Any], pd.DataFrame]]:
    """The rows of each setting, one a model and seed; models in the order of the spec."""
    lines = [(key, one) for key, one in grouped(settings.added(rows), (*settings.axes, "model"))]
    by_setting: dict[str, tuple[dict[str, Any], list[pd.DataFrame]]] = {}
    for key, one in lines:
        setting = {axis: key[axis] for axis in settings.axes}
        by_setting.setdefault(repr(setting), (setting, []))[1].append(one)
    for setting, some in by_setting.values():
        yield setting, pd.concat(some)


def _pairs(
    key: dict[str, Any], rows: pd.DataFrame, quantities: Mapping[str, Quantity]
) -> Iterator[tuple[dict[str, Any], Difference]]:
    by_model = {model: some.set_index("seed") for model, some in rows.groupby("model", sort=False)}
    first, *others = by_model
    for figure in COMPARED:
        for model in others:
            pair = by_model[model][figure].align(by_model[first][figure], join="inner")
            resolution = 1 / max(1, int(rows[quantities[figure].of].max()))
            found = paired_difference(*(side.to_numpy(float) for side in pair), resolution=resolution)
            yield {**key, "figure": figure, "model": model, "against": first}, found


def _in_words(line: Mapping[str, Any], settings: Settings, quantities: Mapping[str, Quantity]) -> dict[str, str]:
    mean, low, high, p, p_corrected = (line[name] for name in ("mean", "low", "high", "p", "p_corrected"))
    difference = NO_FIGURE if math.isnan(mean) else f"{mean:+.3f}"
    interval = "" if math.isnan(low) else f" [{low:+.3f}, {high:+.3f}]"
    return {
        **key_in_words(line, settings.axes, settings),
        "figure": quantities[line["figure"]].heading,
        "model": line["model"],
        "against": line["against"],
        "difference": f"{difference}{interval}",
        "p": _p(p),
        "p corrected": _p(p_corrected),
        "verdict": line["verdict"],
        "seeds": f"{line['n']}",
    }


def _p(value: float) -> str:
    return NO_FIGURE if math.isnan(value) else "< 0.001" if value < 0.001 else f"{value:.3f}"


def _notes(n_tests: int) -> tuple[str, ...]:
    return (
        "difference: model less against, mean over the seeds that have both; in brackets the 95 % interval of that one "
        "difference by Student's t.",
        "p: paired t-test over seeds, which assumes differences that are roughly normal.",
        f"p corrected: by Holm for all {n_tests} tests of this report; the verdict goes by it.",
    )
