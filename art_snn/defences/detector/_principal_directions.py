"""Principal directions: those in which rows vary most."""

from dataclasses import dataclass

import numpy as np
from sklearn.utils.extmath import randomized_svd

from art_snn.typing import Array

_NEGLIGIBLE = 1e-5  # relative to the longest direction: rounding errors of float32


@dataclass(frozen=True, eq=False)
class Directions:
    """The mean of rows and their first principal directions, by randomised singular value decomposition.

    Args:
        centre: Mean of the rows, (F,).
        axes: Orthonormal directions, (k, F), at most as many as requested; one row of zeros if all rows are equal.
        variance: Variance of the rows along these directions, summed.
    """

    centre: Array
    axes: Array
    variance: float

    @classmethod
    def of(cls, rows: Array, n_directions: int, seed: int) -> "Directions":
        """Principal directions of rows (n, F); n may be 0.

        >>> Directions.of(np.array([[1.0, 0.0], [1.0, 2.0]]), n_directions=1, seed=0).axes.round(3).tolist()
        [[0.0, 1.0]]
        """
        centre = rows.mean(axis=0) if len(rows) else np.zeros(rows.shape[1], np.float32)
        centred = rows - centre
        if len(rows) == 0 or not np.ptp(rows, axis=0).any():
            return cls(centre, np.zeros((1, len(centre)), np.float32), 0.0)
        _, lengths, axes = randomized_svd(centred, min(n_directions, *centred.shape), random_state=seed)
        is_real = lengths > _NEGLIGIBLE * lengths[0]
        return cls(centre, axes[is_real], float((lengths[is_real] ** 2).sum() / len(rows)))

    def project(self, rows: Array) -> Array:
        """Coordinates (n, k) of rows (n, F) along the axes, from the centre."""
        coordinates: Array = (rows - self.centre) @ self.axes.T
        return coordinates
