"""The directions in which rows spread most."""

from dataclasses import dataclass

import numpy as np
from sklearn.utils.extmath import randomized_svd

from art_snn.typing import Array

_NEGLIGIBLE = 1e-5  # of the longest direction: what float32 makes of none


@dataclass(frozen=True, eq=False)
class Directions:
    """The centre of rows and the first directions around it, by randomised singular value decomposition.

    Args:
        centre: The mean, (F,).
        axes: Orthonormal, (k, F), as many as asked for or as there are; one of zeros where the rows hold still.
        variance: Of the rows along all of these, summed.
    """

    centre: Array
    axes: Array
    variance: float

    @classmethod
    def of(cls, rows: Array, n_directions: int, seed: int) -> "Directions":
        """Of rows (n, F), which may be none.

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
