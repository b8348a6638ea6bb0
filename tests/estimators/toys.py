"""A small spiking classifier that spikes, its samples and labels."""

import numpy as np
import pytest
import torch
from art.estimators.classification import PyTorchClassifier
from spikingjelly.activation_based import functional, layer, neuron, surrogate
from torch import nn

from art_snn._random import host_seed
from art_snn.estimators.classification import SpikingClassifier, SpikingModule

N, T, K = 6, 3, 4
IMAGES, FRAMES = (2, 8, 8), (T, 2, 8, 8)


def spiking_net(step_mode: str = "m", end: str = "linear") -> nn.Module:
    """Convolution, neuron, linear layer, neuron and, unless it ends in spikes, another linear layer."""
    with host_seed(0):
        layers = [
            layer.Conv2d(2, 4, 3, padding=1),
            neuron.IFNode(surrogate_function=surrogate.ATan()),
            layer.Flatten(),
            layer.Linear(4 * 8 * 8, 16 if end == "linear" else K),
            neuron.LIFNode(tau=1.5, surrogate_function=surrogate.ATan()),
        ]
        if end == "linear":
            layers.append(layer.Linear(16, K))
        net = nn.Sequential(*layers)
        for parameter in net.parameters():
            parameter.data *= 8  # loud enough to spike
    functional.set_step_mode(net, step_mode)
    return net


def classifier(shape: tuple[int, ...] = IMAGES, net: nn.Module | None = None, **settings: object) -> SpikingClassifier:
    """An untrained classifier of images, or of frames where the shape has a time axis."""
    timesteps = None if len(shape) == 4 else T
    module = SpikingModule(net or spiking_net(), timesteps, **settings)
    return SpikingClassifier(module, nn.CrossEntropyLoss(), shape, K, clip_values=(0.0, 1.0))


def plain(shape: tuple[int, ...] = IMAGES) -> PyTorchClassifier:
    """ART's own class around the same module."""
    module = SpikingModule(spiking_net(), None if len(shape) == 4 else T)
    optimizer = torch.optim.Adam(module.parameters())
    return PyTorchClassifier(module, nn.CrossEntropyLoss(), shape, K, optimizer=optimizer, clip_values=(0.0, 1.0))


def samples(shape: tuple[int, ...] = IMAGES, n: int = N) -> np.ndarray:
    return np.random.default_rng(0).random((n, *shape), dtype=np.float32)


Y = np.array([0, 1, 2, 3, 0, 1])
BOTH = pytest.mark.parametrize("shape", [IMAGES, FRAMES], ids=["images", "frames"])
