"""Figures over several seeds: mean, spread and interval, and whether two figures differ."""

import math
from collections.abc import Sequence
from functools import cache
from typing import Literal, NamedTuple

import numpy as np
from scipy import stats

from art_snn._validation import check_at_least, check_positive, check_same_length
from art_snn.typing import Array

LEVEL = 0.95
_N_RESAMPLES = 10_000
_MOST_ENUMERATED = 6  # seeds, whose 6⁶ resamples are all looked at
_ROUNDING = 64 * np.finfo(np.float64).eps


class Summary(NamedTuple):
    """A figure over seeds.

    Args:
        mean: Mean over the seeds whose figure is a number; NaN where there is none.
        sd: Standard deviation over seeds (n - 1); NaN for fewer than two.
        n: Number of seeds whose figure is a number.
        low: Lower end of the 95 % interval; NaN where there is none.
        high: Upper end of the 95 % interval; NaN where there is none.
        kind: What the interval is over: "seeds" (bootstrap of the mean), "samples" (Wilson's, of one seed), "verdicts"
            (Wilson's, of one yes or no a seed), or "none".
        n_left_out: Number of seeds whose figure is NaN, as that of an invalid row is.
    """

    mean: float
    sd: float
    n: int
    low: float
    high: float
    kind: Literal["seeds", "samples", "verdicts", "none"]
    n_left_out: int = 0

    @property
    def interval_text(self) -> str:
        """What the interval is, in words for a table's foot.

        >>> summary([0.9, 0.95, 1.0]).interval_text
        '95 % interval over 3 seeds (bootstrap; no interval of 3 values holds the mean more than 75 times of 100)'
        """
        if self.kind == "samples":
            return "95 % interval over the samples of one seed (Wilson), which says nothing about other trainings"
        if self.kind == "verdicts":
            return f"95 % interval over the verdicts of {self.n} seed{'s' if self.n > 1 else ''} (Wilson)"
        if self.kind == "none":
            return "no interval"
        most = 1 - 2 * 0.5**self.n
        few = f"; no interval of {self.n} values holds the mean more than {100 * most:.0f} times of 100"
        return f"95 % interval over {self.n} seeds (bootstrap{few if most < LEVEL else ''})"


Verdict = Literal["higher", "lower", "no difference seen", "not tested"]


class Difference(NamedTuple):
    """What separates two figures that were measured with the same seeds.

    Args:
        mean: Mean of the differences, first less second; NaN where no seed has both.
        low: Lower end of the 95 % interval of the mean difference; NaN where nothing was tested.
        high: Upper end of the 95 % interval of the mean difference; NaN where nothing was tested.
        p: Two-sided p-value of the paired t-test; NaN where nothing was tested.
        n: Number of seeds that have both figures.
        n_left_out: Number of seeds that lack one of them.
        verdict: "higher", "lower" or "no difference seen" of the first against the second; "not tested" for fewer than
            two seeds, or where the differences do not vary and no resolution was given.
        p_corrected: The p-value that the verdict goes by: `p`, or more where `corrected` has looked at several tests.
    """

    mean: float
    low: float
    high: float
    p: float
    n: int
    n_left_out: int
    verdict: Verdict
    p_corrected: float = math.nan


def summary(values: Array | list[float], *, counts: tuple[int, int] | None = None, seed: int = 0) -> Summary:
    """Mean, standard deviation and 95 % interval of a figure over seeds.

    With several seeds the interval is the expanded percentile bootstrap of the mean: of resamples whose share of
    outermost means is widened as Student's t is wider than a normal distribution. Of normal figures it then holds the
    true mean 75 times of 100 for 3 seeds, 91 for 5 and 93 for 10 (the plain percentiles: 75, 83 and 89). With one seed
    the interval is Wilson's over samples, which says nothing about other trainings.

    Args:
        values: One figure a seed, (n,); NaN where a row means nothing.
        counts: Successes and samples of the figure of the only seed, where it is a share.
        seed: Seed of the resamples of more than 6 seeds; of fewer all are taken.

    Raises:
        ValueError: If a value is infinite, or the counts are not those of the only seed's figure.

    Source: Efron and Tibshirani, An introduction to the bootstrap, 1993, chapter 13; the expansion: Hesterberg, What
    teachers should know about the bootstrap, 2015, https://doi.org/10.1080/00031305.2015.1089789, section 5.3.

    >>> summary([0.5, 0.75, 1.0])[:5]
    (0.75, 0.25, 3, 0.5, 1.0)
    """
    found, n_left_out = _numbers("values", values)
    n = len(found)
    if n > 1:
        low, high = _bootstrapped(found, seed)
        return Summary(math.fsum(found) / n, float(found.std(ddof=1)), n, low, high, "seeds", n_left_out)
    if n == 0 or counts is None:
        return Summary(float(found[0]) if n else math.nan, math.nan, n, math.nan, math.nan, "none", n_left_out)
    low, high = wilson_interval(*counts)
    if not math.isclose(found[0], counts[0] / counts[1], abs_tol=1e-6):  # of a figure in single precision
        raise ValueError(f"expected counts whose share is the figure {found[0]}, got {counts[0]} of {counts[1]}")
    return Summary(float(found[0]), math.nan, n, low, high, "samples", n_left_out)


def share_of_verdicts(verdicts: Sequence[bool | None]) -> Summary:
    """How often something is so, of one yes or no a seed; the interval is Wilson's over seeds.

    Args:
        verdicts: One a seed; None where there is none.

    >>> found = share_of_verdicts([True, True, False, None])
    >>> found.n, round(found.mean, 3), round(found.low, 3), round(found.high, 3)
    (3, 0.667, 0.208, 0.939)
    """
    known = [verdict for verdict in verdicts if verdict is not None]
    n, n_left_out = len(known), len(verdicts) - len(known)
    if not known:
        return Summary(math.nan, math.nan, 0, math.nan, math.nan, "none", n_left_out)
    return Summary(sum(known) / n, math.nan, n, *wilson_interval(sum(known), n), "verdicts", n_left_out)


def wilson_interval(successes: int, n: int) -> tuple[float, float]:
    """95 % interval of a share of samples; unlike the normal one it has a width at 0 and at 1.

    Args:
        successes: Number of successes, from 0 to n.
        n: Number of samples, at least 1.

    Returns:
        Lower and upper end, in [0, 1].

    Raises:
        ValueError: If the numbers are no share.
        TypeError: If they are no whole numbers.

    Source: Wilson, Probable inference, the law of succession, and statistical inference, 1927,
    https://doi.org/10.1080/01621459.1927.10502953.

    >>> [round(end, 3) for end in wilson_interval(9, 10)]
    [0.596, 0.982]
    """
    check_at_least("n", n, 1)
    check_at_least("successes", successes, 0)
    if successes > n:
        raise ValueError(f"expected successes of at most n = {n}, got {successes}")
    share, z = successes / n, float(stats.norm.ppf((1 + LEVEL) / 2))
    scale = 1 + z**2 / n
    middle = (share + z**2 / (2 * n)) / scale
    half = z * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / scale
    return (middle - half if successes else 0.0), (middle + half if successes < n else 1.0)  # both ends are exact


def paired_difference(a: Array | list[float], b: Array | list[float], *, resolution: float = 0.0) -> Difference:
    """Whether two figures differ that were measured with the same seeds.

    The test is the paired t-test: with 3 seeds an exact test of signs or permutations cannot go below p = 0.25. It
    assumes differences that are roughly normal, which 3 seeds cannot show.

    Args:
        a: One figure a seed, (n,); NaN where a row means nothing.
        b: The other figure with the same seeds, (n,).
        resolution: The least by which a figure can change, 1 / samples for a share. Differences that vary less than
            such steps do by rounding, as when both of 2 seeds differ by the same one sample, are taken to vary so much.

    Raises:
        ValueError: If there are not as many of both, a value is infinite, or the resolution is negative.

    Source: Student, The probable error of a mean, 1908, https://doi.org/10.2307/2331554; the variance of rounding:
    Sheppard, 1897, https://doi.org/10.1112/plms/s1-29.1.353.

    >>> paired_difference([0.9, 0.91, 0.92], [0.5, 0.52, 0.51]).verdict
    'higher'
    """
    check_same_length("a", a, "b", b)
    check_positive("resolution", resolution, zero=True)
    gaps, n_left_out = _numbers("a - b", np.asarray(a, np.float64) - np.asarray(b, np.float64))
    n, mean = len(gaps), math.fsum(gaps) / len(gaps) if len(gaps) else math.nan
    sd = max(float(gaps.std(ddof=1)), resolution / math.sqrt(6)) if n > 1 else math.nan
    if n < 2 or (sd <= _ROUNDING and abs(mean) > _ROUNDING):
        return Difference(mean, math.nan, math.nan, math.nan, n, n_left_out, "not tested")
    if sd <= _ROUNDING:
        return Difference(0.0, 0.0, 0.0, 1.0, n, n_left_out, "no difference seen", 1.0)
    error = sd / math.sqrt(n)
    half = float(stats.t.ppf((1 + LEVEL) / 2, n - 1)) * error
    p = float(2 * stats.t.sf(abs(mean) / error, n - 1))
    return Difference(mean, mean - half, mean + half, p, n, n_left_out, _verdict(mean, p), p)


def corrected(differences: Sequence[Difference]) -> list[Difference]:
    """The same differences with verdicts that hold together: one wrong claim in 20 such lists, not in 20 tests.

    The correction is Holm's: the least p-value times the number of tests, the next times one less, and so on, none
    below the one before. Intervals stay those of single tests; what was not tested does not count.

    Args:
        differences: All tests of one report.

    Source: Holm, A simple sequentially rejective multiple test procedure, 1979, https://www.jstor.org/stable/4615733.

    >>> sure, unsure = paired_difference([9, 10, 11], [1, 2, 3.5]), paired_difference([4, 6, 8], [3, 3, 6])
    >>> [(round(one.p, 3), round(one.p_corrected, 3), one.verdict) for one in corrected([unsure, sure])]
    [(0.074, 0.074, 'no difference seen'), (0.0, 0.001, 'higher')]
    """
    tested = sorted(
        (place for place, one in enumerate(differences) if not math.isnan(one.p)),
        key=lambda place: differences[place].p,
    )
    found, least = list(differences), 0.0
    for rank, place in enumerate(tested):
        one = differences[place]
        least = max(least, min(1.0, (len(tested) - rank) * one.p))
        found[place] = one._replace(p_corrected=least, verdict=_verdict(one.mean, least))
    return found


def _verdict(mean: float, p: float) -> Verdict:
    if p >= 1 - LEVEL:
        return "no difference seen"
    return "higher" if mean > 0 else "lower"


def _numbers(name: str, values: Array | list[float]) -> tuple[Array, int]:
    """Those that are not NaN, in rising order, and how many are."""
    array = np.asarray(values, np.float64)
    if array.ndim != 1 or np.isinf(array).any():
        raise ValueError(f"expected {name} as finite numbers or NaN, one a seed, got {values!r}")
    found = np.sort(array[~np.isnan(array)])  # no draw depends on the order of the seeds
    return found, len(array) - len(found)


def _bootstrapped(values: Array, seed: int) -> tuple[float, float]:
    """Ends of the interval of the mean, which never leaves the values."""
    n = len(values)
    if n <= _MOST_ENUMERATED:
        means = values[np.indices((n,) * n).reshape(n, -1)].mean(0)
    else:
        means = np.random.default_rng(seed).choice(values, (_N_RESAMPLES, n)).mean(1)
    outside = _outside(n)
    means = np.clip(means, values[0], values[-1])  # out of which only rounding leads
    low, high = np.quantile(means, outside, method="lower"), np.quantile(means, 1 - outside, method="higher")
    return float(low), float(high)


@cache
def _outside(n: int) -> float:
    """Share of resamples beyond either end of the interval."""
    return float(stats.norm.sf(math.sqrt(n / (n - 1)) * stats.t.ppf((1 + LEVEL) / 2, n - 1)))
