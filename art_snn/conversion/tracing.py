"""Reading an ANN: which layers follow which, whether each has a spiking counterpart, batch norm folded away."""

import copy
import itertools
import operator
from collections import Counter
from typing import Any

import torch
from spikingjelly.activation_based import layer
from torch import fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from art_snn.conversion.graph import Call, LayerGraph

_WEIGHTED: dict[type[nn.Module], type[nn.Module]] = {
    nn.Conv1d: layer.Conv1d,
    nn.Conv2d: layer.Conv2d,
    nn.Linear: layer.Linear,
}
LINEAR: dict[type[nn.Module], type[nn.Module]] = {  # what commutes with the mean over time, and its multi-step form
    **_WEIGHTED,
    nn.AvgPool1d: layer.AvgPool1d,
    nn.AvgPool2d: layer.AvgPool2d,
    nn.AdaptiveAvgPool1d: layer.AdaptiveAvgPool1d,
    nn.AdaptiveAvgPool2d: layer.AdaptiveAvgPool2d,
    nn.Flatten: layer.Flatten,
}
_LAYERS = {*LINEAR, *LINEAR.values(), nn.ReLU, nn.Dropout, layer.Dropout, layer.VotingLayer}
_MINDFUL = (nn.ReLU, nn.Dropout, layer.Dropout)  # whose spiking counterpart remembers: a potential, a mask
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
_MAXIMA = (nn.MaxPool1d, nn.MaxPool2d, nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d)
_ADDITIONS = (operator.add, operator.iadd, torch.add, "add", "add_")
_SIZES = ("size", getattr, operator.getitem)  # what the arguments of a reshape are made of


def trace(ann: nn.Module) -> LayerGraph:
    """A copy of an ANN in evaluation mode as a graph of rectifiers and linear layers, its batch norm folded.

    Each call of a rectifier or of dropout is a layer of its own. All parameters can be trained.

    Raises:
        ValueError: Naming the first module or function that has no spiking counterpart, with the cure.
    """
    ann = copy.deepcopy(ann).eval()
    try:
        nodes = _Tracer().trace(ann).nodes
    except (fx.proxy.TraceError, TypeError) as error:
        raise ValueError(
            f"expected an ANN whose forward pass does not branch on its input, got {type(ann).__name__}: {error}"
        ) from error
    reader = _Reader(ann, nodes)
    for node in nodes:
        reader.read(node)
    return LayerGraph(reader.layers, reader.calls).requires_grad_(True)


def rectifiers(graph: LayerGraph) -> list[str]:
    """The names of the rectifiers in the order of execution."""
    return [call.layer for call in graph.calls if isinstance(graph.get_submodule(call.layer), nn.ReLU)]


class _Tracer(fx.Tracer):
    """Looks into a user's own modules, but not into torch's and spikingjelly's layers."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        is_layer = m.__module__.startswith(("torch.nn.", "spikingjelly."))
        return is_layer and not isinstance(m, nn.Sequential)


class _Reader:
    """Turns traced nodes, one after the other, into layers and calls."""

    def __init__(self, ann: nn.Module, nodes: Any) -> None:
        self.layers: dict[str, nn.Module] = {}
        self.calls: list[Call] = []
        self._taken = {name for name, _ in ann.named_modules()}
        self._modules = {node: ann.get_submodule(node.target) for node in nodes if node.op == "call_module"}
        self._n_calls = Counter(node.target for node in self._modules)
        self._numbers: dict[fx.Node, int] = {}  # of the results, as `Call` counts them

    def read(self, node: fx.Node) -> None:
        if node in self._modules:
            self._read_module(node, self._modules[node], str(node.target))
        elif node.op == "placeholder" and not self._numbers:
            self._numbers[node] = 0
        elif node.op == "output":
            del self.calls[self._number(node.args[0], node) :]
        elif _flattens(node):
            self._call(node, layer.Flatten(), self._free_name("flatten"))
        elif node.target in _ADDITIONS and len(node.args) == 2 and not node.kwargs:
            self._append(node, Call("", tuple(self._number(summand, node) for summand in node.args)))
        elif node.target not in _SIZES:
            raise _unknown_function(node)

    def _read_module(self, node: fx.Node, module: nn.Module, name: str) -> None:
        if isinstance(module, _NORMS):
            self._fold(node, module)
        elif isinstance(module, nn.Identity):
            self._numbers[node] = self._number(node.args[0], node)
        elif isinstance(module, _MINDFUL) and name in self.layers:
            self._call(node, copy.deepcopy(module), self._free_name(name))
        else:
            self._call(node, _checked(module, name), name)

    def _free_name(self, name: str) -> str:
        """The name itself, or with the first number that makes it one that nothing else has."""
        names = itertools.chain([name], (f"{name}_{number}" for number in itertools.count(2)))
        free = next(name for name in names if name not in self._taken)
        self._taken.add(free)
        return free

    def _call(self, node: fx.Node, module: nn.Module, name: str) -> None:
        self.layers[name] = module
        self._append(node, Call(name, (self._number(node.args[0], node),)))

    def _append(self, node: fx.Node, call: Call) -> None:
        self.calls.append(call)
        self._numbers[node] = len(self.calls)

    def _number(self, argument: Any, reader: fx.Node) -> int:
        if argument not in self._numbers:
            raise _unknown_function(argument if isinstance(argument, fx.Node) else reader)
        return self._numbers[argument]

    def _fold(self, node: fx.Node, norm: Any) -> None:
        """Move a batch norm's scale and shift into the weights and bias of the layer before it."""
        (before,) = node.all_input_nodes
        weighted: Any = self._modules.get(before)
        is_alone = len(before.users) == self._n_calls[before.target] == self._n_calls[node.target] == 1
        if type(weighted) not in {*_WEIGHTED, *_WEIGHTED.values()} or not is_alone:
            raise ValueError(
                f"expected batch norm right after a convolution or linear layer that nothing else uses, "
                f"got {type(norm).__name__} at {node.target!r} after {before.target!r}"
            )
        if norm.running_var is None:
            raise ValueError(f"expected batch norm with running statistics, got {node.target!r} without")
        weighted.weight, weighted.bias = fuse_conv_bn_weights(
            weighted.weight, weighted.bias, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
        )
        self._numbers[node] = self._numbers[before]


def _flattens(node: fx.Node) -> bool:
    """Whether a node is `torch.flatten(x, 1)`, `x.flatten(1)`, `x.view(len, -1)` or `x.reshape(len, -1)`."""
    if node.target in (torch.flatten, "flatten"):
        return node.args[1:] == (1,) or node.kwargs == {"start_dim": 1}
    return node.target in ("view", "reshape") and isinstance(node.args[1], fx.Node) and node.args[2:] == (-1,)


def _checked(module: nn.Module, name: str) -> nn.Module:
    if isinstance(module, _MAXIMA):
        raise ValueError(
            f"expected average pooling in an ANN to be converted, got {type(module).__name__} at {name!r}: the rates "
            "of spikes have no such maximum; train the ANN with average pooling (pool='avg')"
        )
    if type(module) not in _LAYERS:
        raise ValueError(
            f"expected nn.ReLU, convolutions, linear layers, batch norm, average pooling, dropout and additions in an "
            f"ANN to be converted, got {type(module).__name__} at {name!r}; train the ANN without it"
        )
    return module


def _unknown_function(node: fx.Node) -> ValueError:
    function = getattr(node.target, "__name__", node.target)
    return ValueError(
        f"expected modules and additions in an ANN to be converted, got the function {function} ({node.name}); "
        "use modules, such as nn.ReLU for relu and nn.Flatten for a reshape"
    )
