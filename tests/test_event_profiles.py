"""Detection by when and where events lie: what profiles are, which class is accused, and what each detector can see."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from art.estimators.classification import PyTorchClassifier
from torch import nn

from art_snn._random import host_seed
from art_snn.attacks.poisoning import FlashTrigger, MovingTrigger, RetimingTrigger, StaticTrigger
from art_snn.catalogue import SAMPLE_DETECTORS
from art_snn.defences.detector import EventMassDefence, SpaceTimeDefence, SpikeActivationDefence
from art_snn.defences.detector._class_profiles import permutation_p_value
from art_snn.events import make_events, to_frames
from art_snn.metrics import auroc
from art_snn.models import small_cnn
from art_snn.models.over_time import OverTime
from art_snn.typing import Array, Events, Frames, Indices, Mask

K, SHAPE, TARGET = 5, (6, 2, 8, 8), 1
DEFENCES = Path(__file__).parents[1] / "docs" / "defences.md"
BOTH = pytest.mark.parametrize("kind", [EventMassDefence, SpaceTimeDefence])
RETIMED = {shape: RetimingTrigger(shape, 2) for shape in ("delay", "warp", "gather", "exchange")}
TRIGGERS: dict[str, Any] = {"static": StaticTrigger(size=2), "moving": MovingTrigger(size=2), "flash": FlashTrigger()}


def flickering(n: int, seed: int = 0) -> tuple[Frames, Indices]:
    """Frames (n, 6, 2, 8, 8) of a row that flickers, whose place is the class, and noise."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % K
    x = rng.poisson(0.05, (n, *SHAPE)).astype(np.uint8)
    for sample, label in zip(x, y, strict=True):
        sample[:, :, label : label + 3] += rng.poisson(0.5, (6, 2, 3, 8)).astype(np.uint8)
    return x, y


@cache
def ignoring_time() -> PyTorchClassifier:
    """Nobody may change it."""
    with host_seed(0):
        net = OverTime(small_cnn(2, K, width=0.25, pool="avg"))
        classifier = PyTorchClassifier(
            net, nn.CrossEntropyLoss(), SHAPE, K, optimizer=torch.optim.Adam(net.parameters())
        )
        classifier.fit(*flickering(100), batch_size=20, nb_epochs=2)
    return classifier


def poisoned(trigger: Any, share: float, n: int = 300) -> tuple[Frames, Indices, Mask]:
    """Clean label: a share of the target class, and which these are."""
    x, y = flickering(n)
    rows = np.flatnonzero(y == TARGET)
    rows = rows[: round(share * len(rows))]
    x[rows] = trigger(x[rows])
    is_poison = np.zeros(n, bool)
    is_poison[rows] = True
    return x, y, is_poison


def test_the_mass_of_a_sample_is_its_share_of_events_in_each_bin() -> None:
    x = np.zeros((10, *SHAPE), np.uint8)
    x[0, 0, 0, 0, 0], x[0, 3, 1, 2, 7] = 3, 1
    detector = EventMassDefence(ignoring_time(), x, np.arange(10) % K)
    assert detector._profiles(x)[0].tolist() == [0.75, 0, 0, 0.25, 0, 0]
    assert detector._profiles(x)[1].tolist() == [0] * 6


def test_space_time_is_the_covariance_of_cells_and_bins() -> None:
    rng = np.random.default_rng(0)
    x = rng.poisson(0.4, (10, *SHAPE)).astype(np.uint8)
    found = SpaceTimeDefence(ignoring_time(), x, np.arange(10) % K, grid=3)._profiles(x)
    borders = [0, 2, 5, 8]  # of three cells on eight pixels
    for sample, profile in zip(x, found, strict=True):
        bins, channels, rows, columns = (axis.repeat(sample[sample > 0]) for axis in np.nonzero(sample))
        cells = (channels * 3 + np.searchsorted(borders, rows, "right") - 1) * 3
        cells += np.searchsorted(borders, columns, "right") - 1
        by_hand = [np.mean((cells == cell) * (bins - bins.mean())) for cell in range(18)]
        np.testing.assert_allclose(profile, by_hand, atol=1e-12)
    assert found.sum(axis=1) == pytest.approx(0)


@pytest.mark.parametrize("share", [0.5, 1.0])
@pytest.mark.parametrize(("kind", "shape"), [(EventMassDefence, "delay"), (SpaceTimeDefence, "exchange")])
def test_the_class_that_was_retimed_is_accused_and_no_other(kind: Any, shape: str, share: float) -> None:
    x, y, is_poison = poisoned(RETIMED[shape], share)
    detector = kind(ignoring_time(), x, y, *flickering(50, seed=1))
    report, is_clean = detector.detect_poison()
    is_flagged = np.asarray(is_clean) == 0

    assert report["accused_classes"] == [TARGET]
    assert is_flagged[is_poison].mean() > 0.9
    assert is_flagged[~is_poison].mean() < 0.02
    assert auroc(is_poison, detector.scores()) > 0.98


@pytest.mark.parametrize("has_reference", [False, True])
@pytest.mark.parametrize(("kind", "shape"), [(EventMassDefence, "delay"), (SpaceTimeDefence, "exchange")])
def test_a_minority_of_a_class_ranks_first(kind: Any, shape: str, has_reference: bool) -> None:
    x, y, is_poison = poisoned(RETIMED[shape], 0.2)
    clean = flickering(50, seed=1) if has_reference else ()
    scores = kind(ignoring_time(), x, y, *clean).scores()

    assert auroc(is_poison, scores) > 0.98
    assert auroc(is_poison[y == TARGET], scores[y == TARGET]) > 0.98


def test_a_minority_is_flagged_without_clean_samples() -> None:
    x, y, is_poison = poisoned(RETIMED["delay"], 0.2)
    report, is_clean = EventMassDefence(ignoring_time(), x, y).detect_poison()

    assert report["accused_classes"] == [TARGET]
    assert (np.asarray(is_clean) == 0)[is_poison].mean() > 0.9


@BOTH
@pytest.mark.parametrize("has_reference", [False, True])
def test_few_clean_models_are_accused(kind: Any, has_reference: bool) -> None:
    n_accused = 0
    for seed in range(20):
        clean = flickering(50, seed=100 + seed) if has_reference else ()
        report, _ = kind(ignoring_time(), *flickering(150, seed=200 + seed), *clean, significance=0.05).detect_poison()
        n_accused += bool(report["accused_classes"])
    assert n_accused <= 3  # of 20 at 0.05: more in one of 60 runs


def test_permutations_keep_their_level_and_find_a_shift() -> None:
    rng = np.random.default_rng(0)
    same = [permutation_p_value(rng.normal(size=(30, 2)), rng.normal(size=(6, 2)), 0.01, rng) for _ in range(200)]
    shifted = permutation_p_value(rng.normal(4, size=(30, 2)), rng.normal(size=(6, 2)), 0.01, rng)

    assert 0.02 < np.mean(np.array(same) <= 0.1) < 0.18
    assert shifted == 0.01


@BOTH
def test_streams_are_their_frames(kind: Any) -> None:
    rng, n = np.random.default_rng(0), 40
    found: Events = np.empty(n, object)
    for row in range(n):
        times = np.sort(rng.integers(0, 600, 50))
        found[row] = make_events(rng.integers(0, 8, 50), rng.integers(0, 8, 50), times, rng.integers(0, 2, 50))
    y, binning = np.arange(n) % K, {"sensor_size": (8, 8), "n_bins": 6, "split_by": "time"}
    frames = to_frames(found, **binning)

    of_streams = kind(ignoring_time(), found, y, found[:20], y[:20], **binning)
    of_frames = kind(ignoring_time(), frames, y, frames[:20], y[:20])
    assert np.array_equal(of_streams.scores(), of_frames.scores())
    assert np.array_equal(of_streams.scores(found[:5]), of_frames.scores(frames[:5]))
    with pytest.raises(ValueError, match="expected sensor_size and n_bins for event streams, got None"):
        kind(ignoring_time(), found, y)


@BOTH
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"x_reference": np.zeros((10, *SHAPE), np.uint8)}, "or neither, got x_reference alone"),
        ({"y_reference": np.arange(10)}, "or neither, got y_reference alone"),
        ({"x_reference": np.zeros((5, *SHAPE)), "y_reference": np.arange(5)}, "at least 2 reference samples of each"),
        ({"x_reference": np.zeros((8, *SHAPE)), "y_reference": np.arange(8) % 4}, r"every class, got none of \[4\]"),
        ({"significance": 0.7}, r"expected significance in \(0, 0.5\]"),
    ],
)
def test_wrong_arguments_are_named(kind: Any, wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        kind(ignoring_time(), *flickering(20), **wrong)


def test_frames_and_a_grid_that_fits_them_are_asked_for() -> None:
    x, y = flickering(20)
    images = PyTorchClassifier(nn.Flatten(), nn.CrossEntropyLoss(), (2, 8, 8), K)
    with pytest.raises(ValueError, match=r"\(N, T, 2, H, W\)"):
        EventMassDefence(images, x[:, 0], y)
    with pytest.raises(ValueError, match="expected grid to be at most the 8 pixels of the sensor's side, got 9"):
        SpaceTimeDefence(ignoring_time(), x, y, grid=9)


def test_a_class_without_samples_does_not_matter() -> None:
    x, y = flickering(40)
    kept = y != 3
    detector = SpaceTimeDefence(ignoring_time(), x[kept], y[kept])
    assert detector.detect_poison()[0]["p_values"][3] == 1
    assert np.isfinite(detector.scores(x)).all()


def test_detectors_of_layers_see_time_in_trains_alone() -> None:
    detector = SpikeActivationDefence(ignoring_time(), *flickering(20), feature="voltages")
    assert not detector.sees_time
    detector.set_params(feature="trains")
    assert detector.sees_time


def seen() -> list[list[str]]:
    """Whether a trigger changes a detector's scores beside a network that ignores time, by detector."""
    x, y = flickering(60)
    lines = []
    for name, kind in SAMPLE_DETECTORS.items():
        clean = dict(zip(kind.clean_arguments, flickering(30, seed=1), strict=False))
        detector = kind(ignoring_time(), x, y, **clean)
        before = detector.scores(x)
        changed = (not np.array_equal(detector.scores(one(x)), before) for one in (TRIGGERS | RETIMED).values())
        lines.append([f"`{name}`", *("yes" if is_seen else "no" for is_seen in changed)])
    return lines


@pytest.mark.slow
def test_the_table_of_what_detectors_can_see_is_what_they_see() -> None:
    heads = ["detector", *TRIGGERS, *RETIMED]
    table = [heads, ["---"] * len(heads), *seen()]
    assert "\n".join(f"| {' | '.join(line)} |" for line in table) in DEFENCES.read_text(), "\n".join(map(str, table))


def test_an_exchange_leaves_the_mass_alone_and_a_common_delay_space_and_time() -> None:
    x, y = flickering(20)
    mass, space = EventMassDefence(ignoring_time(), x, y), SpaceTimeDefence(ignoring_time(), x, y)
    inner: Array = x.copy()
    inner[:, 4:] = 0  # so that all events can be delayed alike

    assert np.array_equal(mass._profiles(x), mass._profiles(RETIMED["exchange"](x)))
    assert not np.array_equal(space._profiles(x), space._profiles(RETIMED["exchange"](x)))
    np.testing.assert_allclose(space._profiles(inner), space._profiles(RETIMED["delay"](inner)), atol=1e-12)


@BOTH
def test_a_usual_clean_sample_scores_one(kind: Any) -> None:
    x, y = flickering(300)
    fresh, of_fresh = flickering(300, seed=2)
    detector = kind(ignoring_time(), x, y, *flickering(50, seed=1))
    scores = detector._classes.scores(detector._profiles(fresh), of_fresh)
    assert scores.mean() == pytest.approx(1, abs=0.1)


def test_a_time_bin_that_is_always_empty_counts_for_nothing() -> None:
    x, y = flickering(40)
    x[:, 2] = 0
    detector = EventMassDefence(ignoring_time(), x, y)
    late = x[:1].copy()
    late[0, 2, 0, 0, 0] = 1
    assert detector.scores(late)[0] < 2 * detector.scores().max()
