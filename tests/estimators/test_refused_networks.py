"""Networks that would answer wrongly: refused as the classifier is built, with the reason and a cure."""

import threading
from collections.abc import Callable
from functools import partial
from itertools import chain, repeat

import numpy as np
import pytest
import torch
from spikingjelly.activation_based import base, encoding, functional, layer, neuron
from torch import Tensor, nn

from art_snn._random import host_seed
from art_snn.estimators.classification import AnnClassifier, SpikingClassifier, SpikingModule
from art_snn.estimators.classification.inspection import first_pass

T, K = 6, 3
SHAPE = (1, 8, 8)


def network(*before: nn.Module, after: nn.Module | None = None, step_mode: str = "m") -> nn.Module:
    """Linear, neuron, linear, with something before and after."""
    with host_seed(0):
        net = nn.Sequential(*before, layer.Flatten(), layer.Linear(64, 16), neuron.LIFNode(), layer.Linear(16, K))
    for parameter in net.parameters():
        parameter.data *= 5
    if after is not None:
        net.append(after)
    functional.set_step_mode(net, step_mode)
    return net


def build(net: nn.Module) -> SpikingClassifier:
    return SpikingClassifier(SpikingModule(net, T), nn.CrossEntropyLoss(), SHAPE, K)


class Does(nn.Module):
    """A network around another, with any forward."""

    def __init__(self, forward: Callable[[nn.Module, Tensor], Tensor], step_mode: str = "m") -> None:
        super().__init__()
        self.inner, self.does = network(step_mode=step_mode), forward

    def forward(self, x: Tensor) -> Tensor:
        return self.does(self.inner, x)


def looped(net: nn.Module, x: Tensor) -> Tensor:
    return torch.stack([net(x) for _ in range(T)]).mean(0)


def hoisted(net: nn.Module, x: Tensor) -> Tensor:
    drive = net[:2](x)
    return sum(net[2:](drive) for _ in range(T)) / T


REPEATING: dict[str, nn.Module] = {
    "repeat": Does(lambda net, x: net(x.unsqueeze(0).repeat(T, 1, 1, 1, 1)).mean(0)),
    "repeat, outputs over time": Does(lambda net, x: net(x.unsqueeze(0).repeat(T, 1, 1, 1, 1))),
    "stack": Does(lambda net, x: net(torch.stack([x] * T)).mean(0)),
    "loop": Does(looped, "s"),
    "loop behind static layers": Does(hoisted, "s"),
    "loop through a sequence": Does(lambda net, x: torch.stack([net(step) for step in x]), "s"),
    "the sequence twice": Does(lambda net, x: net(x) + net(x)),
}


@pytest.mark.parametrize("name", REPEATING)
def test_a_loop_over_time_inside_of_the_network_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"without a loop over time of its own, got one in Does.*let forward map"):
        build(REPEATING[name])


def test_the_cure_for_a_loop_works() -> None:
    class Stepping(base.MultiStepModule, nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = network(step_mode="s")

        def forward(self, x_seq: Tensor) -> Tensor:
            return torch.stack([self.inner(x) for x in x_seq])

    x = np.random.default_rng(0).random((4, *SHAPE), np.float32)
    assert np.allclose(build(Stepping()).predict(x), build(network()).predict(x), atol=1e-6)


def test_weights_that_are_used_thrice_in_a_time_step_are_no_loop_over_time() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.block = nn.Sequential(nn.Linear(64, 64), neuron.LIFNode())
            self.head = nn.Linear(64, K)

        def forward(self, x: Tensor) -> Tensor:
            x = x.flatten(1)
            for _ in range(3):
                x = self.block(x)
            return self.head(x)

    with host_seed(0):
        assert build(Tied()).layer_names == ["net.block.1"]


class Noise(nn.Module):
    """An encoder that draws, from the stream that a function names."""

    def __init__(self, draw: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.draw = draw

    def forward(self, x: Tensor) -> Tensor:
        return (self.draw(x) < x).float()


def own_stream() -> Callable[[Tensor], Tensor]:
    generator = torch.Generator()
    return lambda x: torch.rand(x.shape, generator=generator)


@pytest.mark.parametrize(
    ("encoder", "message"),
    [
        (encoding.PoissonEncoder(), "got PoissonEncoder '0'.*encoding='poisson'"),
        (Noise(torch.rand_like), "draws nothing at random.*at Noise.*encoding='poisson'"),
        (Noise(lambda x: float(np.random.rand()) * x), "draws nothing at random.*at Noise"),  # noqa: NPY002
        (Noise(own_stream()), "same answer to the same samples twice"),
    ],
)
@pytest.mark.parametrize("step_mode", ["s", "m"])
def test_a_random_encoder_inside_of_the_network_is_refused(encoder: nn.Module, message: str, step_mode: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(network(encoder, step_mode=step_mode))


def test_another_thread_that_draws_meanwhile_is_not_taken_for_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    places = chain([0, 1], repeat(1))
    monkeypatch.setattr(first_pass, "_streams", lambda: next(places))

    assert build(network())


def test_a_state_that_nobody_resets_is_refused() -> None:
    class Counting(nn.Module):
        count = 0

        def forward(self, x: Tensor) -> Tensor:
            self.count += 1
            return x * self.count

    with pytest.raises(ValueError, match=r"keeps a state that its reset\(\) does not put back"):
        build(network(Counting()))


@pytest.mark.parametrize("step_mode", ["s", "m"])
@pytest.mark.parametrize("node", [neuron.NonSpikingLIFNode(), neuron.NonSpikingIFNode(decode="mean-mem")])
def test_a_readout_that_returns_a_list_is_refused(node: nn.Module, step_mode: str) -> None:
    with pytest.raises(ValueError, match=rf"got {type(node).__name__} '4'.*readout='mean'"):
        SpikingModule(network(after=node, step_mode=step_mode), T)


def test_the_cure_for_a_list_works() -> None:
    class Stacked(neuron.NonSpikingLIFNode):
        def forward(self, x_seq: Tensor) -> Tensor:
            return torch.stack(super().forward(x_seq))

    assert build(network(after=Stacked())).layer_names == ["net.2"]
    with pytest.raises(ValueError, match=r"got a list; leave time in the outputs"):
        SpikingModule(Does(lambda net, x: list(net(x))), T)(torch.zeros(2, *SHAPE))


def hiding(place: Callable[[nn.Module], object]) -> nn.Module:
    node = neuron.IFNode(step_mode="m")
    net = Does(lambda net, x: node(net(x)))
    net.does = None
    net.__dict__["kept"] = place(node)
    return net


@pytest.mark.parametrize(
    "place",
    [
        lambda node: [node],
        lambda node: [[node]],
        lambda node: {"a": (node,)},
        lambda node: [nn.Sequential(node)],
        lambda node: node,
        lambda node: node.forward,
        lambda node: partial(node),
        lambda node: lambda x: node(x),
        lambda node: threading.Thread(target=node),
    ],
)
def test_a_neuron_where_torch_does_not_look_is_refused(place: Callable[[nn.Module], object]) -> None:
    with pytest.raises(ValueError, match=r"registered, got one in the plain \w+ 'kept'.*nn.ModuleList"):
        SpikingModule(hiding(place), T)


_ELSEWHERE = neuron.IFNode(step_mode="m")


def test_a_neuron_that_is_found_only_as_it_runs_is_refused() -> None:
    with pytest.raises(ValueError, match="got a IFNode that runs and that modules"):
        build(Does(lambda net, x: _ELSEWHERE(net(x))))


@pytest.mark.parametrize(
    ("net", "message"),
    [
        (Does(lambda net, x: net(x).mean(0)), "leave time in the outputs: readout='mean' averages it"),
        (network(nn.Flatten()), r"maps \(T, N, C, H, W\) to logits, got \w+Error for samples of shape \(1, 8, 8\)"),
        (Does(lambda net, x: x.flatten(2)[..., :K]), "spiking neurons run, got one that passes them by"),
        (
            nn.Sequential(neuron.IFNode(step_mode="m"), neuron.IFNode()),
            "one step mode, got '1' in 's' and '0' in 'm'.*base.MultiStepModule",
        ),
        (
            layer.MultiStepContainer(nn.Sequential(layer.MultiStepContainer(nn.Flatten(0), neuron.IFNode()))),
            "single-step modules inside MultiStepContainer '', got '0.0' in 'm'",
        ),
    ],
)
def test_a_network_that_mixes_up_its_axes_is_refused(net: nn.Module, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(net)


def test_a_single_step_neuron_that_meets_a_sequence_is_refused() -> None:
    class Says(base.StepModule, nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.step_mode, self.inner = "m", network()
            self.inner[2].step_mode = "s"

        def forward(self, x: Tensor) -> Tensor:
            return self.inner(x)

    with pytest.raises(ValueError, match=r"LIFNode 'net\.inner\.2' in the step mode of its input, got all time steps"):
        build(Says())


def test_another_thread_is_not_looked_at() -> None:
    def beside(net: nn.Module, x: Tensor) -> Tensor:
        other = threading.Thread(target=neuron.IFNode(), args=(torch.ones(2),))
        other.start()
        other.join()
        return net(x)

    assert build(Does(beside)).layer_names == ["net.inner.2"]


def test_an_ann_classifier_takes_no_neurons_that_nobody_would_reset() -> None:
    with pytest.raises(ValueError, match=r"without spiking neurons.*got '2'; use SpikingClassifier\(SpikingModule"):
        AnnClassifier(network(step_mode="s"), nn.CrossEntropyLoss(), SHAPE, K)
