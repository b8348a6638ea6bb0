"""Features in units of what is usual within the other classes."""

from dataclasses import dataclass

import numpy as np
from sklearn.covariance import ledoit_wolf

from art_snn.defences.detector._principal_directions import Directions
from art_snn.typing import Array, Indices

_KEPT = 60  # principal directions of all samples; the others hold little but noise
_LEAST = 1e-6  # of the largest variance, where nothing is shrunk


@dataclass(frozen=True, eq=False)
class Whitening:
    """Map to a space in which samples of the other classes vary alike in all directions, around their class's mean.

    A class that holds something the other classes do not, such as a trigger, then varies most in its direction, though
    it may be short among the features. Covariances are shrunk towards equal variances (Ledoit and Wolf), so that
    directions in which hardly anything varies are not stretched without limit.

    Args:
        directions: Principal directions of all samples.
        scaling: From coordinates along them to the space, (D, D).

    Source: the covariance within classes as in Tang et al., Demon in the variant, USENIX Security 2021,
    https://www.usenix.org/conference/usenixsecurity21/presentation/tang-di; whitening before spectral signatures as in
    Hayase et al., SPECTRE, ICML 2021, https://arxiv.org/abs/2104.11315, who estimate a single covariance robustly.

    >>> x = np.array([[0, 1], [0, -1], [5, 1], [5, -1], [9, 1], [9, -1]]) * np.array([1, 100])
    >>> whitened = Whitening.of_classes(x, np.arange(6) // 2, n_classes=3, seed=0)[0](x)
    >>> bool(np.ptp(whitened[:2], axis=0).max() < 3)
    True
    """

    directions: Directions
    scaling: Array

    @classmethod
    def of_classes(cls, features: Array, labels: Indices, n_classes: int, seed: int) -> list["Whitening"]:
        """One of each class, from the samples of all other classes: features (N, F), class indices (N,)."""
        directions = Directions.of(features, _KEPT, seed)
        residuals = directions.project(features)
        for label in np.unique(labels):
            residuals[labels == label] -= residuals[labels == label].mean(axis=0)
        return [cls(directions, _scaling(residuals[labels != label])) for label in range(n_classes)]

    def __call__(self, features: Array) -> Array:
        """Features (n, F) in the space, (n, D)."""
        whitened: Array = self.directions.project(features) @ self.scaling
        return whitened


def _scaling(residuals: Array) -> Array:
    """Map (D, D) after which residuals (n, D) vary alike in all directions; none where nothing varies."""
    if not residuals.any():
        return np.eye(residuals.shape[1], dtype=residuals.dtype)
    variances, axes = np.linalg.eigh(ledoit_wolf(residuals, assume_centered=True)[0])
    scaling: Array = axes / np.sqrt(np.maximum(variances, _LEAST * variances[-1]))
    return scaling
