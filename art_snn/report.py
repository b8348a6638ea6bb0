"""From results to files that people look at: JSON and pictures."""

import json
import os
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from art_snn.experiment import Examples, Result
from art_snn.typing import Array

ON, OFF = np.array([0.9, 0.25, 0.1]), np.array([0.1, 0.35, 0.9])  # red and blue


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
    pictures = [_as_pictures(x) for x in (examples.clean, examples.triggered)]
    rows = {"clean": pictures[0], "trigger alone": np.abs(pictures[1] - pictures[0]), "triggered": pictures[1]}
    for row, (name, images) in zip(axes, rows.items(), strict=True):
        row[0].set_ylabel(name, fontsize=11)
        for ax, image in zip(row, images, strict=True):
            _show(ax, image)
    for row, state in ((axes[0], 0), (axes[2], 1)):
        for column, ax in enumerate(row):
            said = [f"{model}: {classes[state, column]}" for model, classes in examples.predicted.items()]
            ax.set_xlabel("\n".join(said), fontsize=9)
    for ax, label in zip(axes[0], examples.labels, strict=True):
        ax.set_title(f"true class {label}", fontsize=10)
    figure.suptitle("Predictions of the backdoored models", fontsize=12)
    return figure


def _as_pictures(x: Array) -> Array:
    """Samples as colours (N, H, W, 3) in [0, 1]; of frames the sum over time, ON red and OFF blue on black."""
    if x.ndim == 5:
        counts = x.astype(np.float32).sum(axis=1)
        counts /= np.maximum(1, np.quantile(counts, 0.99, axis=(1, 2, 3), keepdims=True))
        colours: Array = np.clip(counts[:, 1, ..., None] * ON + counts[:, 0, ..., None] * OFF, 0, 1)
        return colours
    images = np.moveaxis(x.astype(np.float32), 1, -1) / (255 if x.dtype == np.uint8 else 1)
    return images if images.shape[-1] == 3 else np.repeat(images[..., :1], 3, axis=-1)


def _show(ax: Axes, picture: Array) -> None:
    ax.imshow(picture, interpolation="nearest")
    ax.set_xticks([])
    ax.set_yticks([])
