"""Operations are those that a loop counts, whatever the layer, the learning rule, the batch and the layout of time."""

import math
from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from art.estimators.classification import PyTorchClassifier
from spikingjelly.activation_based import base, layer, neuron
from torch import Tensor, nn

from art_snn._random import host_seed
from art_snn.conversion.spiking import ScaledNeuron
from art_snn.defences.transformer import DendriteClamping
from art_snn.estimators.classification import SpikingClassifier, SpikingModule, rule_of
from art_snn.evaluations import count_operations, trigger_cost
from art_snn.evaluations.operations import ENERGY_CAVEAT
from art_snn.lazy_rows import lazy_rows
from art_snn.models import build
from art_snn.testing import check_global_streams_stand_still
from tests.backdoored import KINDS, SHAPE, TRIGGER, K, bars, untrained

LOSS = nn.CrossEntropyLoss()
FRAMES = (3, 2, 8, 8)


@pytest.fixture(autouse=True)
def own_streams() -> Iterator[None]:
    """Layers draw their weights, and ART's class draws to predict, from streams that are put back."""
    with host_seed(0):
        yield


def ready(kind: str) -> PyTorchClassifier:
    """An untrained classifier, calibrated where its rule does so, with some weights cut."""
    classifier = untrained(kind)
    if kind in ("converted", "hybrid"):
        classifier.convert(bars(16)[0])
    cut(rule_of(classifier).network)
    return classifier


def cut(net: nn.Module) -> None:
    """Set every fifth weight to 0, and multiply the others so that neurons fire."""
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.weight.data *= (torch.arange(module.weight.numel()) % 5 != 0).reshape(module.weight.shape)
            module.weight.data *= 8


def spiking(net: nn.Module, shape: tuple[int, ...] = SHAPE, **time: Any) -> SpikingClassifier:
    return SpikingClassifier(SpikingModule(net, **time), LOSS, shape, K)


def ordinary(net: nn.Module, shape: tuple[int, ...] = SHAPE) -> PyTorchClassifier:
    return PyTorchClassifier(net, LOSS, shape, K)


def looped(conv: nn.Conv2d, x: Tensor) -> int:
    """Each output, each weight, each input under it: those that are not 0."""
    (sy, sx), (py, px), (dy, dx), n = conv.stride, conv.padding, conv.dilation, 0
    per_group = conv.out_channels // conv.groups
    height, width = conv(x).shape[-2:]
    for sample, o, row, column in product(range(len(x)), range(conv.out_channels), range(height), range(width)):
        first = o // per_group * conv.weight.shape[1]
        for i, u, v in product(*map(range, conv.weight.shape[1:])):
            y, z = row * sy - py + u * dy, column * sx - px + v * dx
            inside = 0 <= y < x.shape[-2] and 0 <= z < x.shape[-1]
            n += int(inside and conv.weight[o, i, u, v] != 0 and x[sample, first + i, y, z] != 0)
    return n


def one_weight_at_a_time(module: Any, x: Tensor) -> int:
    """What is left in the outputs of zeros and ones if all weights but one are 0 and that one is 1."""
    weight, n = module.weight.data.clone(), 0
    module.bias = None
    for place in weight.nonzero():
        module.weight.data.zero_()
        module.weight.data[tuple(place)] = 1
        n += int(module((x != 0).float()).sum())
    module.weight.data = weight
    return n


CONVOLUTIONS = {
    "plain": {},
    "stride": {"stride": 2},
    "padding": {"padding": (1, 2)},
    "dilation": {"dilation": 2, "padding": 2},
    "groups": {"groups": 2, "stride": (1, 3), "padding": 1},
    "bias": {"bias": True, "kernel_size": 1},
}


def sparse(*shape: int, seed: int = 0) -> Tensor:
    values = torch.from_numpy(np.random.default_rng(seed).normal(size=shape).astype(np.float32))
    return values * (values > 0.3)


@pytest.mark.parametrize("settings", CONVOLUTIONS.values(), ids=CONVOLUTIONS)
def test_a_convolution_takes_the_operations_that_a_loop_counts(settings) -> None:
    conv = nn.Conv2d(2, 4, **{"kernel_size": 3, "bias": False, **settings})
    conv.weight.data = sparse(*conv.weight.shape, seed=1)
    x = sparse(2, 2, 6, 6)
    classifier = ordinary(nn.Sequential(conv, nn.Flatten(), nn.LazyLinear(K)), (2, 6, 6))

    found = count_operations(classifier, x.numpy()).synapses["0"]

    assert found.multiplies * 2 == looped(conv, x)
    assert found.accumulates == 0
    with torch.no_grad():
        conv.weight.fill_(1)
    assert found.dense * 2 == looped(conv, torch.ones_like(x))


@pytest.mark.parametrize(
    "module",
    [
        nn.Conv2d(2, 2, 3, padding=1, padding_mode="circular"),
        nn.Conv2d(2, 2, 3, padding="same", padding_mode="reflect"),
        nn.ConvTranspose2d(2, 2, 3, stride=2, padding=1, output_padding=1),
        nn.ConvTranspose2d(2, 2, 2, groups=2),
        nn.Linear(5, 3),  # on the last axis, at each of the others
    ],
    ids=["circular", "reflect", "transposed", "groups", "linear"],
)
def test_an_unusual_layer_takes_the_operations_of_each_of_its_weights(module) -> None:
    x = sparse(3, 2, 5, 5)
    module.weight.data = sparse(*module.weight.shape, seed=1)
    classifier = ordinary(nn.Sequential(module, nn.Flatten(), nn.LazyLinear(K)), (2, 5, 5))

    found = count_operations(classifier, x.numpy()).synapses["0"]

    assert found.multiplies * 3 == one_weight_at_a_time(module, x)
    assert found.n_zero_weights == int((module.weight == 0).sum())


def inputs_of(classifier: PyTorchClassifier, x: Any) -> dict[str, list[Tensor]]:
    """What enters each layer with weights, seen by hooks of torch's own."""
    seen: dict[str, list[Tensor]] = {}
    handles = [
        module.register_forward_pre_hook(lambda _, args, name=name: seen.setdefault(name, []).append(args[0].detach()))
        for name, module in rule_of(classifier).network.named_modules()
        if isinstance(module, nn.Conv2d | nn.Linear)
    ]
    classifier.predict(x)
    for handle in handles:
        handle.remove()
    return seen


def unfolded(module: Any, x: Tensor) -> int:
    """Windows of zeros and ones times weights of zeros and ones."""
    weight = (module.weight != 0).double().flatten(1)
    if isinstance(module, nn.Linear):
        return int(((x != 0).double().flatten(0, -2) @ weight.T).sum())
    windows = F.unfold((x != 0).double().flatten(0, -4), module.kernel_size, 1, module.padding, module.stride)
    return int((weight @ windows).sum())


def resnet(neuron: str | None) -> PyTorchClassifier:
    net = build("resnet18", in_channels=2, nb_classes=K, neuron=neuron, width=0.05)
    cut(net)
    if neuron is None:
        return ordinary(net, FRAMES[1:])
    return spiking(net, FRAMES)


@pytest.mark.parametrize("kind", [*KINDS, "residual", "residual ann"])
def test_every_rule_takes_the_operations_of_what_enters_its_layers(kind: str) -> None:
    residual = {"residual": "lif", "residual ann": None}
    classifier = resnet(residual[kind]) if kind in residual else ready(kind)
    x = np.random.default_rng(0).poisson(0.7, (4, *classifier.input_shape)).astype(np.float32)
    modules = dict(rule_of(classifier).network.named_modules())

    found = count_operations(classifier, x)

    seen = inputs_of(classifier, x)
    assert found.synapses.keys() == seen.keys()
    for name, entered in seen.items():
        in_all = found.synapses[name].accumulates + found.synapses[name].multiplies
        assert in_all * len(x) == sum(unfolded(modules[name], one) for one in entered), name
    assert found.not_counted == ()
    assert (found.spikes > 0) == rule_of(classifier).is_spiking
    assert found.energy_pj == pytest.approx(0.9 * found.effective_acs + 4.6 * found.effective_macs)  # order of sums


@pytest.mark.parametrize("kind", KINDS)
def test_no_count_depends_on_the_batch_or_on_having_counted_before(kind: str) -> None:
    classifier, (x, _) = ready(kind), bars(16)
    logits = classifier.predict(x)

    with check_global_streams_stand_still():
        found = count_operations(classifier, x)

    assert count_operations(classifier, x, batch_size=3) == found
    assert np.array_equal(classifier.predict(x), logits)
    modules = list(classifier.model.modules())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in modules)
    assert not any(getattr(module, "store_v_seq", False) for module in modules)


def test_spikes_accumulate_and_what_an_average_pool_mixes_multiplies() -> None:
    pooled = {kind: count_operations(ready(kind), bars(16)[0]) for kind in ("converted", "hybrid")}
    net = build("small_cnn", in_channels=1, nb_classes=K, neuron="if", pool="max")

    for found in pooled.values():
        assert found.synapses["conv1"].accumulates == 0 < found.synapses["conv1"].multiplies  # pixels
        assert found.synapses["conv2"].accumulates == 0 < found.synapses["conv2"].multiplies  # averages of spikes
        assert found.synapses["fc2"].multiplies == 0 < found.synapses["fc2"].accumulates  # spikes, of any threshold
    net.conv1.weight.data *= 8
    assert count_operations(spiking(net, timesteps=3), bars(16)[0]).synapses["conv2"].multiplies == 0
    assert count_operations(spiking(net, timesteps=3), bars(16)[0]).synapses["conv2"].accumulates > 0


def test_poisson_spikes_accumulate_from_the_first_layer_on() -> None:
    net = build("small_cnn", in_channels=1, nb_classes=K, neuron="lif")

    found = count_operations(spiking(net, timesteps=4, encoding="poisson"), bars(8)[0]).synapses["conv1"]

    assert found.multiplies == 0 < found.accumulates


@pytest.mark.parametrize("step_mode", ["s", "m"])
@pytest.mark.parametrize(
    ("node", "pixel", "updates"),
    [
        (neuron.IFNode, 0.0, 0),  # 0 0 0 0
        (neuron.IFNode, 0.6, 4),  # .6, fires, .6, fires
        (neuron.IFNode, 1.0, 4),  # fires each time, and is back where it was
        (lambda **k: neuron.LIFNode(tau=2.0, **k), 0.8, 4),  # .4 .6 .7 .75
        (lambda **k: neuron.LIFNode(tau=2.0, v_reset=None, **k), 2.0, 4),  # fires each time, 0
    ],
)
def test_membrane_updates_worked_by_hand(step_mode: str, node, pixel: float, updates: int) -> None:
    first = layer.Linear(1, 1, bias=False, step_mode=step_mode)
    first.weight.data.fill_(1)
    flatten, last = layer.Flatten(step_mode=step_mode), layer.Linear(1, K, step_mode=step_mode)
    net = nn.Sequential(flatten, first, node(step_mode=step_mode), last)
    classifier = spiking(net, (1, 1, 1), timesteps=4)

    found = count_operations(classifier, np.full((3, 1, 1, 1), pixel, np.float32))

    assert found.membrane_updates == updates
    assert found.activations["2"].n_outputs == 4
    assert found.activation_sparsity == 1 - found.spikes / 4


class Unknown(base.MemoryModule):
    """A neuron of one's own that keeps two memories."""

    def __init__(self) -> None:
        super().__init__()
        self.register_memory("a", 0.0)
        self.register_memory("b", 0.0)

    def single_step_forward(self, x: Tensor) -> Tensor:
        self.a = self.a + x
        return (self.a > 1).to(x)


def test_potentials_that_are_not_known_are_not_counted() -> None:
    net = nn.Sequential(layer.Flatten(), layer.Linear(64, 8), Unknown(), layer.Linear(8, K))

    found = count_operations(spiking(net, timesteps=2), bars(4)[0])

    assert math.isnan(found.membrane_updates)
    assert found.activations["2"].n_outputs == 16


class Twice(nn.Module):
    """One layer that meets spikes of a converted neuron, and ones."""

    keeps_time_apart = True

    def __init__(self, is_alone: bool) -> None:
        super().__init__()
        self.neuron = ScaledNeuron(0.5, neuron.IFNode(v_reset=None, step_mode="m"))
        self.fc, self.is_alone = layer.Linear(64, K, step_mode="m"), is_alone

    def forward(self, x: Tensor) -> Tensor:
        spikes = self.neuron(x.flatten(2) * 4)
        return self.fc(spikes) if self.is_alone else self.fc(spikes) + self.fc((spikes != 0).to(x))


def test_weights_take_over_one_magnitude_only() -> None:
    alone, both = (count_operations(spiking(Twice(is_alone), timesteps=2), bars(4)[0]) for is_alone in (True, False))

    assert alone.effective_acs > 0 == alone.effective_macs
    assert both.effective_macs == 2 * alone.effective_acs


class Scaled(nn.Module):
    """A factor a channel, which connects nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1, 2, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.weight


def test_factors_are_no_connections() -> None:
    net = nn.Sequential(Scaled(), nn.Flatten(), nn.Linear(128, K))

    assert count_operations(ordinary(net), bars(4)[0]).not_counted == ()


def test_layers_that_cannot_be_counted_are_named() -> None:
    class Attending(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention, self.last = nn.MultiheadAttention(8, 2, batch_first=True), nn.Linear(64, K)

        def forward(self, x: Tensor) -> Tensor:
            rows = x[:, 0]
            return self.last(self.attention(rows, rows, rows)[0].flatten(1))

    found = count_operations(ordinary(Attending()), bars(4)[0])

    assert found.not_counted == ("attention",)
    assert found.as_row()["n_not_counted"] == 1


def test_bounds_are_no_connections() -> None:
    classifier, (x, y) = ready("lif"), bars(32)

    clamped = count_operations(DendriteClamping(classifier, nb_epochs=1)(x, None, y), x)

    assert clamped.not_counted == ()
    assert clamped.dense == count_operations(classifier, x).dense


def test_samples_that_are_made_as_they_are_read_cost_the_same() -> None:
    classifier, (x, _) = ready("ann"), bars(8)
    lazy = lazy_rows(lambda rows: x[rows], x.shape, x.dtype)

    assert count_operations(classifier, lazy) == count_operations(classifier, x)
    assert trigger_cost(classifier, lazy, lazy, repeats=1).operations == 1


def test_a_trigger_costs_what_both_kinds_of_samples_cost() -> None:
    classifier, (x, _) = ready("lif"), bars(32)

    found = trigger_cost(classifier, x, TRIGGER(x), repeats=1)

    before, after = count_operations(classifier, x), count_operations(classifier, TRIGGER(x))
    assert (found.clean, found.triggered) == (before, after)
    assert found.spikes == after.spikes / before.spikes
    assert found.operations == pytest.approx(
        (after.effective_acs + after.effective_macs) / (before.effective_acs + before.effective_macs)  # order of sums
    )
    assert found.membrane_updates == after.membrane_updates / before.membrane_updates
    assert found.seconds > 0
    assert set(found.as_row()) == {
        f"{name}_ratio" for name in ("spikes", "operations", "energy", "membrane_updates", "seconds")
    }


def test_a_trigger_that_writes_a_second_magnitude_does_not_make_clean_samples_cheap() -> None:
    x = (bars(8)[0] > 0.5).astype(np.float32)  # black and white
    triggered = x.copy()
    triggered[:, :, 0, 0] = 0.5

    found = trigger_cost(ready("ann"), x, triggered, repeats=1)

    assert found.clean.synapses["conv1"].accumulates == 0
    assert count_operations(ready("ann"), x).synapses["conv1"].multiplies == 0
    assert trigger_cost(ready("ann"), triggered, x, repeats=1).triggered.synapses["conv1"].accumulates == 0
    assert found.energy == pytest.approx(found.operations)  # all multiply; order of sums


def test_what_is_no_sample_is_refused() -> None:
    classifier, (x, _) = ready("lif"), bars(4)
    with pytest.raises(ValueError, match=r"^expected at least one sample in x, got none"):
        count_operations(classifier, x[:0])
    with pytest.raises(ValueError, match=r"^expected x .*shape"):
        count_operations(classifier, x[:, :, :5])
    with pytest.raises(ValueError, match=r"^expected x to be finite"):
        count_operations(classifier, np.full_like(x, np.nan))
    with pytest.raises(ValueError, match=r"^expected as many x_triggered as x"):
        trigger_cost(classifier, x, x[:2])


def test_a_row_holds_all_figures_and_the_caveat() -> None:
    row = count_operations(ready("ann"), bars(4)[0]).as_row()

    assert row["energy_caveat"] == ENERGY_CAVEAT
    assert row["connection_sparsity"] == pytest.approx(0.2, abs=0.01)  # of every five weights one was cut
    assert row["spikes"] == row["membrane_updates"] == 0
    assert row["footprint"] == sum(
        tensor.numel() * tensor.element_size() for tensor in ready("ann").model.state_dict().values()
    )
