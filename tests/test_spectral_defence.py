"""Spectral signatures, centred, against ART's and against the exact decomposition."""

import numpy as np
import pytest
from art.defences.detector.poison import SpectralSignatureDefense

from art_snn.defences.detector import (
    SpikeSpectralDefence,
)
from art_snn.defences.detector._principal_directions import Directions
from art_snn.metrics import auroc
from tests.backdoored import K, bars, trained
from tests.detecting import DATA, POISONED


def test_centred_signatures_are_right_where_arts_are_wrong() -> None:
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((100, 8)).astype(np.float32)
    rows[:10, 0] -= 12  # poison
    rows[:, 0] += 10  # what the features have in common
    is_poison = np.arange(100) < 10
    arts = SpectralSignatureDefense.spectral_signature_scores(rows)[:, 0]
    assert auroc(is_poison, arts) < 0.1
    assert auroc(is_poison, np.linalg.norm(Directions.of(rows, 1, seed=0).project(rows), axis=1)) == 1


def test_one_direction_is_at_chance_where_half_of_a_class_is_poison() -> None:
    rng = np.random.default_rng(0)
    rows = 0.5 * rng.standard_normal((200, 12)).astype(np.float32)
    rows[100:, 0] += 8  # the trigger
    rows[np.arange(100, 200), 1 + np.arange(100) % 8] += 6  # where the poison came from
    is_poison = np.arange(200) >= 100
    one, ten = (np.linalg.norm(Directions.of(rows, k, seed=0).project(rows), axis=1) for k in (1, 10))
    assert 0.3 < auroc(is_poison, one) < 0.7
    assert auroc(is_poison, ten) > 0.95


def test_directions_equal_those_of_the_exact_decomposition() -> None:
    rows = np.random.default_rng(0).standard_normal((40, 6)) * np.array([9, 5, 3, 1, 1, 1])
    found = Directions.of(rows, 2, seed=0)
    _, lengths, axes = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)
    assert np.abs(found.axes) == pytest.approx(np.abs(axes[:2]), abs=1e-6)
    assert found.variance == pytest.approx((lengths[:2] ** 2).sum() / 40)


def test_a_spread_of_zero_accuses_every_class_as_the_paper_does() -> None:
    report, is_clean = SpikeSpectralDefence(trained("lif"), *DATA, spread_threshold=0.0).detect_poison()
    assert report["accused_classes"] == list(range(K))
    assert np.mean(is_clean) == pytest.approx(1 - 1.5 * 0.33, abs=0.02)


def test_training_data_are_changed_like_parameters_as_in_art() -> None:
    detector = SpikeSpectralDefence(trained("ann"), *bars())
    detector.detect_poison()
    with pytest.raises(ValueError, match="as many labels"):
        detector.set_params(x_train=POISONED.x[1:])
    with pytest.raises(ValueError, match="expected n_directions"):
        detector.detect_poison(x_train=POISONED.x, y_train=POISONED.y, n_directions=0)
    assert np.array_equal(detector.scores(), SpikeSpectralDefence(trained("ann"), *bars()).scores())
    found = detector.detect_poison(x_train=POISONED.x, y_train=POISONED.y)
    assert found == SpikeSpectralDefence(trained("ann"), *DATA).detect_poison()
