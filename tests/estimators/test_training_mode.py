"""Predictions and gradients in training mode draw dropout anew at each call, and from no global random stream."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from spikingjelly.activation_based import functional, layer, neuron
from torch import nn

from art_snn._random import host_seed
from art_snn.estimators.classification import (
    AnnClassifier,
    ConvertedClassifier,
    HybridClassifier,
    SpikingClassifier,
    SpikingModule,
)
from art_snn.typing import Array

SHAPE, T, K = (1, 4, 4), 3, 3
X = np.random.default_rng(0).random((6, *SHAPE), np.float32)
Y = np.arange(6) % K


def make(kind: type) -> Any:
    """A classifier with dropout."""
    with host_seed(0):
        if kind is SpikingClassifier:
            body = layer.Flatten(), layer.Linear(16, 32), neuron.IFNode(), layer.Dropout(0.5), layer.Linear(32, K)
            net: nn.Module = nn.Sequential(*body)
            net[1].weight.data *= 8  # loud enough to spike
            functional.set_step_mode(net, "m")
            return kind(SpikingModule(net, T), nn.CrossEntropyLoss(), SHAPE, K)
        net = nn.Sequential(nn.Flatten(), nn.Linear(16, 32), nn.ReLU(), nn.Dropout(0.5), nn.Linear(32, K))
    rest = () if kind is AnnClassifier else (T, "max", 0.1)
    return kind(net, nn.CrossEntropyLoss(), SHAPE, K, *rest)


USES: dict[str, Callable[[Any], Array]] = {
    "predict": lambda c: c.predict(X, training_mode=True),
    "loss gradient": lambda c: c.loss_gradient(X, Y, training_mode=True),
    "class gradient": lambda c: c.class_gradient(X, training_mode=True),
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("kind", [AnnClassifier, SpikingClassifier, ConvertedClassifier, HybridClassifier])
def test_dropout_in_training_mode_draws_anew_and_the_same_for_the_same_calls(kind: type, use: str) -> None:
    first, second = make(kind), make(kind)

    answers = [USES[use](first), USES[use](first)]

    assert not np.array_equal(*answers)
    assert np.array_equal([USES[use](second), USES[use](second)], answers)
