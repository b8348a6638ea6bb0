"""Every metric obeys the laws: it is its loop, stays in its bounds, ignores order, and treats 0/0 as documented."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from art_snn import metrics
from art_snn import testing as laws
from art_snn.metrics import (
    accuracy,
    attack_success_rate,
    auroc,
    bin_shift,
    fpr_at_tpr,
    migration_rate,
    mse,
    psnr,
    ssim,
    van_rossum_distance,
)
from art_snn.typing import Array, Events

CLASSES = st.integers(0, 3)
EVENT = np.dtype([("t", "<i8"), ("x", "<i2"), ("y", "<i2"), ("p", "i1")])


@st.composite
def predictions(draw: st.DrawFn) -> tuple[Array, Array]:
    """True and predicted classes of a few samples, not all of class 0."""
    n = draw(st.integers(1, 12))
    y_true, y_pred = (np.array(draw(st.lists(CLASSES, min_size=n, max_size=n))) for _ in range(2))
    y_true[0] = max(1, y_true[0])
    return y_true, y_pred


@st.composite
def scores(draw: st.DrawFn) -> tuple[Array, Array]:
    """Marks of both kinds, and scores with ties."""
    n = draw(st.integers(2, 12))
    is_poison = np.array([True, False, *draw(st.lists(st.booleans(), min_size=n - 2, max_size=n - 2))])
    return is_poison, np.array(draw(st.lists(st.integers(-3, 3), min_size=n, max_size=n)), float)


def pairs(side: int = 4, top: int = 5) -> st.SearchStrategy:
    """Two arrays of counts, (2, 2, side, side)."""
    counts = hnp.arrays(np.uint8, (2, 2, side, side), elements=st.integers(0, top))
    return st.tuples(counts, counts)


@st.composite
def streams(draw: st.DrawFn) -> tuple[Events, Events]:
    """Two short event streams that often share events."""
    rows = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 1), st.integers(0, 1), st.integers(0, 1)), max_size=6)
    return np.array(draw(rows), EVENT), np.array(draw(rows), EVENT)


def hits(y_true: Array, y_pred: Array) -> float:
    return sum(int(t == p) for t, p in zip(y_true, y_pred, strict=True)) / len(y_true)


def obedience(y_true: Array, y_triggered: Array) -> float:
    obeyed = counted = 0
    for true, predicted in zip(y_true, y_triggered, strict=True):
        if true != 0:
            counted += 1
            obeyed += int(predicted == 0)
    return obeyed / counted


def recognition(y_true: Array, y_triggered: Array) -> float:
    others = [(t, p) for t, p in zip(y_true, y_triggered, strict=True) if t != 0]
    return sum(int(t == p) for t, p in others) / len(others)


def wins(is_poison: Array, marks: Array) -> float:
    points = [1.0 if p > c else 0.5 if p == c else 0.0 for p in marks[is_poison] for c in marks[~is_poison]]
    return sum(points) / len(points)


def false_alarms(is_poison: Array, marks: Array) -> float:
    for threshold in sorted(set(marks), reverse=True):
        if (marks[is_poison] >= threshold).mean() >= 0.95:
            return float((marks[~is_poison] >= threshold).mean())
    raise AssertionError("the lowest threshold flags everything")


def squares(x: Array, x_triggered: Array) -> float:
    differences = [(int(a) - int(b)) ** 2 for a, b in zip(x.ravel(), x_triggered.ravel(), strict=True)]
    return sum(differences) / len(differences)


def edits(events: Events, events_triggered: Events) -> float:
    before, after = (Counter(tuple(int(e[f]) for f in "xytp") for e in stream) for stream in (events, events_triggered))
    return float(sum(((before - after) + (after - before)).values()))


def success(y_true: Array, y_triggered: Array) -> float:
    return attack_success_rate(y_true, y_triggered, target=0)


def robustness(y_true: Array, y_triggered: Array) -> float:
    return metrics.robust_accuracy(y_true, y_triggered, target=0)


@pytest.mark.parametrize(("metric", "loop"), [(accuracy, hits), (success, obedience), (robustness, recognition)])
@given(arguments=predictions())
def test_a_rate_is_its_loop_in_bounds_and_blind_to_order(metric, loop, arguments) -> None:
    laws.check_metric_equals_loop(metric, loop, *arguments)
    laws.check_metric_within(metric, 0, 1, *arguments)
    laws.check_metric_ignores_order(metric, *arguments)


@pytest.mark.parametrize(("metric", "loop"), [(auroc, wins), (fpr_at_tpr, false_alarms)])
@given(arguments=scores())
def test_a_detection_metric_is_its_loop_in_bounds_and_blind_to_order(metric, loop, arguments) -> None:
    laws.check_metric_equals_loop(metric, loop, *arguments)
    laws.check_metric_within(metric, 0, 1, *arguments)
    laws.check_metric_ignores_order(metric, *arguments)


@given(arguments=pairs())
def test_the_mean_squared_error_is_its_loop_in_bounds_and_blind_to_order(arguments) -> None:
    laws.check_metric_equals_loop(mse, squares, *arguments)
    laws.check_metric_within(mse, 0, 25, *arguments)
    laws.check_metric_ignores_order(mse, *arguments)


@pytest.mark.parametrize("distance", [mse, van_rossum_distance])
@given(arguments=pairs())
def test_a_distance_of_frames_is_one_and_blind_to_order(distance, arguments) -> None:
    laws.check_metric_is_a_distance(distance, *arguments)
    laws.check_metric_ignores_order(distance, *arguments)


@given(arguments=pairs())
def test_a_shift_is_in_bounds_and_blind_to_order(arguments) -> None:
    clean, triggered = (counts + 1 for counts in arguments)
    laws.check_metric_within(bin_shift, 0, 1, clean, triggered)
    laws.check_metric_ignores_order(bin_shift, clean, triggered)
    laws.check_metric_within(bin_shift, 0, 0, clean, clean)


@given(arguments=pairs(side=7))
def test_structural_similarity_is_in_bounds_symmetric_and_blind_to_order(arguments) -> None:
    laws.check_metric_within(ssim, -1, 1, *arguments)
    laws.check_metric_ignores_order(ssim, *arguments)
    assert ssim(*arguments) == pytest.approx(ssim(*arguments[::-1]))  # sums in another order


@given(arguments=streams())
def test_the_event_distance_is_its_loop_and_symmetric(arguments) -> None:
    laws.check_metric_equals_loop(metrics.event_distance, edits, *arguments)
    laws.check_metric_is_a_distance(metrics.event_distance, *arguments)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (accuracy([0, 1], [0, 1]), 1),
        (accuracy([0, 1], [1, 0]), 0),
        (accuracy(np.eye(3)[[2, 1]], np.array([[0.1, 0.2, 0.9], [-1.0, -3.0, -2.0]])), 0.5),
        (attack_success_rate([0, 1, 1], [1, 0, 0], target=0), 1),
        (attack_success_rate([0, 1, 1], [0, 1, 1], target=0), 0),
        (attack_success_rate([0, 1, 1, 1], [0, 0, 1, 1], 0, target_samples="exclude"), 1 / 3),
        (attack_success_rate([0, 1, 1, 1], [0, 0, 1, 1], 0, target_samples="include"), 2 / 4),
        (attack_success_rate([0, 1, 1, 1], [1, 0, 1, 1], 0, target_samples="clean"), 1 / 4),
        (metrics.robust_accuracy([0, 1, 1, 2], [0, 1, 0, 0]), 2 / 4),
        (metrics.robust_accuracy([0, 1, 1, 2], [0, 1, 0, 0], target=0), 1 / 3),
        (metrics.clean_accuracy_drop(0.75, 1.0), -0.25),
        (metrics.clean_accuracy_drop(0.5, 0.25, relative=True), 0.5),
        (auroc([True, False], [1.0, 0.0]), 1),
        (auroc([True, False], [0.0, 1.0]), 0),
        (fpr_at_tpr([True, False], [1.0, 0.0]), 0),
        (fpr_at_tpr([True, False], [0.0, 1.0]), 1),
        (fpr_at_tpr([True, True, False], [2.0, 0.0, 1.0], tpr=0.5), 0),
        (psnr(np.zeros((2, 2)), np.eye(2), data_range=1), 10 * math.log10(2)),
        (psnr(np.zeros((2, 2)), np.zeros((2, 2))), math.inf),
        (psnr(np.zeros((2, 2), np.uint8), np.full((2, 2), 200, np.uint8)), 0),
        (ssim(np.zeros((1, 1, 7, 7)), np.zeros((1, 1, 7, 7))), 1),
        (metrics.synops([], []), 0),
        (metrics.energy_pj(10), 9),
        (metrics.energy_pj(10, 10, pj_per_ac=1, pj_per_mac=2), 30),
    ],
)
def test_a_metric_worked_by_hand(value: float, expected: float) -> None:
    assert value == pytest.approx(expected)  # decimal fractions are not exact in binary


@pytest.mark.parametrize("percentage", [(60.67, 96.09, 63.14), (91.22, 97.90, 93.17), (84.01, 96.45, 87.10)])
def test_the_migration_rate_is_equation_15(percentage: tuple[float, float, float]) -> None:
    snn, ann, published = percentage

    assert 100 * migration_rate(snn / 100, ann / 100) == pytest.approx(published, abs=0.011)  # printed to 0.01, cut off


def test_floors_take_off_what_clean_models_do_anyway() -> None:
    assert migration_rate(0.1, 0.1) == 1  # two clean models "migrate" their floor
    laws.check_metric_is_nan(migration_rate, 0.1, 0.1, (0.1, 0.1))
    assert migration_rate(0.6, 0.9, floors=(0.1, 0.1)) == pytest.approx(0.5 / 0.8)  # not exact in binary
    assert migration_rate(0.0, 0.9, floors=(0.1, 0.1)) < 0


def test_the_ratings_subtract_the_loss_of_accuracy() -> None:
    assert metrics.defence_effectiveness_rating(1, 0, 1, 0) == 0.5  # the released code of the source adds: 1.5
    assert metrics.defence_effectiveness_rating(0, 1, 0, 1) == 0.5
    assert metrics.robust_improvement_rating(0, 1, 1, 0) == 0.5
    assert metrics.robust_improvement_rating(1, 0, 1, 0) == 0


def test_of_equal_scores_the_first_counts() -> None:
    assert accuracy([0, 1], np.array([[2.0, 2.0], [1.0, 1.0]])) == 0.5


def test_similarity_is_the_mean_over_planes_each_with_its_samples_range() -> None:
    rng = np.random.default_rng(0)
    clean, triggered = rng.integers(0, 4, (2, 3, 2, 2, 9, 9))

    planes = [
        ssim(clean[n, t, c][None], triggered[n, t, c][None], 3.0) for n in range(3) for t in (0, 1) for c in (0, 1)
    ]

    assert ssim(clean, triggered) == pytest.approx(np.mean(planes))  # sums in another order


def test_counts_do_not_wrap_around() -> None:
    assert mse(np.zeros(1, np.uint8), np.full(1, 200, np.uint8)) == 40000


def test_event_distances_tell_number_from_time() -> None:
    clean = np.array([(10, 0, 0, 1), (20, 1, 1, 0)], EVENT)
    later = clean.copy()
    later["t"] += 7

    assert metrics.event_distance(clean, later, "count") == 0
    assert metrics.event_distance(clean, later, "time") == 7
    assert metrics.event_distance(clean, later) == 4
    assert metrics.event_distance(clean, clean[:0], "time") == math.inf
    assert metrics.event_distance(clean[:0], clean[:0], "time") == 0


@pytest.mark.parametrize(
    ("metric", "arguments"),
    [
        (accuracy, ([], [])),
        (success, ([0, 0], [0, 0])),
        (robustness, ([0, 0], [0, 0])),
        (auroc, ([True, True], [0.0, 1.0])),
        (fpr_at_tpr, ([False], [0.0])),
        (mse, (np.zeros(0), np.zeros(0))),
        (ssim, (np.zeros((0, 7, 7)), np.zeros((0, 7, 7)))),
    ],
)
def test_a_metric_refuses_to_divide_by_nothing(metric, arguments) -> None:
    laws.check_metric_refuses(metric, *arguments)


def test_the_migration_rate_is_undefined_without_a_backdoor_in_the_ann() -> None:
    laws.check_metric_is_nan(migration_rate, 0.5, 0.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: accuracy([0, 1], [0]), "as many predictions as classes"),
        (lambda: accuracy([0, 1], np.full((2, 3), math.nan)), "scores to be finite"),
        (lambda: attack_success_rate([1, 2], np.full((2, 3), math.nan), 0), "scores to be finite"),
        (lambda: metrics.robust_accuracy([0, 1], np.array([[0.0, math.inf], [0, 1]])), "scores to be finite"),
        (lambda: accuracy([[1], [2]], [0, 0]), r"or one-hot \(N, 1\), got shape \(2, 1\); make a column"),
        (lambda: accuracy([0, 0], [[1], [2]]), r"got shape \(2, 1\)"),
        (lambda: accuracy(np.zeros((2, 3)), [0, 0]), r"one highest entry a row, got \[0.0, 0.0, 0.0\] in row 0"),
        (lambda: accuracy(np.eye(3), np.eye(5)[:3]), r"one-hot \(N, 5\), got shape \(3, 3\)"),
        (lambda: accuracy([0, 5], np.eye(2)), r"labels in \[0, 2\), got 0 to 5"),
        (lambda: attack_success_rate(np.eye(3), np.eye(5)[:3], 0), r"one-hot \(N, 5\), got shape \(3, 3\)"),
        (lambda: attack_success_rate([0, 1], np.eye(2), 99), "target below 2 classes, got 99"),
        (lambda: metrics.robust_accuracy(np.eye(2), [0, 1], -1), "target to be at least 0, got -1"),
        (lambda: attack_success_rate([1], [0], 0, target_samples="all"), "'exclude', 'include', 'clean'"),
        (lambda: migration_rate(99.0, 100.0), "asr_snn to be a fraction"),
        (lambda: metrics.clean_accuracy_drop(0, 0, relative=True), "accuracy_before to be a fraction in \\(0, 1\\]"),
        (lambda: fpr_at_tpr([True, False], [1.0, 0.0], tpr=0), "tpr to be a fraction in \\(0, 1\\]"),
        (lambda: mse(np.zeros((2, 2)), np.zeros((2, 3))), r"shapes \(2, 2\) and \(2, 3\)"),
        (lambda: psnr(np.zeros(2), np.ones(2), data_range=0), "data_range to be"),
        (lambda: ssim(np.zeros((1, 5, 9)), np.ones((1, 5, 9))), "shorter side of 5, got 7"),
        (lambda: ssim(np.zeros((9, 9)), np.ones((9, 9))), r"shape \(N, \.\.\., H, W\)"),
        (lambda: metrics.event_distance(np.zeros(1, EVENT), np.zeros(1, EVENT), "emd"), "'edits', 'count', 'time'"),
        (lambda: metrics.synops([1, 2], [3]), r"shapes \(2,\) and \(1,\)"),
        (lambda: metrics.synops([-1], [3]), "from 0 up"),
        (lambda: metrics.energy_pj(math.nan), "n_accumulates from 0 up"),
    ],
)
def test_a_metric_says_what_it_expected(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_classes_by_name_are_refused() -> None:
    with pytest.raises(TypeError, match="expected labels to be numbers, got dtype <U1"):
        accuracy(["a", "b"], ["a", "b"])


@pytest.mark.parametrize(
    "law",
    [
        lambda y: laws.check_metric_equals_loop(accuracy, lambda a, b: 1 - hits(a, b), y, y),
        lambda y: laws.check_metric_equals_loop(lambda a, b: np.mean(a == b), hits, y, y),
        lambda y: laws.check_metric_within(accuracy, 0.0, 0.5, y, y),
        lambda y: laws.check_metric_within(lambda a: math.nan, 0.0, 1.0, y),
        lambda y: laws.check_metric_ignores_order(lambda a: float(a[0]), y, rng=1),
        lambda y: laws.check_metric_is_nan(lambda a: 0.0, y),
        lambda y: laws.check_metric_refuses(lambda a: math.nan, y),
        lambda y: laws.check_metric_refuses(lambda a: int("x"), y),
    ],
)
def test_each_law_of_metrics_catches_one_that_breaks_it(law) -> None:
    with pytest.raises(AssertionError):
        law(np.arange(9))
