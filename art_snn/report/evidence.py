"""What detectors of poisoned samples saw in one model's training data: scores, and clusters of each class."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from art_snn.evaluations import DetectionResult, Evidence
from art_snn.experiment import Defended
from art_snn.report.matrix import attack_title
from art_snn.report.palette import CLEAN, POISON
from art_snn.report.plots.style import LOOKS, Look
from art_snn.report.reasons import notice
from art_snn.report.titles import put_title
from art_snn.typing import Array, Mask

SEQUENCES = "mean over clean samples (left) and over the most suspicious training samples (right); a line a neuron"
N_BINS = 40
MAX_CLASSES, N_COLUMNS = 15, 5


def evidence_figures(defended: Defended, model: str) -> dict[str, Figure]:
    """The pictures of one model by name: "scores", and "clusters" and "sequences" where there are any."""
    results = defended.evidence[model]
    title = f"{attack_title(defended)}, model {model}"
    if any(row.doubts for row in results):
        title += "\n" + notice(results)
    figures = {"scores": scores_figure(title, results)}
    for row in results:
        if row.evidence is not None and row.evidence.clusters:
            accused = row.accused_classes or ()
            figures["clusters"] = clusters_figure(title, row.evidence, defended.spec.attack.target_class, accused)
        if row.evidence is not None and row.evidence.sequences is not None:
            label, figures["sequences"] = row.evidence.sequences
            put_title(figures["sequences"], f"Class {label}: {SEQUENCES}\n{title}", 10)
    return figures


def scores_figure(title: str, results: Sequence[DetectionResult]) -> Figure:
    """Above the scores of clean and of poisoned samples, below what a threshold on them can reach, a column a detector.

    Args:
        title: Title of the picture: what was poisoned, and the model.
        results: Rows of the model; those without evidence are left out.
    """
    shown = [(result, result.evidence) for result in results if result.evidence is not None]
    figure = Figure(figsize=(max(6, 3.1 * len(shown)), 6.4), layout="constrained")
    axes = figure.subplots(2, len(shown), squeeze=False)
    for (above, below), (result, evidence) in zip(axes.T, shown, strict=True):
        above.set_title(result.defence, fontsize=10)
        _histogram(above, evidence)
        below.set_title(f"AUROC {result.auroc:.3f}", fontsize=9)
        _curve(below, evidence, result)
    axes[0, 0].set_ylabel("share of the samples")
    axes[1, 0].set_ylabel("poisoned samples flagged")
    handles = [handle for ax in axes[:, 0] for handle in ax.get_legend_handles_labels()[0]]
    figure.legend(handles=handles, loc="outside lower center", ncols=3 if len(shown) < 3 else 5, fontsize=9)
    put_title(figure, f"Scores of the training samples\n{title}")
    return figure


def clusters_figure(title: str, evidence: Evidence, target: int, accused: Sequence[int]) -> Figure:
    """Samples of each class in the first two dimensions of its features, a sign a cluster, poison crossed.

    The target, the accused classes and the first others are shown, fifteen in all.

    Args:
        title: Title of the picture: what was poisoned, and the model.
        evidence: What a detector that clusters saw.
        target: Target of the attack.
        accused: Classes that the detector accuses.
    """
    shown = list(dict.fromkeys([target, *accused, *evidence.clusters]))[:MAX_CLASSES]
    known = [label for label in shown if label in evidence.clusters and len(evidence.clusters[label][0])]
    n_columns = max(1, min(len(known), N_COLUMNS))
    n_rows = max(1, -(-len(known) // N_COLUMNS))
    figure = Figure(figsize=(max(6, 2.6 * n_columns), 2.7 * n_rows + 1.2), layout="constrained")
    for number, label in enumerate(known, 1):
        ax = figure.add_subplot(n_rows, n_columns, number, xticks=[], yticks=[])
        notes = ["target"] * (label == target) + ["accused"] * (label in accused)
        ax.set_title(f"class {label}" + (f" ({', '.join(notes)})" if notes else ""), fontsize=10)
        _clusters(ax, *evidence.clusters[label], evidence.is_poison[evidence.labels == label])
    _cluster_legend(figure, evidence)
    put_title(figure, f"Clusters of activations\n{title}")
    return figure


def _histogram(ax: Axes, evidence: Evidence) -> None:
    scores, is_poison = evidence.scores, evidence.is_poison
    edges = np.histogram_bin_edges(scores, N_BINS).tolist()
    kinds = ("clean", ~is_poison, CLEAN, ""), ("poisoned", is_poison, POISON, "////")
    for name, rows, colour, hatch in kinds:
        weights = np.full(rows.sum(), 1 / max(1, rows.sum()))
        look: dict[str, Any] = {"color": colour, "alpha": 0.6, "hatch": hatch}  # told apart without colour, too
        ax.hist(scores[rows], edges, weights=weights, label=f"{name}, {rows.sum()} samples", **look)
    ax.set_xlabel("score: higher is more suspicious", fontsize=9)


def _curve(ax: Axes, evidence: Evidence, result: DetectionResult) -> None:
    false, true = evidence.roc
    lowest = 0.5 / result.n_clean  # stands for none at all, which a logarithm cannot show
    ax.plot(np.maximum(false, lowest), true, color="black", label="thresholds")
    ax.plot([max(result.fpr, lowest)], [result.tpr], "o", color=POISON, label="its own decision", clip_on=False)
    chance = np.geomspace(lowest, 1)
    ax.plot(chance, chance, ":", color="grey", label="chance")
    ax.set(xscale="log", xlim=(lowest, 1), ylim=(0, 1.02))
    ax.set_xlabel("clean samples flagged (left edge: none)", fontsize=9)


def _clusters(ax: Axes, points: Array, clusters: Array, is_poison: Mask) -> None:
    """Two dimensions of features, a sign a cluster; crosses on poison."""
    points = np.pad(points, ((0, 0), (0, 2 - points.shape[1])))
    for cluster in np.unique(clusters):
        members = points[clusters == cluster]
        look = _look(cluster)
        ax.scatter(members[:, 0], members[:, 1], s=12, c=look.colour, marker=look.marker)
    ax.scatter(points[is_poison, 0], points[is_poison, 1], s=22, marker="x", color="black", linewidths=0.8)


def _look(cluster: int) -> Look:
    return LOOKS[cluster % len(LOOKS)]


def _cluster_legend(figure: Figure, evidence: Evidence) -> None:
    found = sorted({int(cluster) for _, clusters in evidence.clusters.values() for cluster in clusters})
    signs = [
        Line2D([], [], linestyle="", marker=_look(one).marker, color=_look(one).colour, label=f"cluster {one}")
        for one in found[: len(LOOKS)]
    ]
    signs.append(Line2D([], [], linestyle="", marker="x", color="black", label="poisoned"))
    figure.legend(handles=signs, loc="outside lower center", ncols=min(5, len(signs)), fontsize=9)
