"""The estimator as a whole: an epoch of `fit`, and the activations of several layers."""

import copy
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from spikingjelly.activation_based import monitor, neuron
from torch import Tensor, nn

from art_snn.estimators.classification import SpikingClassifier, SpikingModule
from art_snn.models import Network
from tests.benchmarks.harness import OURS, Case, Contest
from tests.benchmarks.loops import CLASSES, MULTI, images, narrow
from tests.benchmarks.networks import MultiStep

N, T, BATCH = 256, 8, 32
x = images(N, 3, 32, 32).numpy()
y = np.arange(N) % CLASSES


def _classifier() -> SpikingClassifier:
    model = SpikingModule(narrow(3, neuron="lif"), T)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    return SpikingClassifier(model, nn.CrossEntropyLoss(), (3, 32, 32), CLASSES, optimizer=optimizer)


def fit() -> Contest:
    """An epoch of 256 samples in the same random order."""
    classifier = _classifier()
    by_hand = MultiStep(narrow(3, neuron="lif"), T)
    optimizer = torch.optim.SGD(by_hand.parameters(), lr=0.01)

    def epoch() -> None:
        by_hand.train()
        rows = np.random.default_rng(0).spawn(2)[0].permutation(N)
        for start in range(0, N, BATCH):
            batch = rows[start : start + BATCH]
            loss = F.cross_entropy(by_hand(torch.from_numpy(x[batch])), torch.from_numpy(y[batch]))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    contestants: dict[str, Callable[[], object]] = {
        OURS: partial(classifier.fit, x, y, batch_size=BATCH, nb_epochs=1, seed=0),
        MULTI: epoch,
    }

    def check() -> None:
        contestants[OURS](), contestants[MULTI]()
        nets = classifier.model.net, by_hand.net
        ours, theirs = (torch.cat([weights.flatten() for weights in net.parameters()]) for net in nets)
        assert (ours - theirs).norm() < 0.01 * theirs.norm()  # a spike that flips by rounding moves weights a little

    return Contest(contestants, check)


def activations() -> Contest:
    """Rates of all neurons of all layers for 256 samples."""
    classifier = _classifier()
    net: Network = copy.deepcopy(classifier.model.net)
    by_hand = MultiStep(narrow(3, neuron="lif"), T).eval()
    by_hand.net.load_state_dict(net.state_dict())
    layers = classifier.layer_names
    per_layer = [partial(classifier.get_activations, x, layer, BATCH) for layer in layers]

    @torch.no_grad()
    def monitored() -> list[np.ndarray]:
        with monitor.OutputMonitor(by_hand.net, neuron.LIFNode, _rates) as rates:
            for start in range(0, N, BATCH):
                by_hand(torch.from_numpy(x[start : start + BATCH]))
            return [torch.cat(rates[name]).numpy() for name in rates.monitored_layers]

    contestants: dict[str, Callable[[], object]] = {
        OURS: partial(classifier.get_activations, x, layers, BATCH),
        "spikingjelly's monitor": monitored,
        "a pass for each layer": lambda: [collect() for collect in per_layer],
    }

    def check() -> None:
        for ours, theirs in zip(contestants[OURS](), monitored(), strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-6)

    return Contest(contestants, check)


def _rates(spikes: Tensor) -> Tensor:
    return spikes.mean(0).flatten(1)


CASES = (
    Case("fit, an epoch of VGG11 x 0.25, T 8, batch 32", fit, {MULTI: 0.7}),
    Case("activations of all layers of VGG11 x 0.25, T 8", activations),
)
