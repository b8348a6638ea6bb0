"""Networks that keep a piece of their graph or compute their weights: copies and errors."""

import copy
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from spikingjelly.activation_based import layer, neuron
from torch import Tensor, nn
from torch.nn.utils import parametrizations, prune, spectral_norm, weight_norm

from art_snn._detached import detached_copy
from art_snn._random import host_seed
from art_snn.estimators.classification import (
    AnnClassifier,
    ConvertedClassifier,
    HybridClassifier,
    SpikingClassifier,
    SpikingModule,
    rule_of,
)

SHAPE, K = (1, 4, 4), 3
X = np.random.default_rng(0).random((12, *SHAPE), dtype=np.float32)
Y = np.arange(12) % K
KINDS = (AnnClassifier, ConvertedClassifier, HybridClassifier, SpikingClassifier)


class Keeping(nn.Module):
    """Keeps its activations wherever a network may keep something, if it is told to."""

    def __init__(self, act: nn.Module, *, keeps: bool) -> None:
        super().__init__()
        self.conv, self.act, self.last, self.keeps = layer.Conv2d(1, 2, 3, padding=1), act, layer.Linear(32, K), keeps

    def forward(self, x: Tensor) -> Tensor:
        h = self.act(self.conv(x))
        if self.keeps:
            self.features, self.listed, self.last.seen = h, [h, {"deep": (h,)}], h.mean()
        logits: Tensor = self.last(h.flatten(-3))
        return logits


def classifier(kind: Any, net: nn.Module) -> Any:
    loss = nn.CrossEntropyLoss()
    if kind is AnnClassifier:
        return kind(net, loss, SHAPE, K)
    return kind(net, loss, SHAPE, K) if kind is SpikingClassifier else kind(net, loss, SHAPE, K, 4)


def keeping(kind: Any, *, keeps: bool) -> Any:
    with host_seed(1):
        if kind is not SpikingClassifier:
            return classifier(kind, Keeping(nn.ReLU(), keeps=keeps))
        net = Keeping(neuron.IFNode(), keeps=keeps)
    return classifier(kind, SpikingModule(net, timesteps=4))


@pytest.mark.parametrize("kind", KINDS)
def test_a_network_that_keeps_its_activations_is_trained_copied_and_cloned_as_one_that_does_not(kind):
    keeps, keeps_not = keeping(kind, keeps=True), keeping(kind, keeps=False)
    for spiking in (keeps, keeps_not):
        spiking.fit(X, Y, batch_size=4, nb_epochs=2)
    assert np.array_equal(keeps.predict(X), keeps_not.predict(X))
    keeps.loss_gradient(X, Y)  # now it holds a graph
    copies = copy.deepcopy(keeps), rule_of(keeps).copied().classifier, pickle.loads(pickle.dumps(keeps))  # noqa: S301 - our own
    clones = keeps.clone_for_refitting(), keeps_not.clone_for_refitting()
    for other in copies:
        assert np.array_equal(other.predict(X), keeps.predict(X))
    for clone in clones:
        clone.fit(X, Y, batch_size=4, nb_epochs=1)
    assert np.array_equal(clones[0].predict(X), clones[1].predict(X))


def test_a_detached_copy_shares_nothing_and_keeps_what_is_one_thing_one():
    weight = torch.ones(2, requires_grad=True)
    piece = weight * 3

    other = detached_copy({"piece": piece, "again": [piece], "weight": weight})

    assert other["piece"] is other["again"][0]
    assert other["piece"] is not piece
    assert not other["piece"].requires_grad
    assert other["weight"].requires_grad
    assert other["weight"] is not weight
    assert piece.grad_fn is not None


COMPUTED = {
    "weight_norm": weight_norm,
    "spectral_norm": spectral_norm,
    "prune": lambda module: prune.l1_unstructured(module, "weight", 0.5),
    "parametrised weight_norm": parametrizations.weight_norm,
    "parametrised spectral_norm": parametrizations.spectral_norm,
}


@pytest.mark.filterwarnings("ignore:.*weight_norm.*:FutureWarning")
@pytest.mark.parametrize("name", COMPUTED)
@pytest.mark.parametrize("kind", [AnnClassifier, ConvertedClassifier])
def test_a_clone_starts_afresh_where_hooks_compute_the_weights(kind, name):
    with host_seed(0):
        convolution = COMPUTED[name](nn.Conv2d(1, 2, 3, padding=1))
        trained = classifier(kind, nn.Sequential(convolution, nn.ReLU(), nn.Flatten(), nn.Linear(32, K)))
    clones = [trained.clone_for_refitting()]
    trained.fit(X, Y, batch_size=4, nb_epochs=3)
    clones.append(trained.clone_for_refitting())

    for clone in clones:
        clone.fit(X, Y, batch_size=4, nb_epochs=1)

    assert np.array_equal(clones[0].predict(X), clones[1].predict(X))
    assert not np.array_equal(clones[0].predict(X), trained.predict(X))


# --- nothing half done ----------------------------------------------------------------------------------------------


class Uncopyable(Keeping):
    def __init__(self) -> None:
        super().__init__(nn.ReLU(), keeps=False)
        self.source = (i for i in range(3))


class Masked(Keeping):
    def __init__(self) -> None:
        super().__init__(nn.ReLU(), keeps=False)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:  # type: ignore[override]
        return super().forward(x * mask)


@pytest.mark.parametrize("kind", [ConvertedClassifier, HybridClassifier])
@pytest.mark.parametrize(
    ("make", "message"),
    [(Uncopyable, "that can be copied, got Uncopyable"), (Masked, "the argument 'mask' too; give that a default")],
)
def test_what_cannot_be_converted_is_refused_before_it_is_trained(kind, make, message):
    with host_seed(0):
        net = make()
    with pytest.raises(ValueError, match=message):
        classifier(kind, net)


def test_calibration_takes_samples_of_the_other_byte_order_and_read_only_as_training_does():
    other = X.astype(X.dtype.newbyteorder(">"))
    other.flags.writeable = False
    answers = []
    for x in (X, other):
        spiking = keeping(ConvertedClassifier, keeps=False)
        spiking.fit(x, Y, batch_size=4, nb_epochs=1)
        answers.append(spiking.predict(X))
    assert np.array_equal(*answers)


def test_spike_norm_sees_the_very_spikes_that_the_network_sees_later():
    with host_seed(0):
        net = nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, K))
    spiking = ConvertedClassifier(
        net, nn.CrossEntropyLoss(), SHAPE, K, 12, method="spike-norm", encoding="poisson", optimizer=None
    )
    spiking.convert(X)
    largest: dict[str, float] = {}
    for name in spiking.layer_names:
        node = spiking.model.get_submodule(name)
        node.register_forward_pre_hook(
            lambda module, given, name=name: largest.update({name: max(largest.get(name, 0.0), given[0].max().item())})
        )

    spiking.predict(X)

    assert list(largest.values()) == pytest.approx([1.0] * len(spiking.layer_names), rel=1e-5)
