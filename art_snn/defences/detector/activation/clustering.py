"""The features of one class, reduced and clustered; a class that cannot be clustered is one cluster."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn.cluster import KMeans
from sklearn.decomposition import FastICA
from sklearn.exceptions import ConvergenceWarning

from art_snn.defences.detector._principal_directions import Directions
from art_snn.typing import Array, Indices

REDUCERS = ("PCA", "FastICA")
CLUSTERERS = ("KMeans",)
Reducer = Callable[[Array], Array]


@dataclass(frozen=True, eq=False)
class ClassClusters:
    """One class, clustered.

    Args:
        rows: Which samples are of the class, (n,).
        clusters: The cluster of each, (n,), from 0.
        n_clusters: C: as many as asked for, or 1 where the features hold still or the samples are too few.
        reduced: The features in few dimensions, (n, D).
    """

    rows: Indices
    clusters: Indices
    n_clusters: int
    reduced: Array
    _reducer: Reducer | None = None
    _centres: Array | None = None

    @classmethod
    def of(
        cls, features: Array, rows: Indices, nb_clusters: int, nb_dims: int, reduce: str, seed: int
    ) -> "ClassClusters":
        """Reduce and cluster the given rows of features (N, F)."""
        whole = cls(rows, np.zeros(len(rows), np.int64), 1, np.zeros((len(rows), 1), np.float32))
        own = features[rows]
        if len(rows) < 2 * nb_clusters or not np.ptp(own, axis=0).any():
            return whole
        reducer = _fitted(own, nb_dims, reduce, seed)
        reduced = reducer(own)
        if len(np.unique(reduced, axis=0)) < nb_clusters:
            return whole
        found = KMeans(nb_clusters, n_init=10, random_state=seed).fit(reduced)
        return cls(rows, found.labels_.astype(np.int64), nb_clusters, reduced, reducer, found.cluster_centers_)

    def distances(self, features: Array) -> Array:
        """Distances (m, C) of rows of features (m, F) to the centres of the clusters."""
        if self._reducer is None or self._centres is None:
            return np.zeros((len(features), 1))
        reduced = self._reducer(features)
        return np.stack([np.linalg.norm(reduced - centre, axis=1) for centre in self._centres], axis=1)


def _fitted(features: Array, nb_dims: int, reduce: str, seed: int) -> Reducer:
    """What maps rows of features (m, F) to few dimensions (m, D), fitted to those of one class."""
    directions = Directions.of(features, nb_dims, seed)
    if reduce == "PCA":
        return directions.project
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # rough components separate clusters, too
        components = FastICA(random_state=seed, max_iter=1000, tol=0.005).fit(directions.project(features))
    return lambda rows: components.transform(directions.project(rows))
