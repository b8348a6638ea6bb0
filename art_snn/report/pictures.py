"""Pictures of samples and triggers."""

from collections.abc import Iterable, Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from art_snn.evaluations.answers import NONE
from art_snn.experiment import Examples
from art_snn.report.titles import wrapped
from art_snn.typing import Array

ON, OFF = np.array([0.9, 0.25, 0.1]), np.array([0.1, 0.35, 0.9])  # red and blue
MAX_COLUMNS = 16


def triggered_figure(examples: Examples, doubts: str = "") -> Figure:
    """Clean samples, the trigger alone and triggered samples, with what each backdoored model takes them for.

    Args:
        examples: The samples.
        doubts: A line for beneath the title, which says of which models one should think twice.
    """
    n_samples, n_models = len(examples.labels), len(examples.predicted)
    figure = Figure(figsize=(1.6 * n_samples + 1.2, 5.4 + 0.36 * n_models), layout="constrained")
    axes = figure.subplots(3, n_samples, squeeze=False)
    clean, triggered = examples.clean, examples.triggered
    alone = np.maximum(clean, triggered) - np.minimum(clean, triggered)  # of bytes, too, none wraps around
    samples = {"clean": clean, "trigger alone": alone, "triggered": triggered}
    _fill(axes, dict(zip(samples, as_pictures_alike(samples.values()), strict=True)))
    for row, state in ((axes[0], 0), (axes[2], 1)):
        for column, ax in enumerate(row):
            said = [f"{model}: {_said(classes[state, column])}" for model, classes in examples.predicted.items()]
            ax.set_xlabel("\n".join(said), fontsize=9)
    for ax, label in zip(axes[0], examples.labels, strict=True):
        ax.set_title(f"true class {label}", fontsize=10)
    figure.suptitle("\n".join(["Predictions of the backdoored models", *wrapped(doubts, figure)]), fontsize=12)
    return figure


def _said(label: int) -> str:
    """The class, or that there is none, where logits are not finite."""
    return "no class" if label == NONE else str(label)


def trigger_sheet(title: str, rows: Mapping[str, Array]) -> Figure:
    """Samples of one kind by name, a row each, time bins (or images) side by side, at most sixteen.

    Args:
        title: Title of the picture.
        rows: Pictures (T, H, W, 3) as `as_pictures_alike` makes them, all of one T.
    """
    n_columns = min(MAX_COLUMNS, *(len(pictures) for pictures in rows.values()))
    width = 1.1 * n_columns + 1.4
    figure = Figure(figsize=(width, 1.2 * len(rows) + 0.15), layout="constrained")
    lines = wrapped(title, figure)
    figure.set_figheight(figure.get_figheight() + 0.15 * len(lines))
    axes = figure.subplots(len(rows), n_columns, squeeze=False)
    _fill(axes, {name: pictures[:n_columns] for name, pictures in rows.items()})
    figure.suptitle("\n".join(lines), fontsize=9)
    return figure


def as_pictures_alike(samples: Iterable[Array]) -> list[Array]:
    """Samples as colours (N, H, W, 3) in [0, 1], ON events red and OFF events blue on black, as bright in all.

    Args:
        samples: Arrays of one layout: images (N, C, H, W), frames (N, T, 2, H, W), of which the sum over time is shown,
            or the time bins of one sample, (T, 2, H, W). The first says how many events are full brightness.
    """
    flat = [x.astype(np.float32).sum(axis=1) if x.ndim == 5 else x for x in samples]
    full = _full(flat[0])
    return [_as_pictures(x, full) for x in flat]


def _as_pictures(x: Array, full: float) -> Array:
    if x.shape[1] == 2:
        counts = x.astype(np.float32) / full
        colours: Array = np.clip(counts[:, 1, ..., None] * ON + counts[:, 0, ..., None] * OFF, 0, 1)
        return colours
    images = np.moveaxis(x.astype(np.float32), 1, -1) / (255 if x.dtype == np.uint8 else 1)
    return images if images.shape[-1] == 3 else np.repeat(images[..., :1], 3, axis=-1)


def _full(x: Array) -> float:
    """Events of a busy pixel, at least 1."""
    return max(1.0, float(np.quantile(x[x > 0], 0.95))) if (x > 0).any() else 1.0


def _fill(axes: Array, rows: Mapping[str, Array]) -> None:
    """Pictures by name into rows of axes."""
    for row, (name, pictures) in zip(axes, rows.items(), strict=True):
        row[0].set_ylabel(name, fontsize=9)
        for ax, picture in zip(row, pictures, strict=True):
            _show(ax, picture)


def _show(ax: Axes, picture: Array) -> None:
    ax.imshow(picture, interpolation="nearest")
    ax.set_xticks([])
    ax.set_yticks([])
