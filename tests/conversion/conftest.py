"""Samples to calibrate on and an ANN to convert."""

import numpy as np
import pytest
from torch import nn

from art_snn.models import build
from tests.conversion.networks import K, N, some, trained


@pytest.fixture(scope="module")
def x() -> np.ndarray:
    return some(N, 2, 12, 12)


@pytest.fixture
def ann(x) -> nn.Module:
    return trained(build("small_cnn", in_channels=2, nb_classes=K, pool="avg", width=0.5), x)
