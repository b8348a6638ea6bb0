"""Make a network fast without changing what it computes."""

from spikingjelly.activation_based import functional, layer, neuron
from torch import nn

from art_snn.acceleration import _stateless_layers
from art_snn.acceleration._max_pooling import FastMaxPool2d
from art_snn.acceleration.fused_nodes import FastIF, FastLIF

_NEURONS: dict[type[nn.Module], type[nn.Module]] = {neuron.IFNode: FastIF, neuron.LIFNode: FastLIF}
_LAYERS: dict[type[nn.Module], type[nn.Module]] = {
    layer.Conv1d: _stateless_layers.ConstantInputConv1d,
    layer.Conv2d: _stateless_layers.ConstantInputConv2d,
    layer.Linear: _stateless_layers.ConstantInputLinear,
    layer.BatchNorm1d: _stateless_layers.ConstantInputBatchNorm1d,
    layer.BatchNorm2d: _stateless_layers.ConstantInputBatchNorm2d,
    layer.MaxPool2d: FastMaxPool2d,
    layer.AvgPool2d: _stateless_layers.ConstantInputAvgPool2d,
    layer.AdaptiveAvgPool2d: _stateless_layers.ConstantInputAdaptiveAvgPool2d,
    layer.Flatten: _stateless_layers.ConstantInputFlatten,
    layer.Dropout: _stateless_layers.ConstantInputDropout,
}
_TIME_APART = {*_NEURONS, *_NEURONS.values(), *_LAYERS, *_LAYERS.values(), layer.VotingLayer, nn.Linear, nn.Identity}


def accelerate(net: nn.Module) -> nn.Module:
    """Replace spikingjelly's nodes and layers, in place, by subclasses that compute the same in less time.

    IFNode, LIFNode and the usual layers are replaced, your own subclasses are not. Nodes run faster on a CPU, and
    layers compute a `constant_sequence` only once. Parameters, state, hooks, `state_dict` and `repr` stay. In a network
    that writes into its activations (`nn.ReLU(inplace=True)`) only the nodes are replaced. On a GPU, and for settings
    that they do not support, the subclasses do what spikingjelly does.

    Args:
        net: Any network, also a single node.

    Returns:
        `net` itself.
    """
    modules = list(net.modules())
    swaps = _NEURONS if any(getattr(module, "inplace", False) for module in modules) else _NEURONS | _LAYERS
    for module in modules:
        if not getattr(module, "return_indices", False):
            module.__class__ = swaps.get(type(module), type(module))
    functional.invalidate_reset_cache(net)
    return net


def keeps_time_apart(net: nn.Module) -> bool:
    """Whether nothing but the neurons' state connects the time steps of a network in evaluation mode.

    Then it may run on one stretch of time after another. True only where that is certain: for layers known here, in
    `nn.Sequential` or in modules that promise it for their own `forward` by an attribute `keeps_time_apart = True`.

    >>> keeps_time_apart(nn.Sequential(layer.Linear(2, 3), neuron.IFNode()))
    True
    """
    if type(net) in _TIME_APART:
        return True
    is_known = type(net) is nn.Sequential or bool(getattr(net, "keeps_time_apart", False))
    return is_known and all(keeps_time_apart(child) for child in net.children())
