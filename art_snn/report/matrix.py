"""Defences against models, as matrices of coloured cells."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from operator import attrgetter
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from art_snn.evaluations import ModelDetectionResult, is_invalid
from art_snn.experiment import Defended
from art_snn.report.reasons import NO_FIGURE, marked, notice
from art_snn.report.tables import attack_done
from art_snn.report.titles import put_title

BOX = {"facecolor": "white", "alpha": 0.7, "edgecolor": "none"}
N_COLUMNS = 3
_HIGH, _LOW = "viridis", "viridis_r"  # bright is good for the defender

Number = Callable[[Any], float]
Text = Callable[[Any], str]


def defences_figure(defended: Defended) -> Figure:
    """What detectors find, whom they accuse wrongly, and what eliminations leave; bright is good, white is missing."""
    rightness = partial(_rightness, target=defended.spec.attack.target_class)
    panels: list[tuple[str, Sequence[Any], str, tuple[Number, Text]]] = [
        ("AUROC of poisoned samples", defended.detection, _HIGH, _figure("auroc")),
        ("clean samples flagged at 95 % TPR", defended.detection, _LOW, _figure("fpr_at_95_tpr")),
        ("samples of the clean twin flagged", defended.detection, _LOW, _figure("false_alarm_rate")),
        ("models accused, and the clean twin", defended.verdicts, _HIGH, (rightness, _verdict)),
        ("attack success left", defended.elimination, _LOW, _figure("asr_after")),
        ("robust accuracy left", defended.elimination, _HIGH, _figure("robust_accuracy_after")),
        ("accuracy left", defended.elimination, _HIGH, _figure("accuracy_after")),
    ]
    shown = [panel for panel in panels if panel[1]]
    n_columns, n_rows = max(1, min(N_COLUMNS, len(shown))), max(1, -(-len(shown) // N_COLUMNS))
    heights = [_height(shown[start : start + N_COLUMNS]) for start in range(0, max(1, len(shown)), N_COLUMNS)]
    figure = Figure(figsize=(4.6 * n_columns + 0.5, sum(heights) + 0.8), layout="constrained")
    grid = figure.add_gridspec(n_rows, n_columns, height_ratios=heights)
    for number, (title, rows, colours, shows) in enumerate(shown):
        ax = figure.add_subplot(grid[divmod(number, n_columns)])
        _matrix(ax, rows, colours, *shows)
        ax.set_title(title, fontsize=11)
    title = f"{attack_title(defended)}; bright is good for the defender"
    doubts = notice(judged(defended))
    put_title(figure, title + (f"\n{doubts}" if doubts else ""))
    return figure


def _height(panels: Sequence[tuple[str, Sequence[Any], str, tuple[Number, Text]]]) -> float:
    """Of a row of panels, inches: a line for each defence of the one that has most."""
    return 0.9 + 0.55 * max((len({row.defence for row in rows}) for _, rows, *_ in panels), default=0)


def judged(defended: Defended) -> list[Any]:
    """All rows that carry doubts."""
    return [*defended.rows, *defended.detection, *defended.verdicts, *defended.elimination]


def attack_title(defended: Defended) -> str:
    """What was poisoned, and how."""
    spec, attack = defended.spec, defended.spec.attack
    done = attack_done(attack, "the samples")
    return f"{defended.title}, {done}, target class {attack.target_class}, seed {spec.seed}"


def _figure(field: str) -> tuple[Number, Text]:
    """The number in a field, and how it is written."""

    def text(row: Any) -> str:
        value = getattr(row, field)
        return marked(row, field, NO_FIGURE if math.isnan(value) else f"{value:.2f}")

    return attrgetter(field), text


def _rightness(verdict: ModelDetectionResult, target: int) -> float:
    """1 where the right class is accused and the clean twin is not; half of it for either."""
    if is_invalid(verdict.doubts):
        return math.nan
    return ((verdict.is_accused is True and verdict.target_class == target) + (not verdict.is_clean_accused)) / 2


def _verdict(verdict: ModelDetectionResult) -> str:
    accused = f"class {verdict.target_class}" if verdict.is_accused else "nobody"
    when_clean = f"class {verdict.target_when_clean}" if verdict.is_clean_accused else "nobody"
    return marked(verdict, "target_class", f"{accused}\ntwin: {when_clean}")


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
