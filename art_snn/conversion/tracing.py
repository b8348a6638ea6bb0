"""Reading an ANN: a graph of rectifiers and linear layers that computes the same, or an error that says why not."""

import inspect
from typing import Any

import torch
from spikingjelly.activation_based import base
from torch import Tensor, nn

from art_snn._detached import detached_copy
from art_snn._random import host_seed
from art_snn.conversion._layers import layer_type, unsupported
from art_snn.conversion.graph import LayerGraph
from art_snn.conversion.recording import Recorder

_WRAPPERS = (nn.DataParallel, nn.parallel.DistributedDataParallel)
SAMPLES = 3  # to read it with: more than one, so that what mixes samples shows


def trace(ann: nn.Module, samples: Tensor) -> LayerGraph:
    """A copy of an ANN in evaluation mode as a graph of rectifiers and linear layers, its batch norm folded.

    The ANN runs on a few samples, and each call of a layer or of a function is written down; then the graph must
    compute the ANN's own logits on some of them. Each call of a rectifier or of dropout is a layer of its own. Weights
    are those that the ANN computed with, whatever computed them. All parameters can be trained.

    Args:
        ann: It is not changed. On the device "meta" its shapes are read, and nothing is compared.
        samples: At least one, (N, ...), as the ANN takes them.

    Raises:
        ValueError: Naming the first module, function or argument that has no spiking counterpart, with the cure.
    """
    with torch.inference_mode(False), torch.no_grad(), host_seed(0):
        net = _copy_of(ann)
        _check_arguments(net)
        x = samples.to(like(net))[torch.arange(SAMPLES) % len(samples)]
        _logits(net, x)  # once unwatched: lazy layers come into being, and the caller's mistakes show
        given = x.clone()  # a network may write into its input
        recorder = Recorder(net, given)
        with recorder.watching():
            outputs = net(given)
        graph = recorder.graph(outputs).eval()
        for n in () if x.is_meta else (2, 1):
            _check_agrees(graph, net, x[:n])
    return graph.requires_grad_(True)


def rectifiers(graph: LayerGraph) -> list[str]:
    """The names of the rectifiers in the order of execution."""
    return [call.layer for call in graph.calls if isinstance(graph.get_submodule(call.layer), nn.ReLU)]


def like(net: nn.Module) -> Tensor:
    """A tensor with the dtype and device that a network computes with; torch's default where it has no weights."""
    weights = (tensor for tensor in (*net.parameters(), *net.buffers()) if tensor.is_floating_point())
    return next(weights, torch.empty(()))


def _copy_of(ann: nn.Module) -> nn.Module:
    """Of the ANN itself, without what spreads it over devices or compiles it, in evaluation mode."""
    for name, module in ann.named_modules():
        if isinstance(module, torch.jit.ScriptModule):
            raise ValueError(
                f"expected an ANN of ordinary modules, got the compiled {type(module).__name__} at {name!r}; give the "
                "module that it was compiled from"
            )
        if isinstance(module, base.MemoryModule) and layer_type(module) is None:
            raise unsupported(module, name)
    try:
        return _unwrapped(detached_copy(_unwrapped_root(ann))).eval()
    except (TypeError, RuntimeError, NotImplementedError, AttributeError) as error:
        raise ValueError(
            f"expected an ANN that can be copied, got {type(ann).__name__}: {error}; keep such things outside of it"
        ) from error


def _unwrapped_root(net: Any) -> nn.Module:
    """What `nn.DataParallel` and its like, or `torch.compile`, were given."""
    while isinstance(net, _WRAPPERS) or hasattr(net, "_orig_mod"):
        net = net.module if isinstance(net, _WRAPPERS) else net._orig_mod
    return net  # type: ignore[no-any-return]


def _unwrapped(net: nn.Module) -> nn.Module:
    """The same, for all parts of a network, in place."""
    net = _unwrapped_root(net)
    for name, child in net.named_children():
        net._modules[name] = _unwrapped(child)
    return net


def _check_arguments(net: nn.Module) -> None:
    """The samples are all that a network must be given."""
    arguments = list(inspect.signature(net.forward).parameters.values())
    needed = [a for a in arguments if a.default is a.empty and a.kind not in (a.VAR_POSITIONAL, a.VAR_KEYWORD)]
    for argument in needed[1:]:
        raise ValueError(
            f"expected an ANN that is called with samples alone, got {type(net).__name__}, whose forward needs the "
            f"argument {argument.name!r} too; give that a default value"
        )


def _logits(net: nn.Module, x: Tensor) -> Tensor:
    try:
        outputs = net(x.clone())
    except Exception as error:
        raise ValueError(
            f"expected an ANN that takes samples (N, {', '.join(map(str, x.shape[1:]))}) in evaluation mode, got "
            f"{type(net).__name__}, which raises {type(error).__name__}: {error}"
        ) from error
    if not isinstance(outputs, Tensor):
        keys = f" with the keys {', '.join(map(repr, outputs))}" if isinstance(outputs, dict) else ""
        raise ValueError(
            f"expected an ANN that returns its logits alone, one tensor, got {type(net).__name__}, which returns a "
            f"{type(outputs).__name__}{keys}; wrap it in a module whose forward returns the logits"
        )
    return outputs


def _check_agrees(graph: LayerGraph, net: nn.Module, x: Tensor) -> None:
    """What was read computes what the network computes: the last safeguard, whatever the reading has missed."""
    expected = _logits(net, x)
    tolerance = 4 * torch.finfo(expected.dtype).eps ** 0.5 * expected.abs().max()  # folding batch norm rounds
    got = graph(x)
    if not expected.isfinite().all():
        return  # calibration names the layer
    if got.shape == expected.shape and (got - expected).abs().max() <= tolerance:
        return
    if torch.equal(expected, _logits(net, x)):
        why = "these are others; they may depend on the number of samples, on a global hook or on other arithmetic"
    else:
        why = "it answers the same samples differently each time: is there noise, dropout or memory of earlier calls?"
    raise ValueError(
        f"expected an ANN whose logits its layers and functions determine, got {type(net).__name__}: {why}; "
        "leave that out in evaluation mode"
    )
