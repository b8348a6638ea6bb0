"""Laws of metrics: pure functions with declared bounds."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from art_snn._random import Rng
from art_snn.testing._raising import message_of
from art_snn.typing import Array

Metric = Callable[..., float]


def check_metric_equals_loop(metric: Metric, loop: Metric, *arguments: Any, tolerance: float = 1e-9) -> None:
    """It equals a naive loop over the definition, and is a plain float."""
    value, expected = metric(*arguments), loop(*arguments)
    assert type(value) is float, f"expected a float, got {type(value).__name__}"
    assert math.isclose(value, expected, rel_tol=tolerance, abs_tol=tolerance), f"{value} is not the loop's {expected}"


def check_metric_within(metric: Metric, low: float, high: float, *arguments: Any) -> None:
    """It stays within its declared bounds and is not NaN."""
    value = metric(*arguments)
    assert low <= value <= high, f"{value} is outside [{low}, {high}]"


def check_metric_ignores_order(metric: Metric, *samples: Array, rng: Rng = 0, tolerance: float = 1e-9) -> None:
    """Shuffling the samples of all arguments alike changes nothing."""
    order = np.random.default_rng(rng).permutation(len(samples[0]))
    value, shuffled = metric(*samples), metric(*(array[order] for array in samples))
    assert math.isclose(value, shuffled, rel_tol=tolerance, abs_tol=tolerance), f"{value} became {shuffled}"


def check_metric_is_a_distance(metric: Metric, a: Any, b: Any, tolerance: float = 1e-9) -> None:
    """It is 0 between equal samples, never less, and the same in both directions."""
    value, back = metric(a, b), metric(b, a)
    assert metric(a, a) == 0, f"the distance of samples to themselves is {metric(a, a)}"
    assert value >= 0, f"{value} is below 0"
    assert math.isclose(value, back, rel_tol=tolerance, abs_tol=tolerance), f"{value} there is {back} back"


def check_metric_is_nan(metric: Metric, *arguments: Any) -> None:
    """It is NaN where its definition gives 0/0 and its documentation says NaN."""
    value = metric(*arguments)
    assert math.isnan(value), f"expected NaN, got {value}"


def check_metric_refuses(metric: Metric, *arguments: Any) -> None:
    """It raises a ValueError that says what was expected if nothing is left to count."""
    message = message_of(ValueError, partial(metric, *arguments))
    assert message.startswith("expected "), f"the message does not say what was expected: {message}"
