"""Wherever a network keeps its neurons: it answers as plain spikingjelly does, and each layer listed can be read."""

import copy
import operator
from collections.abc import Callable

import numpy as np
import pytest
import torch
from art.defences.detector.poison import ActivationDefence
from spikingjelly.activation_based import base, functional, layer, neuron
from torch import Tensor, nn

from art_snn._random import host_seed
from art_snn.defences._convolution_units import units
from art_snn.defences.detector import MembranePotentialDefence, SpikeActivationDefence, SpikeSpectralDefence
from art_snn.defences.transformer import DendriteClamping, FinePruning
from art_snn.estimators.classification import SpikingClassifier, SpikingModule
from art_snn.estimators.classification.inspection import is_spiking

N, T, K = 5, 6, 3
SHAPE = (1, 8, 8)
X = np.random.default_rng(0).random((N, *SHAPE)).astype(np.float32)


class Own(base.MemoryModule):
    """A neuron that inherits from none of spikingjelly's."""

    def __init__(self) -> None:
        super().__init__()
        self.register_memory("v", 0.0)

    def single_step_forward(self, x: Tensor) -> Tensor:
        self.v = self.v * 0.5 + x
        spike = (self.v >= 1).float()
        self.v = self.v - spike
        return spike

    def multi_step_forward(self, x_seq: Tensor) -> Tensor:
        return torch.stack([self.single_step_forward(x) for x in x_seq])


class Loop(base.MultiStepModule, nn.Module):
    """A module of a user's own that steps its inside."""

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.node = nn.Linear(16, 16), neuron.LIFNode()

    def forward(self, x_seq: Tensor) -> Tensor:
        return functional.multi_step_forward(x_seq, (self.linear, self.node))


class TimeLast(nn.Module):
    """Containers whose last axis is time."""

    def __init__(self) -> None:
        super().__init__()
        self.body = layer.TLastMultiStepContainer(nn.Flatten(), nn.Linear(64, 16), neuron.LIFNode())
        self.head = layer.TLastSeqToANNContainer(nn.Linear(16, K))

    def forward(self, x_seq: Tensor) -> Tensor:
        return self.head(self.body(x_seq.permute(1, 2, 3, 4, 0))).permute(2, 0, 1)


def multi(*layers: nn.Module) -> nn.Module:
    net = nn.Sequential(*layers)
    functional.set_step_mode(net, "m")
    return net


def head() -> nn.Module:
    return layer.SeqToANNContainer(nn.Linear(16, K))


def first() -> list[nn.Module]:
    return [nn.Flatten(), nn.Linear(64, 16)]


def of_layers(*middle: nn.Module) -> nn.Module:
    return multi(layer.Flatten(), layer.Linear(64, 16), *middle, layer.Linear(16, K))


def nested() -> nn.Module:
    recurrent = nn.Sequential(nn.Linear(16, 16), layer.LinearRecurrentContainer(neuron.LIFNode(), 16, 16))
    adding = layer.ElementWiseRecurrentContainer(nn.Sequential(nn.Linear(16, 16), neuron.IFNode()), operator.add)
    return nn.Sequential(layer.MultiStepContainer(*first(), neuron.LIFNode(), recurrent, adding), head())


NETS: dict[str, Callable[[], nn.Module]] = {
    "steps": lambda: nn.Sequential(layer.MultiStepContainer(*first(), neuron.LIFNode()), head()),
    "the whole": lambda: layer.MultiStepContainer(*first(), neuron.LIFNode(), nn.Linear(16, K)),
    "spikes at the end": lambda: nn.Sequential(
        layer.MultiStepContainer(*first(), neuron.LIFNode()), layer.MultiStepContainer(nn.Linear(16, K), Own())
    ),
    "folded": lambda: nn.Sequential(layer.SeqToANNContainer(*first(), neuron.LIFNode()), head()),
    "step mode m": lambda: multi(layer.StepModeContainer(True, "m", *first(), neuron.LIFNode()), layer.Linear(16, K)),
    "stateless": lambda: multi(layer.StepModeContainer(False, "m", *first()), neuron.LIFNode(), layer.Linear(16, K)),
    "step mode s": lambda: nn.Sequential(
        layer.StepModeContainer(True, "s", *first(), neuron.LIFNode()), layer.Linear(16, K)
    ),
    "recurrent": lambda: of_layers(layer.LinearRecurrentContainer(neuron.LIFNode(), 16, 16)),
    "recurrent s": lambda: nn.Sequential(
        *first(), layer.LinearRecurrentContainer(neuron.LIFNode(), 16, 16), nn.Linear(16, K)
    ),
    "nested": nested,
    "own m": lambda: of_layers(Own()),
    "own s": lambda: nn.Sequential(*first(), Own(), nn.Linear(16, K)),
    "own stepped": lambda: of_layers(layer.ElementWiseRecurrentContainer(Own(), operator.add)),
    "own loop": lambda: nn.Sequential(multi(layer.Flatten(), layer.Linear(64, 16), neuron.LIFNode()), Loop(), head()),
    "time last": TimeLast,
    "filter": lambda: of_layers(neuron.LIFNode(), layer.SynapseFilter(2.0)),
    "voting": lambda: multi(layer.Flatten(), layer.Linear(64, 4 * K), neuron.LIFNode(), layer.VotingLayer(4)),
}


def loud(make: Callable[[], nn.Module]) -> nn.Module:
    with host_seed(0):
        net = make()
    for parameter in net.parameters():
        parameter.data *= 3
    return net


def classifier(net: nn.Module, timesteps: int = T) -> SpikingClassifier:
    return SpikingClassifier(SpikingModule(net, timesteps), nn.CrossEntropyLoss(), SHAPE, K, clip_values=(0.0, 1.0))


def by_hand(net: nn.Module, timesteps: int = T) -> tuple[Tensor, dict[str, Tensor]]:
    """Mean outputs of plain spikingjelly, and the rates of the neurons, from hooks of our own."""
    seen: dict[str, list[Tensor]] = {}
    for name, module in net.named_modules():
        if is_spiking(module):
            module.register_forward_hook(lambda _, __, out, name=name: seen.setdefault(f"net.{name}", []).append(out))
    x = torch.from_numpy(X)
    with torch.no_grad():
        if getattr(net, "single", False):
            logits = torch.stack([net(x) for _ in range(timesteps)]).mean(0)
        else:
            logits = net(x[None].repeat(timesteps, 1, 1, 1, 1)).mean(0)
    rates = {name: torch.cat(outputs).reshape(timesteps, N, -1).mean(0) for name, outputs in seen.items()}
    return logits, rates


@pytest.mark.parametrize("timesteps", [1, N, T])
@pytest.mark.parametrize("name", NETS)
def test_a_network_answers_as_plain_spikingjelly_and_each_layer_listed_can_be_read(name: str, timesteps: int) -> None:
    net = loud(NETS[name])
    plain = copy.deepcopy(net).eval()
    plain.single = name in ("step mode s", "recurrent s", "own s")
    logits, rates = by_hand(plain, timesteps)
    spiking = classifier(net, timesteps)
    assert np.allclose(spiking.predict(X, batch_size=2), logits.numpy(), atol=1e-5)
    assert spiking.layer_names == (list(rates)[:-1] if name == "spikes at the end" else list(rates))
    for index, layer_name in enumerate(spiking.layer_names):
        for batch_size in (1, 2, N):
            read = spiking.get_activations(X, index, batch_size=batch_size)
            assert np.allclose(read, rates[layer_name].numpy(), atol=1e-6)
    if timesteps == T:
        assert all(rate.max() > 0 for rate in rates.values())


@pytest.mark.parametrize("name", NETS)
def test_voltages_are_what_each_step_leaves(name: str) -> None:
    spiking = classifier(loud(NETS[name]))
    for layer_name in spiking.layer_names:
        voltages = spiking.get_activations(X, layer_name, quantity="voltage", reduction="none")
        last = spiking.get_activations(X, layer_name, batch_size=2, quantity="voltage", reduction="last")
        assert voltages.shape[:2] == (N, T)
        assert voltages.std() > 0
        assert np.allclose(voltages[:, -1], last, atol=1e-6)


def test_the_voltage_of_a_neuron_of_ones_own_is_that_of_its_single_steps() -> None:
    net = loud(NETS["own m"])
    drive = copy.deepcopy(net[:2])(torch.from_numpy(X)[None]).detach()[0]
    node, voltages = Own(), []
    for _ in range(T):
        node(drive)
        voltages.append(node.v.numpy())
    read = classifier(net).get_activations(X, 0, quantity="voltage", reduction="none")
    assert np.allclose(read, np.stack(voltages, 1), atol=1e-6)


@pytest.mark.parametrize("name", ["steps", "nested", "own m", "folded"])
def test_the_detectors_run_wherever_the_neurons_are(name: str) -> None:
    spiking, rng = classifier(loud(NETS[name])), np.random.default_rng(1)
    x, y = rng.random((60, *SHAPE)).astype(np.float32), np.arange(60) % K
    arts = ActivationDefence(spiking, x, np.eye(K)[y])
    with host_seed(0):
        assert len(arts.detect_poison(nb_clusters=2, nb_dims=3, reduce="PCA")[1]) == 60
    for ours in (
        SpikeSpectralDefence(spiking, x, y),
        SpikeActivationDefence(spiking, x, y, cluster_analysis="smaller"),
    ):
        assert len(ours.detect_poison()[1]) == 60


def convolutional(stepped: bool) -> SpikingClassifier:
    box = layer.MultiStepContainer if stepped else layer.SeqToANNContainer

    def net() -> nn.Module:
        block = box(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), neuron.LIFNode(tau=1.5))
        return nn.Sequential(block, layer.MultiStepContainer(nn.Flatten(), nn.Linear(256, K), neuron.LIFNode()))

    return classifier(loud(net))


def test_the_defences_that_look_into_networks_find_what_a_container_holds() -> None:
    spiking = convolutional(stepped=True)
    (unit,) = units(spiking)
    assert (unit.last, unit.activation) == (spiking.model.net[0][1], spiking.model.net[0][2])
    assert MembranePotentialDefence(spiking, steps=2).detect_backdoor().scores.shape == (K,)
    assert FinePruning(spiking, nb_epochs=1)(X, y=np.arange(N) % K).predict(X).shape == (N, K)
    clamped = DendriteClamping(spiking, nb_epochs=1)(X)
    assert clamped.model.net[0][1].step_mode == "s"


def test_a_clamp_needs_time_steps() -> None:
    with pytest.raises(ValueError, match="folds time into the batch"):
        DendriteClamping(convolutional(stepped=False), nb_epochs=1)(X)


def test_what_is_read_is_not_changed_by_what_is_written_afterwards() -> None:
    net = loud(lambda: nn.Sequential(*first(), Own(), nn.Linear(16, K)))
    before = classifier(net).get_activations(X, "net.1", reduction="none")
    writing = nn.Sequential(*net[:2], nn.ReLU(inplace=True), *net[2:])
    assert np.array_equal(classifier(writing).get_activations(X, "net.1", reduction="none"), before)
    assert before.min() < 0


def test_layers_are_looked_into_again_after_surgery() -> None:
    spiking = classifier(loud(lambda: of_layers(neuron.LIFNode())))
    spiking.model.net[2] = neuron.IFNode()
    functional.set_step_mode(spiking.model.net, "s")
    net = copy.deepcopy(spiking.model.net)
    net.single = True
    assert np.allclose(spiking.get_activations(X, 0), by_hand(net)[1]["net.2"].numpy(), atol=1e-6)
    assert np.array_equal(copy.deepcopy(spiking).get_activations(X, 0), spiking.get_activations(X, 0))
    spiking.model.net.append(nn.Identity())
    spiking.model.net.insert(3, neuron.LIFNode())
    assert spiking.layer_names == ["net.2", "net.3"]
