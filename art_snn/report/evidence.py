"""What detectors of poisoned samples saw in one model's training data: scores, and clusters of each class."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from art_snn.evaluations import DetectionResult, Evidence
from art_snn.experiment import Defended
from art_snn.report.matrix import attack_title
from art_snn.report.reasons import notice
from art_snn.typing import Array, Mask

CLEAN, POISON = "#4477aa", "#ee6677"
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
            figures["sequences"].suptitle(f"Class {label}: {SEQUENCES}\n{title}", fontsize=10)
    return figures


def scores_figure(title: str, results: Sequence[DetectionResult]) -> Figure:
    """Above the scores of clean and of poisoned samples, below what a threshold on them can reach, a column a detector.

    Args:
        title: Title of the picture: what was poisoned, and the model.
        results: Rows of the model that have evidence.
    """
    figure = Figure(figsize=(max(6, 3.1 * len(results)), 6), layout="constrained")
    axes = figure.subplots(2, len(results), squeeze=False)
    for (above, below), result in zip(axes.T, results, strict=True):
        above.set_title(result.defence, fontsize=10)
        if result.evidence is not None:
            _histogram(above, result.evidence)
            _curve(below, result.evidence, result)
    axes[0, 0].set_ylabel("share of the samples")
    axes[1, 0].set_ylabel("poisoned samples flagged")
    figure.suptitle(f"Scores of the training samples\n{title}", fontsize=11)
    return figure


def clusters_figure(title: str, evidence: Evidence, target: int, accused: Sequence[int]) -> Figure:
    """Samples of each class in the first two dimensions of its features, coloured by cluster, poison crossed.

    The target, the accused classes and the first others are shown, fifteen in all.

    Args:
        title: Title of the picture: what was poisoned, and the model.
        evidence: What a detector that clusters saw.
        target: Target of the attack.
        accused: Classes that the detector accuses.
    """
    shown = list(dict.fromkeys([target, *accused, *evidence.clusters]))[:MAX_CLASSES]
    n_rows = -(-len(shown) // N_COLUMNS)
    figure = Figure(figsize=(2.6 * min(len(shown), N_COLUMNS), 2.7 * n_rows + 1), layout="constrained")
    axes = figure.subplots(n_rows, min(len(shown), N_COLUMNS), squeeze=False).ravel()
    for ax, label in zip(axes, shown, strict=False):
        notes = ["target"] * (label == target) + ["accused"] * (label in accused)
        ax.set_title(f"class {label}" + (f" ({', '.join(notes)})" if notes else ""), fontsize=10)
        _clusters(ax, *evidence.clusters[label], evidence.is_poison[evidence.labels == label])
    for ax in axes:
        ax.set_axis_off() if not ax.has_data() else ax.set(xticks=[], yticks=[])
    figure.suptitle(f"Clusters of activations: colours; poisoned samples: crosses\n{title}", fontsize=11)
    return figure


def _histogram(ax: Axes, evidence: Evidence) -> None:
    scores, is_poison = evidence.scores, evidence.is_poison
    edges = np.histogram_bin_edges(scores, N_BINS).tolist()
    for name, rows, colour in (("clean", ~is_poison, CLEAN), ("poisoned", is_poison, POISON)):
        weights = np.full(rows.sum(), 1 / max(1, rows.sum()))
        label = f"{name}, {rows.sum()} samples"
        ax.hist(scores[rows], edges, weights=weights, color=colour, alpha=0.6, label=label)
    ax.set_xlabel("score: higher is more suspicious", fontsize=9)
    ax.legend(fontsize=8)


def _curve(ax: Axes, evidence: Evidence, result: DetectionResult) -> None:
    false, true = evidence.roc
    lowest = 0.5 / result.n_clean  # stands for none at all, which a logarithm cannot show
    ax.plot(np.maximum(false, lowest), true, color="black", label=f"AUROC {result.auroc:.3f}")
    ax.plot([max(result.fpr, lowest)], [result.tpr], "o", color=POISON, label="its own threshold", clip_on=False)
    chance = np.geomspace(lowest, 1)
    ax.plot(chance, chance, ":", color="grey", label="chance")
    ax.set(xscale="log", xlim=(lowest, 1), ylim=(0, 1.02))
    ax.set_xlabel("clean samples flagged (left edge: none)", fontsize=9)
    ax.legend(fontsize=8, loc="lower right")


def _clusters(ax: Axes, points: Array, clusters: Array, is_poison: Mask) -> None:
    if len(points) == 0:
        return
    points = np.pad(points, ((0, 0), (0, 2 - points.shape[1])))
    colours = [f"C{cluster % 10}" for cluster in clusters]
    ax.scatter(points[:, 0], points[:, 1], s=10, c=colours)
    ax.scatter(points[is_poison, 0], points[is_poison, 1], s=22, marker="x", color="black", linewidths=0.8)
