"""ANNs that cannot be converted, and arguments that are wrong."""

import re

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from art_snn.conversion import convert
from art_snn.models import build
from tests.conversion.networks import K, linear


class Functional(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = linear([[1.0]]), linear([[1.0]])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(F.relu(self.first(x)))


class Branching(Functional):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(x) if x.sum() > 0 else x


class NormFirst(Functional):
    def __init__(self) -> None:
        super().__init__()
        self.norm, self.relu = nn.BatchNorm1d(1), nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.relu(self.norm(x)))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: build("small_cnn", in_channels=1, nb_classes=K), "got MaxPool2d at 'pool1'.*pool='avg'"),
        (lambda: nn.Sequential(linear([[1.0]]), nn.GELU(), linear([[1.0]])), "got GELU at '1'"),
        (lambda: nn.Sequential(linear([[1.0]]), nn.LeakyReLU(), linear([[1.0]])), "got LeakyReLU at '1'"),
        (lambda: nn.Sequential(linear([[1.0]]), nn.ReLU(), nn.Softmax(-1)), "got Softmax at '2'"),
        (lambda: build("small_cnn", in_channels=1, nb_classes=K, neuron="if", pool="avg"), "got IFNode at 'act1'"),
        (Functional, "got the function relu in Functional; use the module nn.ReLU"),
        (Branching, "does not branch on its input, got Branching"),
        (NormFirst, "batch norm right after .*, got BatchNorm1d at 'norm' after the input"),
        (lambda: nn.Sequential(linear([[1.0]])), "expected an ANN with nn.ReLU modules"),
    ],
)
def test_an_ann_without_spiking_counterpart_is_an_error_that_names_the_layer(make, message):
    x = np.ones((2, 1, 8, 8) if "pool" in message or "IFNode" in message else (2, 1), np.float32)
    with pytest.raises(ValueError, match=message):
        convert(make(), x, method="max")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            {"x_calibration": np.empty((0, 1), np.float32)},
            "expected the number of calibration samples to be at least 1",
        ),
        ({"x_calibration": np.array([[1.0], [np.nan]], np.float32)}, "expected x_calibration to be finite"),
        ({"method": "min"}, "expected method to be one of 'max', 'robust', 'spike-norm', 'fraction', got 'min'"),
        ({"method": "robust", "percentile": 0}, "expected percentile in (0, 100], got 0"),
        ({"method": "robust", "percentile": 100.1}, "expected percentile in (0, 100], got 100.1"),
        ({"scale": 0.0}, "expected scale to be a finite number above 0, got 0.0"),
        ({"method": "fraction"}, "expected scale between 0 and 1 for method='fraction', got 1.0"),
        ({"method": "spike-norm", "timesteps": 0}, "expected timesteps to be at least 1, got 0"),
        ({"encoding": "rate"}, "expected encoding to be one of 'direct', 'poisson', got 'rate'"),
        ({"batch_size": 0}, "expected batch_size to be at least 1, got 0"),
        ({"x_calibration": -np.ones((2, 1), np.float32)}, "expected activations above 0 in '1'"),
    ],
)
def test_a_wrong_argument_is_one_clear_error(wrong, message):
    ann = nn.Sequential(linear([[1.0]]), nn.ReLU(), linear([[1.0]]))
    with pytest.raises(ValueError, match=re.escape(message)):
        convert(ann, **{"x_calibration": np.ones((2, 1), np.float32), "method": "max", **wrong})


@pytest.mark.parametrize("method", ["max", "robust", "spike-norm"])
@pytest.mark.parametrize("weight", [float("nan"), 3e38])
def test_an_ann_with_broken_weights_is_an_error_that_names_the_layer(weight, method):
    ann = nn.Sequential(linear([[1.0]]), nn.ReLU(), linear([[weight]]), nn.ReLU(), linear([[1.0]]))
    with pytest.raises(ValueError, match="expected finite activations, got NaN or infinity in '3'"):
        convert(ann, np.full((2, 1), 2, np.float32), method=method)
