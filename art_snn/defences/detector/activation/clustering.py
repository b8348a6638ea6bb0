"""Reduction and clustering of the features of one class; a class that cannot be clustered is one cluster."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from sklearn.cluster import KMeans
from sklearn.decomposition import FastICA
from sklearn.exceptions import ConvergenceWarning

from art_snn.defences.detector._principal_directions import Directions
from art_snn.typing import Array, Indices

Reduction = Literal["PCA", "FastICA"]
Reducer = Callable[[Array], Array]


@dataclass(frozen=True, eq=False)
class ClassClusters:
    """The clusters of one class.

    Args:
        rows: Rows of the samples of the class, (n,).
        clusters: Cluster of each sample, (n,), from 0.
        n_clusters: Number C of clusters as requested, or 1 if features are constant or samples too few.
        reduced: Features in few dimensions, (n, D).
    """

    rows: Indices
    clusters: Indices
    n_clusters: int
    reduced: Array
    _reducer: Reducer | None = None
    _centres: Array | None = None

    @classmethod
    def of(
        cls, own: Array, rows: Indices, nb_clusters: int, nb_dims: int, reduce: Reduction, seed: int
    ) -> "ClassClusters":
        """Reduce and cluster the features (n, F) of the samples of a class, which are these rows of all."""
        one_cluster = cls(rows, np.zeros(len(rows), np.int64), 1, np.zeros((len(rows), 1), np.float32))
        if len(rows) < 2 * nb_clusters or not np.ptp(own, axis=0).any():
            return one_cluster
        reducer = _fitted(own, nb_dims, reduce, seed)
        reduced = reducer(own)
        if len(np.unique(reduced, axis=0)) < nb_clusters:
            return one_cluster
        found = KMeans(nb_clusters, n_init=10, random_state=seed).fit(reduced)
        return cls(rows, found.labels_.astype(np.int64), nb_clusters, reduced, reducer, found.cluster_centers_)

    def distances(self, features: Array) -> Array:
        """Distances (m, C) of features (m, F) to the cluster centres."""
        if self._reducer is None or self._centres is None:
            return np.zeros((len(features), 1))
        reduced = self._reducer(features)
        return np.stack([np.linalg.norm(reduced - centre, axis=1) for centre in self._centres], axis=1)


def _fitted(features: Array, nb_dims: int, reduce: Reduction, seed: int) -> Reducer:
    """Map from features (m, F) to few dimensions (m, D), fitted to the features of one class."""
    directions = Directions.of(features, nb_dims, seed)
    if reduce == "PCA":
        return directions.project
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # approximate components separate clusters too
        components = FastICA(random_state=seed, max_iter=1000, tol=0.005).fit(directions.project(features))
    return lambda rows: components.transform(directions.project(rows))
