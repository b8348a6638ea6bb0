"""Defences against models, as matrices of coloured cells."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from art_snn.experiment import Defended, ModelVerdict
from art_snn.report.tables import as_percent

BOX = {"facecolor": "white", "alpha": 0.7, "edgecolor": "none"}
N_COLUMNS = 3
_HIGH, _LOW = "viridis", "viridis_r"  # bright is good for the defender

Number = Callable[[Any], float]
Text = Callable[[Any], str]


def defences_figure(defended: Defended) -> Figure:
    """What detectors find, whom they accuse wrongly, and what eliminations leave; bright is good, white is missing."""
    target = defended.spec.target
    panels: list[tuple[str, Sequence[Any], str, Number, Text | None]] = [
        ("AUROC of poisoned samples", defended.detection, _HIGH, lambda row: row.auroc, None),
        ("clean samples flagged at 95 % TPR", defended.detection, _LOW, lambda row: row.fpr_at_95_tpr, None),
        ("samples of the clean twin flagged", defended.detection, _LOW, lambda row: row.false_alarm_rate, None),
        ("models accused, and the clean twin", defended.verdicts, _HIGH, lambda row: _rightness(row, target), _verdict),
        ("attack success left", defended.elimination, _LOW, lambda row: row.asr_after, None),
        ("robust accuracy left", defended.elimination, _HIGH, lambda row: row.robust_accuracy_after, None),
        ("accuracy left", defended.elimination, _HIGH, lambda row: row.accuracy_after, None),
    ]
    shown = [panel for panel in panels if panel[1]]
    n_columns, n_rows = max(1, min(N_COLUMNS, len(shown))), max(1, -(-len(shown) // N_COLUMNS))
    figure = Figure(figsize=(4.6 * n_columns + 0.5, 3.6 * n_rows + 0.6), layout="constrained")
    axes = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    for ax, (title, rows, colours, number, text) in zip(axes, shown, strict=False):
        _matrix(ax, rows, colours, number, text or partial(_two_digits, number))
        ax.set_title(title, fontsize=11)
    for ax in axes[len(shown) :]:
        ax.set_axis_off()
    figure.suptitle(f"{attack_title(defended)}; bright is good for the defender", fontsize=11)
    return figure


def attack_title(defended: Defended) -> str:
    """What was poisoned, and how."""
    spec = defended.spec
    return (
        f"{defended.title}, {spec.trigger} trigger in {as_percent(spec.percent_poison)} of the samples, "
        f"target class {spec.target}, seed {spec.seed}"
    )


def _two_digits(number: Number, row: Any) -> str:
    return f"{number(row):.2f}"


def _rightness(verdict: ModelVerdict, target: int) -> float:
    """1 where the right class is accused and the clean twin is not; half of it for either."""
    return ((verdict.is_accused and verdict.target_class == target) + (not verdict.is_clean_accused)) / 2


def _verdict(verdict: ModelVerdict) -> str:
    accused = f"class {verdict.target_class}" if verdict.is_accused else "nobody"
    when_clean = f"class {verdict.target_when_clean}" if verdict.is_clean_accused else "nobody"
    return f"{accused}\ntwin: {when_clean}"


def _matrix(ax: Axes, rows: Sequence[Any], colours: str, number: Number, text: Text) -> None:
    models = list(dict.fromkeys(row.model for row in rows))
    defences = list(dict.fromkeys(row.defence for row in rows))
    values = np.full((len(defences), len(models)), np.nan)
    for row in rows:
        y, x = defences.index(row.defence), models.index(row.model)
        values[y, x] = number(row)
        ax.text(x, y, text(row), ha="center", va="center", fontsize=9, bbox=BOX)
    ax.imshow(values, vmin=0, vmax=1, cmap=colours, aspect="auto")
    ax.set_xticks(range(len(models)), models)
    ax.set_yticks(range(len(defences)), defences)
