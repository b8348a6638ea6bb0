"""From how many classes the members of a cluster seem to come: what sets poison apart from a class's own variety."""

from dataclasses import dataclass

import numpy as np
from sklearn.metrics import pairwise_distances_argmin_min
from sklearn.neighbors import NearestNeighbors

from art_snn.typing import Array, Indices

FEWEST_MEMBERS = 5  # of a cluster, for its members' sources to say anything
FEWEST_AT_HOME = 0.5  # share of samples next to one of their own class, for distances to say anything


@dataclass(frozen=True, eq=False)
class Neighbours:
    """For each sample the nearest one of another class.

    Args:
        x: The samples, flat, (N, F).
        classes: The class of the nearest sample of another class, (N,).
        distances: How far that one is, (N,).
        n_sources: In how many other classes there are samples at all.
        at_home: Share of samples that are nearer to another one of their own class.
    """

    x: Array
    classes: Indices
    distances: Array
    n_sources: int
    at_home: float

    @classmethod
    def of(cls, x: Array, labels: Indices) -> "Neighbours":
        """Search among samples (N, F) with their class indices (N,); memory is bounded by scikit-learn's chunks."""
        present = np.unique(labels)
        classes, distances = np.full(len(x), -1), np.full(len(x), np.inf)
        is_at_home = np.zeros(len(x), bool)
        for label in present if len(present) > 1 else ():
            own = labels == label
            nearest, distances[own] = pairwise_distances_argmin_min(x[own], x[~own])
            classes[own] = labels[~own][nearest]
            if own.sum() > 1:
                to_own, _ = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(x[own]).kneighbors()
                is_at_home[own] = to_own[:, 0] <= distances[own]
        return cls(x, classes, distances, len(present) - 1, float(is_at_home.mean()))

    @property
    def are_telling(self) -> bool:
        """Whether near samples mostly share a class, where there are several: else they tell nobody's origin."""
        return self.at_home >= FEWEST_AT_HOME or self.n_sources == 0


def source_diversity(neighbours: Neighbours, rows: Indices, clusters: Indices, n_clusters: int) -> Array:
    """How evenly the members of each cluster of a class seem to come from all other classes.

    A member is a stranger if its nearest sample outside its cluster is one of another class, which is taken for the
    class that it comes from. Poison with a class's label is made of samples of other classes: its members are
    strangers, from many classes. A clean class may fall into clusters, too, but they border on each other and on few
    other classes. Nothing is assumed of their sizes. Clusters of fewer than 5 members score 0.

    Poison that comes from one class only is not told from a clean class by this, nor is any where near samples are
    mostly of different classes.

    Args:
        neighbours: Of the whole data set.
        rows: The samples of one class, (n,).
        clusters: The cluster of each of them, (n,), from 0.
        n_clusters: Their number C.

    Returns:
        (C,) in [0, 1]: the share of strangers times the perplexity of their classes, as a share of all other classes.

    >>> x = np.repeat([0.0, 1.0, 2.0, 1.0, 2.0], 8)[:, None]  # three classes, then poison made of the last two
    >>> labels = np.repeat([0, 1, 2, 0, 0], 8)
    >>> rows, clusters = np.flatnonzero(labels == 0), np.repeat([0, 1], [8, 16])
    >>> source_diversity(Neighbours.of(x, labels), rows, clusters, 2).round(2).tolist()
    [0.0, 1.0]
    """
    diversity = np.zeros(n_clusters)
    for cluster in range(n_clusters):
        members, rest = rows[clusters == cluster], rows[clusters != cluster]
        if len(members) < FEWEST_MEMBERS or len(rest) == 0 or neighbours.n_sources == 0:
            continue
        _, to_own = pairwise_distances_argmin_min(neighbours.x[members], neighbours.x[rest])
        is_stranger = neighbours.distances[members] < to_own
        sources = neighbours.classes[members][is_stranger]
        diversity[cluster] = is_stranger.mean() * perplexity(sources) / neighbours.n_sources
    return diversity


def perplexity(labels: Indices) -> float:
    """The number of equally frequent classes whose draw would surprise as much: 1 to K, and 0 of no labels.

    >>> round(perplexity(np.array([0, 0, 3, 3])), 6)
    2.0
    """
    if len(labels) == 0:
        return 0.0
    shares = np.unique(labels, return_counts=True)[1] / len(labels)
    return float(np.exp(-(shares * np.log(shares)).sum()))
