"""What every network here is made of: one list of layers, which is an ANN's or an SNN's."""

import functools
import inspect
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable
from typing import Any, Literal, ParamSpec, TypedDict

import numpy as np
from spikingjelly.activation_based import functional, layer
from torch import nn

from art_snn._random import host_seed
from art_snn._validation import check_at_least, check_choice
from art_snn.neurons import NeuronFactory, neuron_factory

Neuron = str | NeuronFactory | None
Pool = Literal["max", "avg"]
Layer = tuple[str, nn.Module]  # its kind, such as "conv", and the module
_P = ParamSpec("_P")

_POOLS: dict[str, type[nn.Module]] = {"max": layer.MaxPool2d, "avg": layer.AvgPool2d}


class Recipe(TypedDict):
    """What builds a network again: `build(recipe["name"], **recipe["arguments"])`; it can be written as JSON."""

    name: str
    arguments: dict[str, Any]


class Chain(nn.Sequential):
    """Layers one after the other, named by kind and number: `conv1, norm1, act1, pool1, conv2, …`."""

    keeps_time_apart = True

    def __init__(self, layers: Iterable[Layer]) -> None:
        numbers: Counter[str] = Counter()
        named = OrderedDict[str, nn.Module]()
        for kind, module in layers:
            numbers[kind] += 1
            named[f"{kind}{numbers[kind]}"] = module
        super().__init__(named)


class Network(Chain):
    """A whole network: an ANN from (N, C, H, W) to (N, K), or an SNN from (T, N, C, H, W) to (T, N, K).

    Its layers bear the same names as ANN and as SNN, so that the weights of one load into the other.

    Attributes:
        recipe: What builds this network again, up to its weights; None if its neuron is a factory of the caller's.
    """

    def __init__(self, layers: Iterable[Layer], step_mode: Literal["s", "m"]) -> None:
        super().__init__(layers)
        self.recipe: Recipe | None = None
        functional.set_step_mode(self, step_mode)


class Kit:
    """The kinds of layer a topology is made of, each as an ANN or as an SNN has it.

    All but the rectifier and an ANN's dropout are spikingjelly's, which take a time axis as well.

    Attributes:
        activation: Makes a new activation module.
        is_spiking: Whether that is a neuron.
    """

    def __init__(self, neuron: Neuron, surrogate: str, tau: float, pool: Pool = "max") -> None:
        check_choice("pool", pool, _POOLS)
        self.activation = neuron_factory(neuron, surrogate=surrogate, tau=tau)
        self._pool = _POOLS[pool]
        self.is_spiking = neuron is not None

    def network(self, layers: Iterable[Layer]) -> Network:
        """The network of these layers, all in the step mode that suits it."""
        return Network(layers, "m" if self.is_spiking else "s")

    def act(self) -> Layer:
        """The activation: a rectifier, or a layer of neurons."""
        return "act", self.activation()

    def conv(self, in_channels: int, out_channels: int, kernel_size: int = 3, stride: int = 1) -> list[Layer]:
        """A convolution without bias that keeps the side (a stride divides it), and its batch norm."""
        padding = kernel_size // 2
        conv = layer.Conv2d(in_channels, out_channels, kernel_size, stride=stride, padding=padding, bias=False)
        return [("conv", conv), ("norm", layer.BatchNorm2d(out_channels))]

    def pool(self, *, ceil_mode: bool = False) -> Layer:
        """Maximum or average of 2×2 pixels; with `ceil_mode` an odd last row or column is a window of its own."""
        return "pool", self._pool(2, ceil_mode=ceil_mode)

    def flat(self, side: int) -> list[Layer]:
        """Average down (or repeat up) to side × side pixels, whatever the input's side, and flatten."""
        return [("resize", layer.AdaptiveAvgPool2d(side)), ("flatten", layer.Flatten())]

    def linear(self, in_features: int, out_features: int, *, bias: bool = True) -> Layer:
        """A fully connected layer."""
        return "fc", layer.Linear(in_features, out_features, bias=bias)

    def dropout(self, p: float) -> Layer:
        """Dropout; in an SNN one mask serves all time steps of a sample."""
        if not 0 <= p < 1:
            raise ValueError(f"expected dropout in [0, 1), got {p!r}")
        return "dropout", layer.Dropout(p) if self.is_spiking else nn.Dropout(p)


def scaled(width: float, *channels: int) -> list[int]:
    """Numbers of channels, each times the width multiplier and at least 1.

    >>> scaled(0.25, 64, 2)
    [16, 1]
    """
    if not width > 0:
        raise ValueError(f"expected width above 0, got {width!r}")
    return [max(1, round(width * c)) for c in channels]


def model(build: Callable[_P, Network]) -> Callable[_P, Network]:
    """Run a builder of networks on a random stream of its own, from its argument `seed`, and note the recipe."""
    signature = inspect.signature(build)

    @functools.wraps(build)
    def seeded(*args: _P.args, **kwargs: _P.kwargs) -> Network:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        arguments = dict(bound.arguments)
        for name in ("in_channels", "nb_classes"):
            check_at_least(name, arguments[name], 1)
        with host_seed(arguments["seed"]):
            net = build(*args, **kwargs)
        if not callable(arguments["neuron"]):
            plain = {name: a.item() if isinstance(a, np.generic) else a for name, a in arguments.items()}
            net.recipe = {"name": build.__name__, "arguments": plain}
        return net

    return seeded
