"""Classes that stand out: the level of the test, its power, and targets that hide each other."""

import numpy as np
import pytest

from art_snn.defences.detector._outlying_classes import corrected_p_values, outlying_p_values
from art_snn.typing import Array


def drawn(seed: int, n_classes: int = 10, n_targets: int = 0) -> Array:
    """Normal values of classes, the first ones far above."""
    values = np.random.default_rng(seed).normal(size=n_classes)
    values[:n_targets] += 7
    return values


@pytest.mark.parametrize("n_classes", [5, 10, 20])
def test_few_clean_models_are_accused(n_classes: int) -> None:
    lowest = [np.min(corrected_p_values(drawn(seed, n_classes))) for seed in range(400)]
    assert np.mean(np.array(lowest) <= 0.05) <= 0.07  # a level of 0.05, from 400 draws


def test_two_targets_do_not_hide_each_other() -> None:
    alone = [outlying_p_values(drawn(seed, n_targets=2))[:2].min() for seed in range(100)]
    together = [corrected_p_values(drawn(seed, n_targets=2)) for seed in range(100)]
    assert np.mean(np.array(alone) <= 0.005) < 0.2
    assert np.mean([p[:2].max() <= 0.05 and p[2:].min() > 0.05 for p in together]) > 0.9


def test_the_test_is_that_of_student() -> None:
    values = np.array([3.0, 0.0, 1.0, 2.0])  # 2 above the mean 1 of three of standard deviation 1: t = 2 / sqrt(4 / 3)
    assert outlying_p_values(values)[0] == pytest.approx(0.1127, abs=1e-4)


def test_three_classes_are_too_few_to_tell_which_is_unlike_the_others() -> None:
    assert outlying_p_values(np.array([9.0, 0.0, 0.1, np.nan])).tolist() == [1, 1, 1, 1]
    assert corrected_p_values(np.array([9.0, 0.0, 0.1, np.nan])) is None


def test_where_classes_are_all_equal_none_stands_out_but_one_that_differs_does() -> None:
    assert outlying_p_values(np.ones(5)).tolist() == [1] * 5
    assert outlying_p_values(np.array([1.0, 1, 1, 1, 2]))[4] == 0
