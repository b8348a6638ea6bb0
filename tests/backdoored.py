"""Tiny classifiers of synthetic bars, with a backdoor or without, for the tests of defences."""

import functools

import numpy as np
import torch
from art.estimators.classification import PyTorchClassifier
from torch import nn

from art_snn._random import host_seed
from art_snn.attacks.poisoning import PatchTrigger, TriggerBackdoor
from art_snn.estimators.classification import (
    ConvertedClassifier,
    HybridClassifier,
    SpikingClassifier,
    SpikingModule,
)
from art_snn.models import build
from art_snn.typing import Images, Indices

K, TARGET, SHAPE = 4, 1, (1, 8, 8)
KINDS = ("ann", "lif", "converted", "hybrid")
TRIGGER = PatchTrigger(size=2, position="top-right")


def bars(n: int = 160, seed: int = 0) -> tuple[Images, Indices]:
    """Images (n, 1, 8, 8) with a bright bar, whose column is the class, in the lower half; noise everywhere."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 0.2, (n, *SHAPE)).astype(np.float32)
    y = np.arange(n) % K
    for column in range(K):
        x[y == column, :, 3:, 2 * column] += 0.7
    return x, y


def poisoned_bars() -> tuple[Images, Indices]:
    """The same, 15 % of them with the trigger and the target's label."""
    poisoned = TriggerBackdoor(TRIGGER, TARGET, percent_poison=0.15).poison_dataset(*bars())
    return poisoned.x, poisoned.y


def untrained(kind: str) -> PyTorchClassifier:
    """ART's own class for the ANN, ours for the rest."""
    net = build(
        "small_cnn", in_channels=1, nb_classes=K, neuron="lif" if kind == "lif" else None, pool="avg", width=0.5
    )
    common = (nn.CrossEntropyLoss(), SHAPE, K)
    if kind in ("converted", "hybrid"):
        converted = ConvertedClassifier if kind == "converted" else HybridClassifier
        optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
        return converted(net, *common, timesteps=16, optimizer=optimizer, clip_values=(0.0, 1.0))
    model = net if kind == "ann" else SpikingModule(net, timesteps=3)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    kinds = PyTorchClassifier if kind == "ann" else SpikingClassifier
    return kinds(model, *common, optimizer=optimizer, clip_values=(0.0, 1.0))


@functools.cache
def trained(kind: str, backdoored: bool = True) -> PyTorchClassifier:
    """Shared by all tests: nobody may change it."""
    classifier = untrained(kind)
    x, y = poisoned_bars() if backdoored else bars()
    with host_seed(0):
        classifier.fit(x, y, batch_size=16, nb_epochs=8, seed=0)
    classifier.model.eval()
    return classifier
