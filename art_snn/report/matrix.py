"""Defences against models, as a matrix of coloured cells."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from art_snn.experiment import Defended

BOX = {"facecolor": "white", "alpha": 0.7, "edgecolor": "none"}


def defences_figure(defended: Defended) -> Figure:
    """AUROC of the detectors of poisoned samples, and what attack success eliminations leave; white is missing."""
    panels = [
        ("AUROC of poisoned samples", defended.detection, "auroc", "viridis"),
        ("attack success left", defended.elimination, "asr_after", "viridis_r"),
    ]
    shown = [panel for panel in panels if panel[1]] or panels[:1]
    figure = Figure(figsize=(4.2 * len(shown) + 1.5, 4.2), layout="constrained")
    for ax, (title, rows, field, colours) in zip(figure.subplots(1, len(shown), squeeze=False)[0], shown, strict=True):
        _matrix(ax, rows, field, colours)
        ax.set_title(title, fontsize=11)
    figure.suptitle(f"{defended.title}, {defended.spec.trigger} trigger, seed {defended.spec.seed}", fontsize=11)
    return figure


def _matrix(ax: Axes, rows: Sequence[Any], field: str, colours: str) -> None:
    models = list(dict.fromkeys(row.model for row in rows))
    defences = list(dict.fromkeys(row.defence for row in rows))
    values = np.full((len(defences), len(models)), np.nan)
    for row in rows:
        values[defences.index(row.defence), models.index(row.model)] = getattr(row, field)
    ax.imshow(values, vmin=0, vmax=1, cmap=colours, aspect="auto")
    for (y, x), value in np.ndenumerate(values):
        ax.text(x, y, f"{value:.2f}", ha="center", va="center", fontsize=9, bbox=BOX)
    ax.set_xticks(range(len(models)), models)
    ax.set_yticks(range(len(defences)), defences)
