"""From results to files that people look at: JSON and pictures."""

import json
import os
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from art_snn.experiment import Examples, Result
from art_snn.typing import Array


def write_result(result: Result, folder: Path) -> list[Path]:
    """Write `results.json` and `triggered.png` into `folder`, each whole or not at all; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    table, picture = folder / "results.json", folder / "triggered.png"
    partial = folder / "results.json.partial"
    partial.write_text(json.dumps(result.as_json(), indent=2) + "\n")
    os.replace(partial, table)
    partial = folder / "triggered.png.partial"
    triggered_figure(result.examples).savefig(partial, format="png", dpi=110)
    os.replace(partial, picture)
    return [table, picture]


def triggered_figure(examples: Examples) -> Figure:
    """Clean samples, the trigger alone and triggered samples, with what each backdoored model takes them for."""
    n_samples, n_models = len(examples.labels), len(examples.predicted)
    figure = Figure(figsize=(1.6 * n_samples + 1.2, 5.4 + 0.36 * n_models), layout="constrained")
    axes = figure.subplots(3, n_samples, squeeze=False)
    difference = np.abs(examples.triggered.astype(np.float32) - examples.clean)
    for row, (name, images) in enumerate(
        (("clean", examples.clean), ("trigger alone", difference), ("triggered", examples.triggered))
    ):
        axes[row, 0].set_ylabel(name, fontsize=11)
        for column, ax in enumerate(axes[row]):
            _show(ax, images[column])
    for state, row in enumerate((0, 2)):
        for column, ax in enumerate(axes[row]):
            said = [f"{model}: {classes[state, column]}" for model, classes in examples.predicted.items()]
            ax.set_xlabel("\n".join(said), fontsize=9)
    for column, label in enumerate(examples.labels):
        axes[0, column].set_title(f"true class {label}", fontsize=10)
    figure.suptitle("Predictions of the backdoored models", fontsize=12)
    return figure


def _show(ax: Axes, image: Array) -> None:
    """One image (C, H, W), grey or coloured, without ticks."""
    pixels = image[0] if len(image) == 1 else np.moveaxis(image, 0, -1)
    ax.imshow(pixels, cmap="gray", vmin=0, vmax=255 if image.dtype == np.uint8 else 1, interpolation="nearest")
    ax.set_xticks([])
    ax.set_yticks([])
