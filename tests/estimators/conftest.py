"""Samples and labels for converted and hybrid classifiers."""

import numpy as np
import pytest

from tests.estimators.rules import SHAPE, K, N


@pytest.fixture(scope="module")
def x() -> np.ndarray:
    return np.random.default_rng(0).random((N, *SHAPE), dtype=np.float32)


@pytest.fixture(scope="module")
def y() -> np.ndarray:
    return np.arange(N) % K
