"""Read an ANN as a graph of rectifiers and linear layers that computes the same, or say why that fails."""

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
SAMPLES = 3  # to read it with; several, so that mixing of samples shows


def trace(ann: nn.Module, samples: Tensor) -> LayerGraph:
    """Copy an ANN in evaluation mode into a graph of rectifiers and linear layers, with batch norm folded.

    The ANN runs on a few samples while each call of a layer or a function is recorded; then the graph must give the
    ANN's own logits for some of them. Each call of a rectifier or of dropout becomes a layer. Weights are those that
    the ANN computed with, also where hooks computed them. All parameters can be trained.

    Args:
        ann: Network to read, which is not changed; on the device "meta" only shapes are read, and nothing is compared.
        samples: At least one sample, (N, ...), in the form that the ANN takes.

    Raises:
        ValueError: If a module, function or argument has no spiking counterpart; it names the first one and the cure.
    """
    with torch.inference_mode(False), torch.no_grad(), host_seed(0):
        net = _copy_of(ann)
        _check_arguments(net)
        x = samples.to(like(net))[torch.arange(SAMPLES) % len(samples)]
        _logits(net, x)  # a run before recording: it makes lazy layers, and shows wrong samples
        given = x.clone()  # a network may write into its input
        recorder = Recorder(net, given)
        with recorder.watching():
            outputs = net(given)
        graph = recorder.graph(outputs).eval()
        for n in () if x.is_meta else (2, 1):
            _check_agrees(graph, net, x[:n])
    return graph.requires_grad_(True)


def rectifiers(graph: LayerGraph) -> list[str]:
    """Names of the rectifiers in the order of execution."""
    return [call.layer for call in graph.calls if isinstance(graph.get_submodule(call.layer), nn.ReLU)]


def like(net: nn.Module) -> Tensor:
    """A tensor with the dtype and device of a network's weights; torch's default if it has none."""
    weights = (tensor for tensor in (*net.parameters(), *net.buffers()) if tensor.is_floating_point())
    return next(weights, torch.empty(()))


def _copy_of(ann: nn.Module) -> nn.Module:
    """Copy the ANN in evaluation mode, without wrappers that spread it over devices or compile it."""
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
    """The network inside of `nn.DataParallel` and its like, or of `torch.compile`."""
    while isinstance(net, _WRAPPERS) or hasattr(net, "_orig_mod"):
        net = net.module if isinstance(net, _WRAPPERS) else net._orig_mod
    return net  # type: ignore[no-any-return]


def _unwrapped(net: nn.Module) -> nn.Module:
    """Unwrap all parts of a network, in place."""
    net = _unwrapped_root(net)
    for name, child in net.named_children():
        net._modules[name] = _unwrapped(child)
    return net


def _check_arguments(net: nn.Module) -> None:
    """Check that a network needs no argument but the samples."""
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
    """Check that the graph computes what the network computes: the last safeguard if the reading missed something."""
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
