"""Whether an accused cluster belongs where its label says: asked of a classifier that was trained without it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from art.estimators.classification import PyTorchClassifier

from art_snn._random import host_seed
from art_snn.defences.detector.activation.refitting import refitted
from art_snn.typing import Array, Indices, Labels


@dataclass(frozen=True, eq=False)
class Reclassification:
    """What a classifier that never saw a cluster takes its members for.

    Args:
        ratio: Members given the label that they bear, to members given the most frequent other class (at least 1).
        source: That other class.
        classes: What each member is taken for, (n,).
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
    """Train a copy of the classifier without the given clusters, and ask it for their classes.

    Args:
        classifier: It stays as it is.
        x: The training data, (N, ...).
        y: Their labels.
        clusters: The label and the rows of each.
        seed: Of the training.
        fit_arguments: For `fit`.

    Raises:
        ValueError: If the clusters are all there is.

    Source: Chen et al., Detecting backdoor attacks by activation clustering, 2018, https://arxiv.org/abs/1811.03728,
    section 4.3.
    """
    kept = np.setdiff1d(np.arange(len(x)), np.concatenate([rows for _, rows in clusters]))
    if len(kept) == 0:
        raise ValueError("expected samples outside the accused clusters to train on, got none; accuse fewer")
    judge = refitted(classifier, x[kept], y[kept], seed, fit_arguments)
    verdicts = []
    with host_seed(seed):  # ART's own class moves the global streams by predicting
        for label, rows in clusters:
            classes = judge.predict(x[rows]).argmax(axis=1)
            votes = np.bincount(classes, minlength=judge.nb_classes)
            for_label, votes[label] = int(votes[label]), -1
            source = int(votes.argmax())
            verdicts.append(Reclassification(for_label / max(1, int(votes[source])), source, classes))
    return verdicts


def relabelled(y: Labels, rows: Indices, classes: Indices) -> Labels:
    """A copy of labels, indices or one-hot, in which the given rows bear the given classes.

    >>> relabelled(np.eye(3), np.array([0, 1]), np.array([2, 1])).tolist()
    [[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    corrected = y.copy()
    corrected[rows] = classes if y.ndim == 1 else np.eye(y.shape[1], dtype=y.dtype)[classes]
    return corrected
