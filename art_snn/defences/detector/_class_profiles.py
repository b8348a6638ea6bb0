"""What profiles of a class are like, and whether a class holds others."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from art_snn.typing import Array, Indices

_DEVIATION_OF_NORMAL = float(stats.norm.ppf(3 / 4))  # median absolute deviation of a standard normal
_LOWER_QUARTILE = 0.25  # clean even if half of a class is poison
_TAIL = 0.95


@dataclass(frozen=True, eq=False)
class ClassProfiles:
    """Centre and usual distance of each class.

    Args:
        centres: Centres of the classes, (K, F).
        scales: Spread of each value within classes, (F,); infinite for one that never varies.
        units: Distance from the centre that is usual in each class, (K,).
    """

    centres: Array
    scales: Array
    units: Array

    @classmethod
    def of(
        cls, profiles: Array, labels: Indices, n_classes: int, reference: tuple[Array, Indices] | None
    ) -> "ClassProfiles":
        """Of training samples, or of clean ones where there are any.

        Args:
            profiles: Profiles of training samples, (N, F).
            labels: Classes of the training samples, (N,).
            n_classes: Number of classes; one without samples gets the middle of the others.
            reference: Profiles of clean samples and their classes: means and spread come from them. None: medians and
                lower quartiles of the training samples, which a poisoned minority moves little.
        """
        medians = _of_each_class(profiles, labels, n_classes, lambda own: np.median(own, axis=0))
        scales = _spread(profiles - medians[labels])
        if reference is None:
            found = cls(medians, scales, np.ones(n_classes))
            distances = found.scores(profiles, labels)
            units = _of_each_class(distances, labels, n_classes, lambda own: np.quantile(own, _LOWER_QUARTILE))
        else:
            clean, of_clean = reference
            means = _of_each_class(clean, of_clean, n_classes, lambda own: own.mean(axis=0))
            found = cls(means, scales, np.ones(n_classes))
            sizes = np.bincount(of_clean, minlength=n_classes)[of_clean]
            alone = found.scores(clean, of_clean) * sizes / (sizes - 1)  # from the mean of the others of its class
            units = _of_each_class(alone, of_clean, n_classes, np.mean)
        return cls(found.centres, scales, np.where(units > 0, units, 1.0))

    def scaled(self, profiles: Array) -> Array:
        """In units of the spread."""
        return profiles / self.scales

    def scores(self, profiles: Array, labels: Indices) -> Array:
        """Distances (n,) of profiles (n, F) from the centres of these classes, in units that are usual there."""
        return _norm((profiles - self.centres[labels]) / self.scales) / self.units[labels]


def tails(scores: Array, labels: Indices, n_classes: int) -> Array:
    """Logarithm of one more than the 95th percentile of each class's scores, (K,); NaN for a class without samples."""
    found = np.full(n_classes, np.nan)
    for label in np.unique(labels):
        found[label] = np.log1p(np.quantile(scores[labels == label], _TAIL))
    return found


def permutation_p_value(own: Array, clean: Array, least: float, rng: np.random.Generator) -> float:
    """Chance of so large a distance between training and clean samples of a class if all of them are alike.

    The statistic is the mean distance of the training samples from the mean of the clean ones, less the mean distance
    of each clean sample from the mean of the other clean ones. Under the null any choice of as many samples could be
    the clean ones, so the test keeps its level exactly, whatever the distribution.

    Args:
        own: Training samples, (n, F).
        clean: Clean samples, (m, F), at least 2.
        least: Smallest p-value; its inverse is how many choices are compared, the real one among them.
        rng: Source of the choices.

    >>> rng = np.random.default_rng(0)
    >>> same, other = rng.normal(size=(40, 3)), rng.normal(3, size=(40, 3))
    >>> permutation_p_value(same, rng.normal(size=(8, 3)), 1e-3, rng) > 0.05
    True
    >>> permutation_p_value(other, rng.normal(size=(8, 3)), 1e-3, rng)
    0.001
    """
    both, m, n_choices = np.concatenate([clean, own]), len(clean), int(np.ceil(1 / least))
    is_clean = np.zeros((n_choices, len(both)))
    is_clean[0, :m] = 1
    for choice in is_clean[1:]:
        choice[rng.permutation(len(both))[:m]] = 1
    means = is_clean @ both / m
    squares = (both**2).sum(axis=1) - 2 * means @ both.T + (means**2).sum(axis=1)[:, None]
    distances = np.sqrt(np.maximum(squares, 0))
    of_clean = (distances * is_clean).sum(axis=1) / (m - 1)  # m / (m - 1) times their mean
    statistics = (distances * (1 - is_clean)).sum(axis=1) / len(own) - of_clean
    return float((statistics >= statistics[0] - 1e-9).mean())


def _of_each_class(values: Array, labels: Indices, n_classes: int, summary: Callable[[Array], Any]) -> Array:
    """Summary of each class's values; a class without any gets the median of the others."""
    present = np.unique(labels)
    found = {int(label): summary(values[labels == label]) for label in present}
    usual = np.median(np.stack(list(found.values())), axis=0)
    return np.stack([found.get(label, usual) for label in range(n_classes)])


def _spread(residuals: Array) -> Array:
    """Robust standard deviation (F,); where more than half of the values are equal, their mean deviation."""
    deviations = np.abs(residuals)
    spread = np.median(deviations, axis=0) / _DEVIATION_OF_NORMAL
    spread = np.where(spread > 0, spread, deviations.mean(axis=0))
    return np.where(spread > 0, spread, np.inf)


def _norm(profiles: Array) -> Array:
    """Root mean square, (n,)."""
    norms: Array = np.sqrt((profiles**2).mean(axis=1))
    return norms
