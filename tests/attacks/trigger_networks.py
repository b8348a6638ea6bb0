"""Frames, classifiers and trained trigger networks for the tests of dynamic backdoors."""

import functools
from typing import Any

import numpy as np
import torch
from art.estimators.classification import PyTorchClassifier
from spikingjelly.activation_based import neuron
from torch import nn

from art_snn.attacks.poisoning import DynamicBackdoor, SpikingAutoencoder
from art_snn.estimators.classification import AnnClassifier, SpikingClassifier, SpikingModule
from art_snn.models import build
from art_snn.typing import Frames

K, TARGET = 3, 1
FIT: dict[str, Any] = {"batch_size": 12, "nb_epochs": 2}
Y = np.arange(24) % K


def frames(n: int = 24, side: int = 16, seed: int = 0) -> Frames:
    """Counts (n, 3, 2, side, side) with busy rows, whose place is the class."""
    rng = np.random.default_rng(seed)
    x = rng.poisson(0.2, (n, 3, 2, side, side)).astype(np.uint8)
    for label in range(K):
        x[np.arange(n) % K == label, :, :, 4 * label : 4 * label + 3] += 2
    return x


X = frames()


def classifier(kind: str, shape: tuple[int, ...], seed: int = 0) -> PyTorchClassifier:
    neurons = "lif" if kind == "lif" else None
    net = build("small_cnn", in_channels=shape[-3], nb_classes=K, neuron=neurons, width=0.25, seed=seed)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    if kind == "ann":
        return AnnClassifier.of_network(net, nn.CrossEntropyLoss(), shape, K, optimizer=optimizer)
    module = SpikingModule(net, 2 if len(shape) == 3 else None)
    return SpikingClassifier(module, nn.MSELoss(), shape, K, optimizer=optimizer)


def attack(**parameters: Any) -> DynamicBackdoor:
    return DynamicBackdoor(None, **{"target_class": TARGET, "channels": 2, **parameters})


def awake(two_sided: bool = False, shape: tuple[int, ...] = X.shape[1:]) -> SpikingAutoencoder:
    """A trigger network that spikes from the first batch on: its statistics are those of the last batch."""
    net = SpikingAutoencoder(shape, 2, two_sided=two_sided)
    for part in net.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.momentum = 1.0
        if isinstance(part, neuron.IFNode):
            part.v_threshold = 0.2
    return net


@functools.cache
def learnt(kind: str = "lif", **parameters: Any) -> DynamicBackdoor:
    """Shared by tests: nobody may change it."""
    made = attack(autoencoder=awake(parameters.get("valid_frames", False)), **parameters)
    return made.train(classifier(kind, X.shape[1:]), X, Y, **FIT)[1].attack  # type: ignore[return-value]
