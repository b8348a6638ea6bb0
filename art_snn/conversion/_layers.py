"""The layers of a converted network: copies of the ANN's without hooks and parametrisations."""

from typing import Any

import torch
from spikingjelly.activation_based import layer
from torch import Tensor, nn

from art_snn._detached import tensors_in

WEIGHTED: dict[type[nn.Module], type[nn.Module]] = {
    nn.Conv1d: layer.Conv1d,
    nn.Conv2d: layer.Conv2d,
    nn.Linear: layer.Linear,
}
LINEAR: dict[type[nn.Module], type[nn.Module]] = {  # commute with the mean over time; their multi-step forms
    **WEIGHTED,
    nn.AvgPool1d: layer.AvgPool1d,
    nn.AvgPool2d: layer.AvgPool2d,
    nn.AdaptiveAvgPool1d: layer.AdaptiveAvgPool1d,
    nn.AdaptiveAvgPool2d: layer.AdaptiveAvgPool2d,
    nn.Flatten: layer.Flatten,
}
DROPOUTS = (nn.Dropout, layer.Dropout)
RESHAPES = (nn.Flatten, layer.Flatten)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
_LAYERS = {*LINEAR, *LINEAR.values(), *NORMS, *DROPOUTS, nn.ReLU, nn.Identity, layer.VotingLayer}
_NORM_LAYERS = {layer.BatchNorm1d, layer.BatchNorm2d}
_OWN = ("forward", "_conv_forward", "__call__")  # a subclass with one of these computes something else
_NOT_COPIED = {*vars(nn.Module()), "forward", "weight", "bias"}


class _Constant(nn.Module):
    """A layer that computes with a constant, which broadcasts; a parameter stays one."""

    keeps_time_apart = True
    value: Tensor

    def __init__(self, value: float | Tensor) -> None:
        super().__init__()
        given = value.detach().clone() if isinstance(value, Tensor) else None
        constant = torch.tensor(float(value), dtype=torch.float64) if given is None else given
        if isinstance(value, nn.Parameter):
            self.register_parameter("value", nn.Parameter(constant))
        else:
            self.register_buffer("value", constant)


class Scale(_Constant):
    """Multiply the input by a constant."""

    def forward(self, x: Tensor) -> Tensor:
        """The input's shape stays."""
        return x * self.value


class Shift(_Constant):
    """Add a constant to the input."""

    def forward(self, x: Tensor) -> Tensor:
        """The input's shape stays."""
        return x + self.value


def layer_type(module: nn.Module) -> type[nn.Module] | None:
    """The known type of layer as which a module computes; parametrisations and plain subclasses do not matter."""
    for known in type(module).__mro__:
        if known in _LAYERS or known in _NORM_LAYERS:
            is_own = any(getattr(type(module), name, None) is not getattr(known, name, None) for name in _OWN)
            return None if is_own or "forward" in vars(module) else known
    return None


Copies = dict[int, nn.Parameter]  # of parameters by their ids: layers that share one share its copy


def bare(module: nn.Module, known: type[nn.Module], copies: Copies) -> nn.Module:
    """Copy a module as a layer of its known type, without hooks and parametrisations, with its present weights.

    Hooks and parametrisations compute weights before each call; the layer gets what they computed.
    """
    if known is nn.ReLU:
        return nn.ReLU()
    if known in DROPOUTS:
        return nn.Dropout(module.p)  # type: ignore[arg-type]
    if known in RESHAPES:
        return nn.Flatten()
    copied = known.__new__(known)
    nn.Module.__init__(copied)
    for name, value in vars(module).items():
        if name not in _NOT_COPIED and not any(True for _ in tensors_in(value)):  # settings, not what a hook stored
            setattr(copied, name, value)
    for name in ("weight", "bias") if is_weighted(known) else ():
        copied.register_parameter(name, _copy_of(getattr(module, name), copies))
    return copied.eval()


def is_weighted(known: type[nn.Module]) -> bool:
    """Whether layers of a type have a weight and a bias, into which a batch norm can be folded."""
    return known in WEIGHTED or known in WEIGHTED.values()


def samples_of(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor | None:
    """The one tensor that a layer is called with, by position or by name; None if there is more."""
    given = [value for value in (*args, *kwargs.values()) if value is not None]
    return given[0] if len(given) == 1 and isinstance(given[0], Tensor) else None


def unsupported(module: nn.Module, name: str) -> ValueError:
    """The error for a layer without spiking counterpart."""
    if isinstance(module, nn.MaxPool1d | nn.MaxPool2d | nn.AdaptiveMaxPool1d | nn.AdaptiveMaxPool2d):
        return ValueError(
            f"expected average pooling in an ANN to be converted, got {type(module).__name__} at {name!r}: the rates "
            "of spikes have no such maximum; train the ANN with average pooling (pool='avg')"
        )
    return ValueError(
        f"expected nn.ReLU, convolutions, linear layers, batch norm, average pooling, dropout and additions in an "
        f"ANN to be converted, got {type(module).__name__} at {name!r}; train the ANN without it"
    )


def _copy_of(weight: Tensor | None, copies: Copies) -> nn.Parameter | None:
    if weight is None:
        return None
    before = copies.get(id(weight))
    if before is not None and is_same(before, weight):
        return before
    copied = nn.Parameter(weight.detach().clone())
    if isinstance(weight, nn.Parameter):
        copies[id(weight)] = copied
    return copied


def is_same(first: Tensor, second: Tensor) -> bool:
    """Whether two tensors hold the same numbers; on the device "meta" they hold none."""
    return first.is_meta or torch.equal(first, second)
