"""Source diversity: from how many classes the members of a cluster seem to come."""

from dataclasses import dataclass

import numpy as np
from sklearn.metrics import pairwise_distances_argmin_min
from sklearn.neighbors import NearestNeighbors

from art_snn.typing import Array, Indices

FEWEST_MEMBERS = 5  # members of a cluster below which its diversity is 0
LEAST_SAME_CLASS = 0.5  # rate of same-class neighbours below which distances do not show a sample's origin


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The nearest neighbour of another class for each sample.

    Args:
        x: Samples, flat, (N, F).
        classes: Class of each sample's nearest neighbour of another class, (N,).
        distances: Distance to that neighbour, (N,).
        n_sources: Number of classes with samples, less one.
        same_class_rate: Share of samples with a neighbour of their own class that is at least as near.
    """

    x: Array
    classes: Indices
    distances: Array
    n_sources: int
    same_class_rate: float

    @classmethod
    def of(cls, x: Array, labels: Indices) -> "Neighbours":
        """Search among samples (N, F) with class indices (N,), in scikit-learn's chunks of memory."""
        present = np.unique(labels)
        classes, distances = np.full(len(x), -1), np.full(len(x), np.inf)
        has_own = np.zeros(len(x), bool)
        for label in present if len(present) > 1 else ():
            own = labels == label
            nearest, distances[own] = pairwise_distances_argmin_min(x[own], x[~own])
            classes[own] = labels[~own][nearest]
            if own.sum() > 1:
                to_own, _ = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(x[own]).kneighbors()
                has_own[own] = to_own[:, 0] <= distances[own]
        return cls(x, classes, distances, len(present) - 1, float(has_own.mean()))

    @property
    def are_informative(self) -> bool:
        """Whether most nearest neighbours share a class, so that they show where a sample comes from."""
        return self.same_class_rate >= LEAST_SAME_CLASS or self.n_sources == 0


def source_diversity(neighbours: Neighbours, rows: Indices, clusters: Indices, n_clusters: int) -> Array:
    """How evenly the members of each cluster of a class seem to come from all other classes.

    A member is a stranger if its nearest sample outside its cluster belongs to another class, its likely source. Poison
    with a class's label is made of samples of other classes: its members are strangers from many classes. A clean class
    may also have clusters, but they border on each other and on few other classes. The sizes of clusters do not matter,
    except that clusters of fewer than 5 members score 0.

    This cannot tell poison from a single source class from a clean class, and it tells nothing if near samples mostly
    belong to different classes.

    Args:
        neighbours: Nearest neighbours in the whole data set.
        rows: Rows of the samples of one class, (n,).
        clusters: Cluster of each of these samples, (n,), from 0.
        n_clusters: Number C of clusters.

    Returns:
        Diversity (C,) in [0, 1]: the share of strangers, times the perplexity of their classes, divided by the number
        of other classes.

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
    """Exponential of the entropy of labels, the effective number of classes: 1 to K, or 0 without labels.

    >>> round(perplexity(np.array([0, 0, 3, 3])), 6)
    2.0
    """
    if len(labels) == 0:
        return 0.0
    shares = np.unique(labels, return_counts=True)[1] / len(labels)
    return float(np.exp(-(shares * np.log(shares)).sum()))
