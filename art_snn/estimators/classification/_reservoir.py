"""A bounded sample of all that was seen, for classifiers that are trained a batch a call."""

from dataclasses import dataclass

import numpy as np

from art_snn._random import Rng, draw_seed
from art_snn.typing import Array

MOST, MOST_BYTES = 256, 2**25  # more samples make calibration dearer than the training of a small batch


@dataclass
class Reservoir:
    """Samples drawn evenly from all that were ever added, whatever the batches in which they came.

    Each sample draws a number, and those with the smallest stay.

    Args:
        most: Samples.
        most_bytes: Largest size of all samples together; one is kept in any case.

    Source: Efraimidis and Spirakis, Weighted random sampling with a reservoir, 2006,
    https://doi.org/10.1016/j.ipl.2005.11.003, with equal weights.
    """

    most: int = MOST
    most_bytes: int = MOST_BYTES
    n_seen: int = 0
    samples: Array | None = None
    _draws: Array | None = None

    def __len__(self) -> int:
        return 0 if self.samples is None else len(self.samples)

    def add(self, x: Array, rng: Rng) -> None:
        """See more samples; only those that stay are copied. Calls with one and the same seed draw anew each time."""
        draws = np.random.default_rng((draw_seed(rng), self.n_seen)).random(len(x))
        everyone = draws if self._draws is None else np.concatenate([self._draws, draws])
        n_kept = max(1, min(self.most, self.most_bytes // max(1, x[:1].nbytes)))
        kept = np.sort(np.argsort(everyone, kind="stable")[:n_kept])
        old, new = kept[kept < len(self)], kept[kept >= len(self)] - len(self)
        before = [] if self.samples is None else [self.samples[old]]
        self.samples, self._draws = np.concatenate([*before, x[new]]), everyone[kept]
        self.n_seen += len(x)
