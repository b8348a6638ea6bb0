"""Analyses that find suspicious clusters of a class: source diversity, and the four of ART."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from sklearn.metrics import silhouette_score

from art_snn.defences.detector._outlying_classes import corrected_p_values
from art_snn.defences.detector.activation.clustering import ClassClusters
from art_snn.defences.detector.activation.source_diversity import Neighbours, source_diversity
from art_snn.typing import Array, Indices, Mask

SMALL_SHARE = 0.35  # share of its class below which a cluster is suspiciously small, as in ART
SILHOUETTE = 0.1  # score above which clusters are separate, as in ART


@dataclass(frozen=True, eq=False)
class Context:
    """Data that an analysis needs in addition to the clusters of one class.

    Args:
        features: Features of all samples at one layer, (N, F).
        labels: Class indices of all samples, (N,).
        neighbours: Function that returns the nearest neighbours of all samples; their search takes long.
        threshold: Source diversity from which on a class is accused.
    """

    features: Array
    labels: Indices
    neighbours: Callable[[], Neighbours]
    threshold: float


@dataclass(frozen=True, eq=False)
class Verdict:
    """Result of an analysis of the clusters of one class.

    Args:
        suspicion: Suspicion of each cluster, (C,), in [0, 1].
        is_accused: Whether each cluster is reported as poison, (C,).
    """

    suspicion: Array
    is_accused: Mask

    @property
    def suspect(self) -> int:
        """Most suspicious cluster, accused or not."""
        return int(np.argmax(self.suspicion))


Analysis = Callable[[ClassClusters, Context], Verdict]


def _by_diversity(group: ClassClusters, context: Context) -> Verdict:
    """Accuse the cluster whose members come from the most classes, if their origin can be told."""
    neighbours = context.neighbours()
    diversity = source_diversity(neighbours, group.rows, group.clusters, group.n_clusters)
    is_first = _only(np.argmax(diversity), len(diversity))
    return Verdict(diversity, is_first & (diversity >= context.threshold) & neighbours.are_informative)


def _by_size(group: ClassClusters, context: Context) -> Verdict:
    """Accuse the smallest cluster of every class."""
    suspicion = 1 - _shares(group)
    return Verdict(suspicion, _only(np.argmax(suspicion), len(suspicion)))


def _by_relative_size(group: ClassClusters, context: Context) -> Verdict:
    """Accuse small clusters."""
    return Verdict(1 - _shares(group), _shares(group) < SMALL_SHARE)


def _by_silhouette(group: ClassClusters, context: Context) -> Verdict:
    """Accuse small clusters of classes with separate clusters."""
    apart = 0.0
    if 1 < group.n_clusters < len(group.rows):
        apart = max(0.0, float(silhouette_score(group.reduced, group.clusters)))
    is_small = _shares(group) < SMALL_SHARE
    return Verdict(apart * np.where(is_small, 1 - _shares(group), 0), is_small & (apart > SILHOUETTE))


def _by_distance(group: ClassClusters, context: Context) -> Verdict:
    """Accuse clusters whose median is nearer to that of another class than to their own, unless all are."""
    features, labels = context.features, context.labels
    medians = {label: np.median(features[labels == label], axis=0) for label in np.unique(labels)}
    suspicion = np.zeros(group.n_clusters)
    for cluster in range(group.n_clusters):
        centre = np.median(features[group.rows[group.clusters == cluster]], axis=0)
        far = {label: float(np.linalg.norm(centre - median)) for label, median in medians.items()}
        to_own = far.pop(labels[group.rows[0]])
        if far and to_own > 0:
            suspicion[cluster] = to_own / (to_own + min(far.values()))
    is_astray = suspicion > 1 / 2
    return Verdict(suspicion, is_astray & ~is_astray.all())


ANALYSES: dict[str, Analysis] = {
    "diversity": _by_diversity,
    "smaller": _by_size,
    "relative-size": _by_relative_size,
    "silhouette-scores": _by_silhouette,
    "distance": _by_distance,
}


def analyse(name: str, group: ClassClusters, context: Context) -> Verdict:
    """Verdict of an analysis; a class with a single cluster is not accused."""
    if group.n_clusters == 1:
        return Verdict(np.zeros(1), np.zeros(1, bool))
    return ANALYSES[name](group, context)


def diversity_p_values(verdicts: Sequence[Verdict]) -> list[float] | None:
    """P-values (K,) of the source diversity of the classes' most suspicious clusters; None for less than four."""
    diversity = [np.nan if len(one.suspicion) == 1 else one.suspicion.max() for one in verdicts]
    found = corrected_p_values(np.arcsin(np.sqrt(diversity)))  # of shares, these angles are nearest to normal
    return None if found is None else found.tolist()


def acquitted(verdicts: Sequence[Verdict], significance: float) -> list[Verdict]:
    """Without accusations of classes whose diversity does not stand out, where there are enough classes to tell."""
    p_values = diversity_p_values(verdicts) or [0.0] * len(verdicts)
    return [
        replace(one, is_accused=one.is_accused & (p_value <= significance))
        for one, p_value in zip(verdicts, p_values, strict=True)
    ]


def _shares(group: ClassClusters) -> Array:
    """Share of the class in each cluster, (C,)."""
    return np.bincount(group.clusters, minlength=group.n_clusters) / len(group.rows)


def _only(index: np.intp, length: int) -> Mask:
    only: Mask = np.arange(length) == index
    return only
