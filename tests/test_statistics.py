"""Figures over seeds: intervals that hold what they should, and differences that are claimed only where tested."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from art_snn.metrics import corrected, paired_difference, share_of_verdicts, summary, wilson_interval
from art_snn.metrics.statistics import LEVEL, Difference

NAN = math.nan
FIGURES = st.lists(st.floats(0, 1), min_size=2, max_size=9)


@given(n=st.integers(1, 400), data=st.data())
def test_wilsons_interval_holds_the_shares_that_a_score_test_does_not_reject(n, data) -> None:
    successes = data.draw(st.integers(0, n))

    ends = wilson_interval(successes, n)

    for end in ends:  # where the score test's p-value is 0.05, unless the share itself is the end
        if 0 < end < 1:
            z = (successes / n - end) / math.sqrt(end * (1 - end) / n)
            assert 2 * stats.norm.sf(abs(z)) == pytest.approx(0.05, rel=1e-6)  # rounding of a square root
    assert ends == tuple(sorted(ends))
    assert ends[0] <= successes / n <= ends[1]


def test_wilsons_interval_has_a_width_where_all_or_none_succeed() -> None:
    assert wilson_interval(0, 10) == (0.0, pytest.approx(0.2775, abs=5e-5))  # as printed in tables
    assert wilson_interval(10, 10) == (pytest.approx(0.7225, abs=5e-5), 1.0)


@pytest.mark.parametrize(("successes", "n"), [(-1, 5), (6, 5), (0, 0)])
def test_what_is_no_share_is_refused(successes: int, n: int) -> None:
    with pytest.raises(ValueError, match=r"^expected "):
        wilson_interval(successes, n)
    with pytest.raises(TypeError, match=r"^expected successes to be a whole number"):
        wilson_interval(0.5, 5)


@given(values=FIGURES)
def test_a_summary_is_its_loop_and_blind_to_the_order_of_seeds(values) -> None:
    found = summary(values)

    mean = math.fsum(values) / len(values)
    variance = math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)
    assert found.mean == pytest.approx(mean)  # sums in another order
    assert found.sd == pytest.approx(math.sqrt(variance), abs=1e-12)
    assert min(values) <= found.low <= found.high <= max(values)
    assert found == summary(values[::-1])


def test_the_interval_of_few_seeds_is_of_all_their_resamples() -> None:
    values = [0.1, 0.2, 0.4, 0.5, 0.9]
    means = sorted(math.fsum(drawn) / 5 for drawn in product(values, repeat=5))
    outside = stats.norm.cdf(-math.sqrt(5 / 4) * stats.t.ppf(0.975, 4))

    found = summary(values)

    assert found.low == pytest.approx(np.quantile(means, outside, method="lower"))  # sums in another order
    assert found.high == pytest.approx(np.quantile(means, 1 - outside, method="higher"))
    assert found.kind == "seeds"


def test_intervals_hold_the_true_mean_as_often_as_is_said() -> None:
    rng = np.random.default_rng(0)

    def coverage(n: int) -> float:
        found = [summary(rng.normal(size=n)) for _ in range(400)]
        return float(np.mean([one.low <= 0 <= one.high for one in found]))

    assert coverage(3) == pytest.approx(0.75, abs=0.065)  # three standard errors of 400 draws
    assert coverage(4) == pytest.approx(0.87, abs=0.05)


def test_one_seed_gets_the_interval_over_its_samples_and_says_so() -> None:
    found = summary([0.9], counts=(9, 10))

    assert (found.low, found.high) == wilson_interval(9, 10)
    assert (found.kind, found.n) == ("samples", 1)
    assert "says nothing about other trainings" in found.interval_text
    assert math.isnan(found.sd)


def test_one_seed_without_counts_and_no_seed_get_no_interval() -> None:
    assert summary([0.9])[2:] == (1, pytest.approx(NAN, nan_ok=True), pytest.approx(NAN, nan_ok=True), "none", 0)
    assert math.isnan(summary([NAN, NAN]).mean)
    assert summary([NAN, NAN]).n_left_out == 2


def test_invalid_seeds_are_left_out_and_counted() -> None:
    found = summary([0.5, NAN, 0.7])

    assert (found.mean, found.n, found.n_left_out) == (pytest.approx(0.6), 2, 1)  # decimal fractions are not exact
    assert summary([NAN, 0.9], counts=(9, 10)).kind == "samples"


def test_counts_of_another_denominator_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^expected counts whose share is the figure 0.9, got 8 of 10"):
        summary([0.9], counts=(8, 10))


@pytest.mark.parametrize("values", [[math.inf, 0.5], [[0.1, 0.2]]])
def test_what_is_no_figure_a_seed_is_refused(values) -> None:
    with pytest.raises(ValueError, match=r"^expected values as finite numbers or NaN"):
        summary(values)


@settings(max_examples=30)
@given(pairs=st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=9))
def test_a_paired_difference_is_the_paired_t_test(pairs) -> None:
    a, b = np.array(pairs).T
    if np.std(a - b) < 1e-9:
        return

    found, expected = paired_difference(a, b), stats.ttest_rel(a, b)
    low, high = expected.confidence_interval()

    assert (found.p, found.low, found.high) == pytest.approx((expected.pvalue, low, high), rel=1e-6, abs=1e-9)
    assert (found.verdict == "no difference seen") == (found.p >= 0.05)
    if abs(found.p - 0.05) > 1e-9:
        assert (found.low <= 0 <= found.high) == (found.p >= 0.05)
    assert paired_difference(b, a).mean == -found.mean


def test_a_difference_has_a_side() -> None:
    assert paired_difference([0.9, 0.91, 0.92], [0.5, 0.52, 0.51]).verdict == "higher"
    assert paired_difference([0.5, 0.52, 0.51], [0.9, 0.91, 0.92]).verdict == "lower"
    assert paired_difference([0.5, 0.9, 0.1], [0.4, 0.8, 0.3]).verdict == "no difference seen"


def test_seeds_that_lack_one_figure_are_left_out_as_pairs() -> None:
    found = paired_difference([0.9, NAN, 0.7, 0.8], [0.5, 0.1, NAN, 0.45])

    assert (found.n, found.n_left_out) == (2, 2)
    assert found.mean == pytest.approx(0.375)  # decimal fractions are not exact


@pytest.mark.parametrize(("a", "b"), [([0.9], [0.5]), ([NAN], [0.5]), ([], []), ([0.9, 0.7], [0.8, 0.6])])
def test_what_cannot_vary_is_not_tested(a, b) -> None:
    found = paired_difference(a, b)

    assert found.verdict == "not tested"
    assert math.isnan(found.p)


def test_equal_figures_do_not_differ() -> None:
    assert paired_difference([0.1, 0.7], [0.1, 0.7]).verdict == "no difference seen"
    assert paired_difference([0.1, 0.7], [0.1, 0.7]).p == 1


def test_one_and_the_same_sample_is_no_difference_but_all_of_them_are() -> None:
    n = 360

    assert paired_difference([1 / n] * 3, [0.0] * 3, resolution=1 / n).verdict == "no difference seen"
    assert paired_difference([1.0] * 3, [0.0] * 3, resolution=1 / n).verdict == "higher"


def test_false_claims_are_as_rare_as_is_said() -> None:
    rng = np.random.default_rng(0)

    claims = [paired_difference(*rng.normal(size=(2, 3))).verdict != "no difference seen" for _ in range(1000)]

    assert np.mean(claims) == pytest.approx(0.05, abs=0.021)  # three standard errors


# --- many tests, and verdicts ---------------------------------------------------------------------------------------


def difference(p: float, mean: float = 1.0) -> Difference:
    return Difference(mean, NAN, NAN, p, 3, 0, "higher", p)


@given(p_values=st.lists(st.floats(0, 1), min_size=1, max_size=8), data=st.data())
def test_holms_correction_is_its_loop_whatever_the_order(p_values, data) -> None:
    order = data.draw(st.permutations(range(len(p_values))))
    ranked = sorted(p_values)
    steps = [min(1.0, (len(ranked) - rank) * p) for rank, p in enumerate(ranked)]

    found = corrected([difference(p_values[place]) for place in order])

    for one in found:
        assert one.p_corrected == max(steps[: ranked.index(one.p) + ranked.count(one.p)])
        assert one.p <= one.p_corrected <= min(1.0, len(ranked) * one.p)
        assert one.verdict == ("higher" if one.p_corrected < 1 - LEVEL else "no difference seen")


def test_what_was_not_tested_is_no_test_to_correct_for() -> None:
    untested = paired_difference([0.9], [0.5])
    (unchanged, one) = corrected([untested, difference(0.04, -0.5)])

    assert unchanged is untested
    assert (one.p_corrected, one.verdict) == (0.04, "lower")


def test_a_share_of_verdicts_has_wilsons_interval_over_seeds() -> None:
    found = share_of_verdicts([True, None, False, True])

    assert (found.mean, found.n, found.n_left_out) == (pytest.approx(2 / 3), 3, 1)
    assert (found.low, found.high) == wilson_interval(2, 3)
    assert "over the verdicts of 3 seeds (Wilson)" in found.interval_text
    assert share_of_verdicts([None]).interval_text == "no interval"
