"""Which clusters of a class are suspicious: source diversity, and the four analyses that ART offers."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import silhouette_score

from art_snn.defences.detector.activation.clustering import ClassClusters
from art_snn.defences.detector.activation.source_diversity import Neighbours, source_diversity
from art_snn.typing import Array, Indices, Mask

SMALL_SHARE = 0.35  # ART's: of its class, below which a cluster is suspiciously small
SILHOUETTE = 0.1  # ART's: above which clusters pass for separate


@dataclass(frozen=True, eq=False)
class Surroundings:
    """What else there is to know about a data set, for a look at the clusters of one of its classes.

    Args:
        features: Of all samples at one layer, (N, F).
        labels: Their class indices, (N,).
        neighbours: Gives those of the samples themselves, whose search takes long.
        threshold: Source diversity from which on a class is accused.
    """

    features: Array
    labels: Indices
    neighbours: Callable[[], Neighbours]
    threshold: float


@dataclass(frozen=True, eq=False)
class Verdict:
    """What an analysis says of the clusters of one class.

    Args:
        suspicion: Of each cluster, (C,), in [0, 1].
        is_accused: Which of them are taken for poison, (C,).
    """

    suspicion: Array
    is_accused: Mask

    @property
    def suspect(self) -> int:
        """The most suspicious cluster, accused or not."""
        return int(np.argmax(self.suspicion))


Analysis = Callable[[ClassClusters, Surroundings], Verdict]


def _by_diversity(group: ClassClusters, around: Surroundings) -> Verdict:
    """At most one cluster of a class: the one whose members come from the most classes; none if that cannot be told."""
    neighbours = around.neighbours()
    diversity = source_diversity(neighbours, group.rows, group.clusters, group.n_clusters)
    is_first = _only(np.argmax(diversity), len(diversity))
    return Verdict(diversity, is_first & (diversity >= around.threshold) & neighbours.are_telling)


def _by_size(group: ClassClusters, around: Surroundings) -> Verdict:
    """The smallest cluster of every class."""
    suspicion = 1 - _shares(group)
    return Verdict(suspicion, _only(np.argmax(suspicion), len(suspicion)))


def _by_relative_size(group: ClassClusters, around: Surroundings) -> Verdict:
    """Small clusters."""
    return Verdict(1 - _shares(group), _shares(group) < SMALL_SHARE)


def _by_silhouette(group: ClassClusters, around: Surroundings) -> Verdict:
    """Small clusters of classes that fall apart."""
    apart = 0.0
    if 1 < group.n_clusters < len(group.rows):
        apart = max(0.0, float(silhouette_score(group.reduced, group.clusters)))
    is_small = _shares(group) < SMALL_SHARE
    return Verdict(apart * np.where(is_small, 1 - _shares(group), 0), is_small & (apart > SILHOUETTE))


def _by_distance(group: ClassClusters, around: Surroundings) -> Verdict:
    """Clusters whose median is nearer to the median of another class than to that of their own, unless all are."""
    own_class = around.labels[group.rows[0]]
    medians = {label: np.median(around.features[around.labels == label], axis=0) for label in np.unique(around.labels)}
    suspicion = np.zeros(group.n_clusters)
    for cluster in range(group.n_clusters):
        centre = np.median(around.features[group.rows[group.clusters == cluster]], axis=0)
        far = {label: float(np.linalg.norm(centre - median)) for label, median in medians.items()}
        to_own = far.pop(own_class)
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


def analyse(name: str, group: ClassClusters, around: Surroundings) -> Verdict:
    """The verdict of an analysis; a class that is one cluster has nothing to be compared with, and is not accused."""
    if group.n_clusters == 1:
        return Verdict(np.zeros(1), np.zeros(1, bool))
    return ANALYSES[name](group, around)


def _shares(group: ClassClusters) -> Array:
    """Of the class, (C,)."""
    return np.bincount(group.clusters, minlength=group.n_clusters) / len(group.rows)


def _only(index: np.intp, length: int) -> Mask:
    only: Mask = np.arange(length) == index
    return only
