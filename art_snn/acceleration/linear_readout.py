"""A final linear layer commutes with the mean over time, so it runs once."""

from spikingjelly.activation_based import layer
from torch import nn

from art_snn.acceleration._stateless_layers import ConstantInputLinear


def split_readout(net: nn.Module) -> tuple[nn.Module, nn.Module]:
    """Split a network before its last layer if that is linear; else give the network and an identity.

    Which layer is last is certain only in `nn.Sequential` and its like. A layer with a hook is not split off, so that
    the hook sees all time steps.

    >>> split_readout(nn.Sequential(nn.Flatten(), nn.Linear(4, 2)))[1]
    Linear(in_features=4, out_features=2, bias=True)
    """
    if type(net) in (nn.Linear, layer.Linear, ConstantInputLinear) and not _is_watched(net):
        return nn.Identity(), net
    if isinstance(net, nn.Sequential) and type(net).forward is nn.Sequential.forward and not _is_watched(net):
        layers = list(net)  # `children` would leave out what occurs again
        body, tail = split_readout(layers[-1]) if layers else (nn.Identity(), nn.Identity())
        return nn.Sequential(*layers[:-1], body), tail
    return net, nn.Identity()


def _is_watched(module: nn.Module) -> bool:
    return bool(
        module._forward_hooks or module._forward_pre_hooks or module._backward_hooks or module._backward_pre_hooks
    )
