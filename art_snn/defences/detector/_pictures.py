"""Figures of features and voltages, drawn without pyplot's global state."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from art import config
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from art_snn._files import write_whole
from art_snn.typing import Array, Indices


def scatter_3d(points: Array, clusters: Indices, title: str) -> Figure:
    """Scatter plot of points (n, 3), coloured by cluster."""
    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.add_subplot(projection="3d")
    found = sorted(set(clusters.tolist()))
    for number, cluster in enumerate(found):
        members = points[clusters == cluster]
        label, marker = f"cluster {cluster}, {len(members)} samples", "o^sD"[number % 4]
        axes.scatter(*members.T, s=8, color=_shade(number, len(found)), marker=marker, label=label)
    axes.set_title(title)
    if len(points):
        axes.legend()
    return figure


def sequences(clean: Sequence[Array], suspect: Sequence[Array], n_neurons: int, title: str) -> Figure:
    """Voltages and spikes of clean and of suspicious samples side by side.

    Args:
        clean: Voltages and spikes of clean samples, each (T, F), summed up over time and averaged over samples.
        suspect: Voltages and spikes of suspicious samples, in the same form.
        n_neurons: Largest number of neurons to show: those whose last voltages differ most.
        title: Title of the figure.
    """
    order = np.argsort(-np.abs(suspect[0][-1] - clean[0][-1]), kind="stable")[:n_neurons]
    figure = Figure(figsize=(8, 6), layout="constrained")
    axes = figure.subplots(2, 2, sharex=True, sharey="row")
    for column, (name, (voltages, spikes)) in enumerate((("clean", clean), ("suspect", suspect))):
        steps = np.arange(1, len(voltages) + 1)
        for number, neuron in enumerate(order):
            axes[0, column].plot(steps, voltages[:, neuron], marker=".", color=_shade(number, len(order)))
        axes[0, column].set_title(name)
        each = np.diff(spikes[:, order], axis=0, prepend=0)
        axes[1, column].imshow(
            each.T, aspect="auto", cmap="Greys", vmin=0, vmax=1, extent=(0.5, len(steps) + 0.5, len(order) - 0.5, -0.5)
        )
        axes[1, column].set_xlabel("time step")
    for axis in (axes[1, 0].xaxis, axes[1, 0].yaxis):
        axis.set_major_locator(MaxNLocator(integer=True))
    axes[0, 0].set_ylabel("cumulative voltage")
    axes[1, 0].set_ylabel("neuron (dark: spikes),\nthe shade above from dark to light")
    figure.suptitle(title)
    return figure


def _shade(number: int, n: int) -> Any:
    """Colours from dark to light, which all eyes tell apart by brightness; the lightest ones would be lost on white."""
    return colormaps["viridis"](0.85 * number / max(1, n - 1))


def save(figure: Figure, folder: str, name: str) -> Path:
    """Write a figure below ART's data folder, where ART's own defences write theirs."""
    path = Path(config.ART_DATA_PATH, folder, name)
    return write_whole(path, partial(figure.savefig, format="png", dpi=110))
