"""The parts of every network here: its arguments, its kinds of layer, and the function that builds it."""

import inspect
from abc import ABC, abstractmethod
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import KW_ONLY, dataclass, fields
from typing import Annotated, Any, ClassVar, Literal, ParamSpec, Protocol, TypedDict, cast

import numpy as np
from spikingjelly.activation_based import functional, layer
from torch import nn

from art_snn._declared import CheckedFields, Count, Declared, Seed
from art_snn._random import host_seed
from art_snn.neurons import NeuronFactory, neuron_factory

Neuron = str | NeuronFactory | None
Pool = Literal["max", "avg"]
Norm = Literal["batch", "none"]
Layer = tuple[str, nn.Module]  # its kind, such as "conv", and the module
_P = ParamSpec("_P")

_POOLS: dict[str, type[nn.Module]] = {"max": layer.MaxPool2d, "avg": layer.AvgPool2d}


class Recipe(TypedDict):
    """How to build a network again: `build(recipe["name"], **recipe["arguments"])`; it can be written as JSON."""

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
        recipe: How to build this network again, but for its weights; None if its neuron is a factory of the caller's.
    """

    def __init__(self, layers: Iterable[Layer], step_mode: Literal["s", "m"]) -> None:
        super().__init__(layers)
        self.recipe: Recipe | None = None
        functional.set_step_mode(self, step_mode)


def _check_width(name: str, width: float) -> None:
    if not width > 0:
        raise ValueError(f"expected {name} above 0, got {width!r}")


def _check_dropout(name: str, share: float) -> None:
    """Check a share of features that are dropped, in [0, 1)."""
    if not 0 <= share < 1:
        raise ValueError(f"expected {name} in [0, 1), got {share!r}")


Width = Annotated[float, Declared("above 0", _check_width)]
Dropout = Annotated[float, Declared("in [0, 1)", _check_dropout)]


@dataclass(frozen=True)
class Topology(CheckedFields, ABC):
    """A network to be built, as an ANN or an SNN: its arguments, and the kinds of layer that it is made of.

    A topology of your own sets `name`, adds its arguments and lists its `layers`; in its docstring `{shared}` stands
    for the arguments that all have. All layers are spikingjelly's, which take a time axis as well, but for the
    rectifier and an ANN's dropout.

    Attributes:
        name: Name of the function that builds it.
        datasets: Data sets whose own network it builds, by its argument `dataset`; None if it suits any.
        has_bias: Whether convolutions without norm have a bias.

    Args:
        in_channels: Channels of the input, 2 for events.
        nb_classes: Number K of classes.
        neuron: None for the ANN; "if", "lif" or a function that makes a neuron for the SNN.
        surrogate: Surrogate gradient of "if" and "lif", as in `art_snn.neurons.surrogate_function`.
        tau: Time constant of "lif", in steps.
        pool: "max" or "avg", the kind of its 2×2 pools; conversion from ANN to SNN needs "avg".
        norm: "batch" (batch norm after each convolution) or "none" (biases in its place, if the network has any, and
            He's initial weights). Without norm a deep SNN that is trained from scratch may stay silent; one that is
            converted from an ANN does not.
        width: Factor on the channels and features of every hidden layer.
        seed: Seed of the initial weights.
    """

    name: ClassVar[str]
    datasets: ClassVar[tuple[str, ...] | None] = None
    has_bias: ClassVar[bool] = True

    in_channels: Count
    nb_classes: Count
    _: KW_ONLY
    neuron: Neuron = None
    surrogate: str = "atan"
    tau: float = 2.0
    pool: Pool = "max"
    norm: Norm = "batch"
    width: Width = 1.0
    seed: Seed = 0

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        shared = (Topology.__doc__ or "").partition("Args:\n")[2].strip()
        cls.__doc__ = (cls.__doc__ or "").replace("{shared}", shared)

    @abstractmethod
    def layers(self) -> Iterable[Layer]:
        """The layers, one after the other."""

    def network(self) -> Network:
        """The network, its weights drawn from a random stream of its own."""
        with host_seed(self.seed):
            net = Network(self.layers(), "m" if self.is_spiking else "s")
        if not callable(self.neuron):
            arguments = {one.name: getattr(self, one.name) for one in fields(self)}
            plain = {name: a.item() if isinstance(a, np.generic) else a for name, a in arguments.items()}
            net.recipe = {"name": self.name, "arguments": plain}
        return net

    @property
    def is_spiking(self) -> bool:
        """Whether its activations are neurons."""
        return self.neuron is not None

    def activation(self) -> nn.Module:
        """A new activation: a rectifier, or a layer of neurons."""
        return neuron_factory(self.neuron, surrogate=self.surrogate, tau=self.tau)()

    def scaled(self, *channels: int) -> list[int]:
        """Numbers of channels, each times the width and at least 1."""
        return [max(1, round(self.width * c)) for c in channels]

    def act(self) -> Layer:
        """An activation as a layer."""
        return "act", self.activation()

    def conv(self, in_channels: int, out_channels: int, kernel_size: int = 3, stride: int = 1) -> list[Layer]:
        """A convolution that keeps the side (a stride divides it), and its batch norm, or else its bias, if any."""
        has_norm, padding = self.norm == "batch", kernel_size // 2
        has_bias = self.has_bias and not has_norm
        conv = layer.Conv2d(in_channels, out_channels, kernel_size, stride=stride, padding=padding, bias=has_bias)
        norm: list[Layer] = [("norm", layer.BatchNorm2d(out_channels))] if has_norm else []
        return [("conv", self._initialised(conv)), *norm]

    def pooling(self, *, ceil_mode: bool = False) -> Layer:
        """Pooling of 2×2 pixels; with `ceil_mode` an odd last row or column is a window of its own."""
        return "pool", _POOLS[self.pool](2, ceil_mode=ceil_mode)

    def flat(self, side: int) -> list[Layer]:
        """Average down (or repeat up) to side × side pixels, and flatten."""
        return [("resize", layer.AdaptiveAvgPool2d(side)), ("flatten", layer.Flatten())]

    def linear(self, in_features: int, out_features: int, *, bias: bool = True) -> Layer:
        """A fully connected layer."""
        return "fc", self._initialised(layer.Linear(in_features, out_features, bias=bias))

    def dropping(self, share: float) -> Layer:
        """Dropout of a share of the features; in an SNN one mask serves all time steps of a sample."""
        return "dropout", layer.Dropout(share) if self.is_spiking else nn.Dropout(share)

    def _initialised(self, weighted: nn.Conv2d | nn.Linear) -> nn.Module:
        """A layer with torch's initial weights, or with He's where no norm restores a signal that they let die away."""
        if self.norm == "none":
            nn.init.kaiming_normal_(weighted.weight, nonlinearity="relu")
            if weighted.bias is not None:
                nn.init.zeros_(weighted.bias)
        return weighted


class Builder(Protocol[_P]):
    """A function that builds networks of one topology."""

    __name__: str
    datasets: tuple[str, ...] | None

    def __call__(self, *args: _P.args, **kwargs: _P.kwargs) -> Network: ...


def builder(topology: Callable[_P, Topology]) -> Builder[_P]:
    """The function that builds the networks of a topology, with its name, arguments, docstring and facts."""
    kind = cast(type[Topology], topology)

    def build(*args: _P.args, **kwargs: _P.kwargs) -> Network:
        return topology(*args, **kwargs).network()

    signature = inspect.signature(kind).replace(return_annotation=Network)
    facts = {
        "__name__": kind.name,
        "__qualname__": kind.name,
        "__module__": kind.__module__,
        "__doc__": kind.__doc__,
        "__signature__": signature,
        "__annotations__": {name: one.annotation for name, one in signature.parameters.items()},
        "datasets": kind.datasets,
    }
    for name, fact in facts.items():
        setattr(build, name, fact)
    return cast(Builder[_P], build)
