"""Whitening by what is usual within the other classes, and what detectors see by it."""

import numpy as np
import pytest

from art_snn.defences.detector import SpikeActivationDefence, SpikeSpectralDefence
from art_snn.defences.detector._whitening import Whitening
from art_snn.typing import Array, Indices
from tests.backdoored import TARGET, trained
from tests.detecting import DATA

K = 5


def samples(n: int = 400) -> tuple[Array, Indices]:
    """Features that vary a lot in some directions within every class; class 0 also in a short one of its own."""
    rng, labels = np.random.default_rng(0), np.arange(K * n) % K
    x = rng.normal(size=(K * n, 12)) * np.geomspace(5, 1, 12) + 9 * np.eye(K, 12)[labels]
    x[labels == 0, -1] += np.where(np.arange(n) % 2, 8, 0)
    return x.astype(np.float32), labels


def test_the_other_classes_vary_by_one_in_every_direction() -> None:
    x, labels = samples()
    found = Whitening.of_classes(x, labels, K, seed=0)[0](x)
    residuals = np.concatenate([found[labels == k] - found[labels == k].mean(axis=0) for k in range(1, K)])
    assert np.cov(residuals.T) == pytest.approx(np.eye(12), abs=0.15)


def test_a_short_direction_of_one_class_becomes_its_longest() -> None:
    x, labels = samples()
    found = Whitening.of_classes(x, labels, K, seed=0)[0](x)[labels == 0]
    axis = np.linalg.svd(found - found.mean(axis=0), full_matrices=False)[2][0]
    two = (found @ axis) > (found @ axis).mean()
    assert max(np.mean(two == (np.arange(400) % 2)), np.mean(two != (np.arange(400) % 2))) > 0.95


@pytest.mark.parametrize("x", [np.zeros((8, 3), np.float32), np.tile(np.eye(2, 3, dtype=np.float32), (4, 1))])
def test_what_does_not_vary_within_classes_stays_finite(x: Array) -> None:
    for whitening in Whitening.of_classes(x, np.arange(8) % 2, 3, seed=0):
        assert np.isfinite(whitening(x + 1)).all()


def test_a_single_class_is_not_whitened() -> None:
    x = np.random.default_rng(0).normal(size=(30, 4))
    found = Whitening.of_classes(x, np.zeros(30, int), 1, seed=0)[0](x)
    assert np.linalg.norm(found[0] - found[1]) == pytest.approx(np.linalg.norm(x[0] - x[1]))


def test_the_published_methods_are_there_without_whitening() -> None:
    clustering = [SpikeActivationDefence(trained("ann"), *DATA, whiten=whiten) for whiten in (True, False)]
    spectral = [SpikeSpectralDefence(trained("ann"), *DATA, whiten=whiten) for whiten in (True, False)]
    reports = [one.detect_poison()[0] for one in (*clustering, *spectral)]
    assert [report["accused_classes"] for report in reports] == [[TARGET]] * 4
    assert not np.allclose(clustering[0].scores(), clustering[1].scores())
    assert reports[2]["spreads"] != reports[3]["spreads"]
    assert np.array_equal(spectral[0].layer_scores()["act1"], spectral[1].layer_scores()["act1"])
