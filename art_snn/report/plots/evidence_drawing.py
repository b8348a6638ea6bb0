"""Drawing of what networks and detectors showed: curves of detectors, bands over time, and spikes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from art_snn.report.plots.drawing import legend_below
from art_snn.report.plots.style import HEIGHT, INK, LOOKS, WIDTH, one_line, plot_style

_TALL = 4.6  # inches of two panels, one above the other
_BAND = 0.18  # opacity
_BETWEEN = 0.22  # of the two kinds of samples in a row of spikes


@dataclass(frozen=True)
class Curve:
    """One detector's ROC curve.

    Args:
        label: Name in the legend.
        fpr: Shares of clean samples flagged, (P,).
        tpr: Shares of poisoned samples flagged, (P,).
        own: Both of the detector's own decision; NaN where it makes none.
        n_clean: Number of clean samples.
    """

    label: str
    fpr: tuple[float, ...]
    tpr: tuple[float, ...]
    own: tuple[float, float]
    n_clean: int


@dataclass(frozen=True)
class Band:
    """A mean over time with its standard deviation over samples.

    Args:
        mean: Means, (S,).
        sd: Standard deviations, (S,).
    """

    mean: tuple[float, ...]
    sd: tuple[float, ...]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to be drawn."""
        return bool(np.isnan(self.mean).all())


def roc_figure(curves: Sequence[Curve]) -> Figure:
    """Curves of at most six detectors, false positives on a logarithm; a large sign is a detector's own decision."""
    with plot_style():
        figure = Figure((WIDTH, HEIGHT + 0.5), layout="constrained")
        ax = figure.subplots()
        lowest = 0.5 / max(one.n_clean for one in curves)  # stands for none at all, which a logarithm cannot show
        handles = []
        for one, look in zip(curves, LOOKS, strict=False):
            style = (0, look.dashes) if look.dashes else "-"
            ax.plot(np.maximum(one.fpr, lowest), one.tpr, color=look.colour, linestyle=style)
            own = np.maximum(one.own[0], lowest)  # NaN where there is none
            ax.plot([own], [one.own[1]], look.marker, color=look.colour, markersize=8, clip_on=False)
            handles.append(Line2D([], [], color=look.colour, marker=look.marker, linestyle=style, label=one.label))
        chance = np.geomspace(lowest, 1)
        handles += ax.plot(chance, chance, linestyle=(0, (1, 2)), linewidth=1.1, color=INK, label="chance")
        ax.set(xscale="log", xlim=(lowest, 1), ylim=(-0.03, 1.03))
        powers = [10.0**power for power in range(math.ceil(math.log10(lowest)), 1)]
        ax.set_xticks(powers, [f"{power:g}" for power in powers])
        ax.set_xticks([], minor=True)
        ax.set_xlabel("clean samples flagged (left edge: none)")
        ax.set_ylabel("poisoned samples flagged")
        legend_below(figure, handles)
    return figure


def bands_figure(
    steps: Sequence[int], panels: Sequence[tuple[str, Sequence[tuple[str, Band]]]], y_label: str
) -> Figure:
    """Means over time with bands of a standard deviation, panels above each other on one scale.

    Args:
        steps: Time steps, (S,).
        panels: Name, and by name what is drawn: the same names in all.
        y_label: What is measured.
    """
    with plot_style():
        figure, axes = _above_each_other(panels, y_label)
        for ax, (_, bands) in zip(axes, panels, strict=True):
            lines = [_band(ax, steps, label, band, number) for number, (label, band) in enumerate(bands)]
        legend_below(figure, lines)
    return figure


def raster_figure(
    n_timesteps: int,
    panels: Sequence[tuple[str, Sequence[tuple[str, Sequence[Sequence[int]]]]]],
    neurons: Sequence[int],
) -> Figure:
    """Spikes of single neurons over time, a row a neuron, the kinds of samples a little apart.

    Args:
        n_timesteps: Number of all time steps.
        panels: Name, and by kind of samples the time steps at which each neuron spikes.
        neurons: Numbers of the neurons.
    """
    with plot_style():
        figure, axes = _above_each_other(panels, "neuron")
        for ax, (_, kinds) in zip(axes, panels, strict=True):
            for number, (_, raster) in enumerate(kinds):
                shift = (number - (len(kinds) - 1) / 2) * 2 * _BETWEEN
                offsets = [row + shift for row in range(len(raster))]
                ax.eventplot(raster, lineoffsets=offsets, linelengths=1.7 * _BETWEEN, colors=LOOKS[number].colour)
            ax.set_yticks(range(len(neurons)), list(map(str, neurons)))
            ax.set_ylim(len(neurons) - 0.4, -0.6)
            ax.set_xlim(0.5, n_timesteps + 0.5)
        names = [f"{kind} ({'above' if number == 0 else 'below'})" for number, (kind, _) in enumerate(panels[0][1])]
        looks = zip(names, LOOKS, strict=False)
        legend_below(figure, [Line2D([], [], color=look.colour, label=name, linewidth=3) for name, look in looks])
    return figure


def _above_each_other(panels: Sequence[tuple[str, object]], y_label: str) -> tuple[Figure, list[Axes]]:
    figure = Figure((WIDTH, _TALL), layout="constrained")
    axes = list(figure.subplots(len(panels), sharex=True, sharey=True, squeeze=False)[:, 0])
    for ax, (name, _) in zip(axes, panels, strict=True):
        ax.set_title(one_line(name), fontsize=10, loc="left")
        ax.set_ylabel(y_label)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes[-1].set_xlabel("time step")
    return figure, axes


def _band(ax: Axes, steps: Sequence[int], label: str, band: Band, number: int) -> Line2D:
    look, mean, sd = LOOKS[number], np.array(band.mean, float), np.array(band.sd, float)
    style = (0, look.dashes) if look.dashes else "-"
    marks = max(1, len(steps) // 8)
    (line,) = ax.plot(
        steps, mean, color=look.colour, linestyle=style, marker=look.marker, markersize=5, markevery=marks, label=label
    )
    ax.fill_between(steps, mean - sd, mean + sd, color=look.colour, alpha=_BAND, linewidth=0)
    return line
