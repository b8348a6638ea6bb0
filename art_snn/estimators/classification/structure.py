"""What a spiking network is made of: its neurons, its step mode, and what would make it answer wrongly."""

from collections.abc import Iterator
from typing import Literal

from spikingjelly.activation_based import base, layer, neuron
from torch import nn

_NEURONS = "spikingjelly.activation_based.neuron"
_NON_SPIKING = (neuron.NonSpikingIFNode, neuron.NonSpikingLIFNode)
_REGISTERS = vars(nn.Module()).keys()  # torch's own, which hold what it does see
_CONTAINERS = (layer.SeqToANNContainer, layer.MultiStepContainer, layer.StepModeContainer)  # they step their inside


def is_spiking(module: nn.Module) -> bool:
    """Whether a module is a spiking neuron of spikingjelly's, or inherits from one."""
    ancestors = (cls.__module__ for cls in type(module).__mro__)
    return not isinstance(module, _NON_SPIKING) and any(name.startswith(_NEURONS) for name in ancestors)


def spiking_layers(net: nn.Module) -> dict[str, nn.Module]:
    """The spiking neurons of a network by name, in the order in which they were registered."""
    return {name: module for name, module in net.named_modules() if is_spiking(module)}


def observable(net: nn.Module) -> dict[str, nn.Module]:
    """The layers by name whose output has the network's own axes of time and batch."""
    return dict(_outermost(net))


def step_mode(net: nn.Module) -> Literal["s", "m"]:
    """Whether a network maps a single step (N, ...) or many at once (T, N, ...).

    Raises:
        ValueError: If the network has no spiking neuron, keeps one where `modules()` does not see it (it would never
            be reset), or mixes step modes (the time axis would pass for the batch).
    """
    if not spiking_layers(net):
        raise ValueError(f"expected a network with spiking neurons of spikingjelly, got none in {type(net).__name__}")
    _check_registered(net)
    modes: dict[str, str] = {}
    for name, module in (("", net), *_outermost(net)):
        if isinstance(module, base.MemoryModule) or is_spiking(module):
            modes.setdefault(getattr(module, "step_mode", "m"), name)
    if len(modes) > 1:
        raise ValueError(
            f"expected all stateful layers in one step mode, got {modes['s']!r} in 's' and {modes['m']!r} in 'm'; "
            "call spikingjelly's functional.set_step_mode(net, 'm')"
        )
    return "s" if "s" in modes else "m"


def _outermost(net: nn.Module, prefix: str = "") -> Iterator[tuple[str, nn.Module]]:
    """Modules with their names, without the inside of containers that loop over time themselves."""
    for name, child in net.named_children():
        yield prefix + name, child
        if not isinstance(child, _CONTAINERS):
            yield from _outermost(child, f"{prefix}{name}.")


def _check_registered(net: nn.Module) -> None:
    known = set(net.modules())
    for owner_name, owner in net.named_modules():
        for name in vars(owner).keys() - _REGISTERS:
            value = getattr(owner, name)
            items = value.values() if isinstance(value, dict) else value
            for item in items if isinstance(value, list | tuple | set | dict) else ():
                if isinstance(item, base.MemoryModule) and item not in known:
                    raise ValueError(
                        f"expected every neuron to be registered, got one in the plain {type(value).__name__} "
                        f"{f'{owner_name}.{name}'.lstrip('.')!r}, which would never be reset; use nn.ModuleList"
                    )
