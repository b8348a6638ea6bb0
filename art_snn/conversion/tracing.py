"""Reading an ANN: which layers follow which, whether each has a spiking counterpart, batch norm folded away."""

import copy
import operator
from collections import Counter
from typing import Any

import torch
from spikingjelly.activation_based import layer
from torch import fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

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
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, layer.BatchNorm1d, layer.BatchNorm2d)
_MAXIMA = (nn.MaxPool1d, nn.MaxPool2d, nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d)
_OTHERS = (nn.ReLU, nn.Identity, nn.Dropout, layer.Dropout, layer.VotingLayer)
_KNOWN = {*LINEAR, *LINEAR.values(), *_NORMS, *_OTHERS}
_ADDITIONS = (operator.add, operator.iadd, torch.add, "add", "add_")


def trace(ann: nn.Module) -> fx.GraphModule:
    """A copy of an ANN in evaluation mode as a graph of rectifiers and linear layers, its batch norm folded.

    Each call of a rectifier is a module of its own. All parameters can be trained.

    Raises:
        ValueError: Naming the first module or function that has no spiking counterpart, with the cure.
    """
    graph = _traced(copy.deepcopy(ann).eval())
    for node in list(graph.graph.nodes):
        _normalise(graph, node)
    graph.graph.eliminate_dead_code()  # sizes that only the flattening read
    for node in graph.graph.nodes:
        _check(graph, node)
    _separate_rectifiers(graph)
    for norm in [node for node in graph.graph.nodes if isinstance(_module(graph, node), _NORMS)]:
        _fold(graph, norm)
    graph.delete_all_unused_submodules()
    graph.recompile()
    return graph.requires_grad_(True)


def rectifiers(graph: fx.GraphModule) -> dict[str, fx.Node]:
    """The nodes that call a rectifier, by its name, in the order of execution."""
    return {str(n.target): n for n in graph.graph.nodes if isinstance(_module(graph, n), nn.ReLU)}


class _Tracer(fx.Tracer):
    """Looks into a user's own modules, but not into torch's and spikingjelly's layers."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        is_layer = m.__module__.startswith(("torch.nn.", "spikingjelly."))
        return is_layer and not isinstance(m, nn.Sequential)


def _traced(ann: nn.Module) -> fx.GraphModule:
    try:
        return fx.GraphModule(ann, _Tracer().trace(ann), class_name=type(ann).__name__)
    except (fx.proxy.TraceError, TypeError) as error:
        raise ValueError(
            f"expected an ANN whose forward pass does not branch on its input, got {type(ann).__name__}: {error}"
        ) from error


def _module(graph: fx.GraphModule, node: Any) -> Any:
    """The module that a node calls, or None."""
    is_call = isinstance(node, fx.Node) and node.op == "call_module"
    return graph.get_submodule(str(node.target)) if is_call else None


def _normalise(graph: fx.GraphModule, node: fx.Node) -> None:
    """Make a module of `torch.flatten(x, 1)`, `x.flatten(1)`, `x.view(len, -1)` and `x.reshape(len, -1)`."""
    is_flat = node.target in (torch.flatten, "flatten") and (node.args[1:] == (1,) or node.kwargs == {"start_dim": 1})
    is_view = node.target in ("view", "reshape") and isinstance(node.args[1], fx.Node) and node.args[2:] == (-1,)
    if not (is_flat or is_view):
        return
    name = f"flatten_{node.name}"
    graph.add_submodule(name, layer.Flatten())
    with graph.graph.inserting_before(node):
        flat = graph.graph.call_module(name, (node.args[0],))
    node.replace_all_uses_with(flat)
    graph.graph.erase_node(node)


def _check(graph: fx.GraphModule, node: fx.Node) -> None:
    module = _module(graph, node)
    if isinstance(module, _MAXIMA):
        raise ValueError(
            f"expected average pooling in an ANN to be converted, got {type(module).__name__} at {node.target!r}: the "
            "rates of spikes have no such maximum; train the ANN with average pooling (pool='avg')"
        )
    if module is not None and type(module) not in _KNOWN:
        raise ValueError(
            f"expected nn.ReLU, convolutions, linear layers, batch norm, average pooling, dropout and additions in an "
            f"ANN to be converted, got {type(module).__name__} at {node.target!r}; train the ANN without it"
        )
    summands = [argument for argument in node.args if isinstance(argument, fx.Node)]
    is_addition = node.target in _ADDITIONS and len(summands) == 2 and not node.kwargs
    if module is None and node.op not in ("placeholder", "output") and not is_addition:
        function = getattr(node.target, "__name__", node.target)
        raise ValueError(
            f"expected modules and additions in an ANN to be converted, got the function {function} ({node.name}); "
            "use modules, such as nn.ReLU for relu and nn.Flatten for a reshape"
        )


def _separate_rectifiers(graph: fx.GraphModule) -> None:
    """Give each call of a shared rectifier a module of its own: each will have its own potential and threshold."""
    calls: Counter[str] = Counter()
    for name, node in [(str(n.target), n) for n in graph.graph.nodes if isinstance(_module(graph, n), nn.ReLU)]:
        calls[name] += 1
        if calls[name] > 1:
            node.target = f"{name}_{calls[name]}"
            graph.add_submodule(node.target, nn.ReLU())


def _fold(graph: fx.GraphModule, node: fx.Node) -> None:
    """Move a batch norm's scale and shift into the weights and bias of the layer before it."""
    (before,) = node.all_input_nodes
    norm, weighted = _module(graph, node), _module(graph, before)
    targets = Counter(n.target for n in graph.graph.nodes)
    is_alone = len(before.users) == targets[before.target] == targets[node.target] == 1
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
    node.replace_all_uses_with(before)
    graph.graph.erase_node(node)
