"""A classifier of each learning rule, as ART's contract is tested on."""

import numpy as np
import pytest
from art.estimators.classification import PyTorchClassifier
from torch import nn

from art_snn.estimators.classification import (
    AnnClassifier,
    ConvertedClassifier,
    HybridClassifier,
    SpikingClassifier,
    SpikingModule,
)
from art_snn.models import small_cnn

N, T, K = 8, 3, 3
SHAPE = (1, 8, 8)
X = np.random.default_rng(0).random((N, *SHAPE), dtype=np.float32)
Y = np.arange(N) % K
KINDS = ("ann", "spiking", "converted", "hybrid")
EVERY = pytest.mark.parametrize("kind", KINDS)


def loud_net(channels: int = 1) -> nn.Module:
    """A spiking network that spikes though it is untrained."""
    net = small_cnn(channels, K, pool="avg", width=0.25, neuron="if")
    for parameter in net.parameters():
        parameter.data *= 4
    return net


def make(kind: str, channels: int = 1, **settings: object) -> PyTorchClassifier:
    """A classifier of each learning rule, untrained."""
    settings = {"loss": nn.CrossEntropyLoss(), "input_shape": SHAPE, "nb_classes": K, "clip_values": (0, 1), **settings}
    if kind == "spiking":
        return SpikingClassifier(SpikingModule(loud_net(channels), T), **settings)
    net = small_cnn(channels, K, pool="avg", width=0.25)
    if kind == "ann":
        return AnnClassifier(net, **settings)
    rule = {"converted": ConvertedClassifier, "hybrid": HybridClassifier}[kind]
    return rule(net, timesteps=T, **settings)


def ready(kind: str, **settings: object) -> PyTorchClassifier:
    """The same with opinions: thresholds that fit."""
    classifier = make(kind, **settings)
    if isinstance(classifier, ConvertedClassifier):
        classifier.convert(X)
    return classifier
