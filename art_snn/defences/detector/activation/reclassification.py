"""Exclusionary reclassification: classify accused clusters with a classifier that was trained without them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from art.estimators.classification import PyTorchClassifier

from art_snn._random import host_seed
from art_snn.defences.detector.activation.refitting import refitted
from art_snn.lazy_rows import rows_of
from art_snn.typing import Array, Indices, Labels


@dataclass(frozen=True, eq=False)
class Reclassification:
    """Classes of a cluster's members, predicted by a classifier that was trained without them.

    Args:
        ratio: Members predicted as their label, divided by members of the most frequent other class (at least 1).
        source: Most frequent other class.
        classes: Predicted class of each member, (n,).
    """

    ratio: float
    source: int
    classes: Indices


def reclassify(
    classifier: PyTorchClassifier,
    x: Array,
    y: Labels,
    clusters: Sequence[tuple[int, Indices]],
    seed: int,
    fit_arguments: Mapping[str, Any],
) -> list[Reclassification]:
    """Train a copy of the classifier without the given clusters, and predict their classes.

    Args:
        classifier: Classifier to copy, which is not changed.
        x: Training samples, (N, ...).
        y: Labels of the training samples, indices (N,) or one-hot (N, K).
        clusters: Label and rows of each cluster.
        seed: Seed of the training.
        fit_arguments: Keyword arguments of `fit`.

    Raises:
        ValueError: If the clusters hold all samples.

    Source: Chen et al., Detecting backdoor attacks by activation clustering, 2018, https://arxiv.org/abs/1811.03728,
    section 4.3.
    """
    kept = np.setdiff1d(np.arange(len(x)), np.concatenate([rows for _, rows in clusters]))
    if len(kept) == 0:
        raise ValueError("expected samples outside the accused clusters to train on, got none; accuse fewer")
    judge = refitted(classifier, rows_of(x, kept), y[kept], seed, fit_arguments)
    verdicts = []
    with host_seed(seed):  # ART's own class moves the global streams in predict
        for label, rows in clusters:
            classes = judge.predict(rows_of(x, rows)).argmax(axis=1)
            votes = np.bincount(classes, minlength=judge.nb_classes)
            for_label, votes[label] = int(votes[label]), -1
            source = int(votes.argmax())
            verdicts.append(Reclassification(for_label / max(1, int(votes[source])), source, classes))
    return verdicts


def relabelled(y: Labels, rows: Indices, classes: Indices) -> Labels:
    """A copy of labels, indices or one-hot, with new classes in the given rows.

    >>> relabelled(np.eye(3), np.array([0, 1]), np.array([2, 1])).tolist()
    [[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    corrected = y.copy()
    corrected[rows] = classes if y.ndim == 1 else np.eye(y.shape[1], dtype=y.dtype)[classes]
    return corrected
