"""What a spiking network is made of: its neurons, its step mode, and what would make it answer wrongly."""

from collections import deque
from collections.abc import Iterator, Mapping
from functools import partial
from types import CellType, FunctionType, MethodType, ModuleType
from typing import Any, Literal

from spikingjelly.activation_based import base, encoding, layer, neuron
from torch import nn

StepMode = Literal["s", "m"]

_SPIKINGJELLY = "spikingjelly.activation_based."
_NEURONS = _SPIKINGJELLY + "neuron"
_NON_SPIKING = (neuron.NonSpikingBaseNode, neuron.NoisyNonSpikingBaseNode)
_RANDOM = (encoding.PoissonEncoder, encoding.PopSpikeEncoderRandom)
_REGISTERS = vars(nn.Module()).keys()  # torch's own, which hold what it does see
_CONTAINERS = (  # they step their inside themselves, and set_step_mode leaves it in 's'
    layer.SeqToANNContainer,
    layer.MultiStepContainer,
    layer.StepModeContainer,
    layer.TLastSeqToANNContainer,
    layer.TLastMultiStepContainer,
    layer.ElementWiseRecurrentContainer,
    layer.LinearRecurrentContainer,
)
_DEPTH = 4  # of plain lists, dicts and objects inside each other that are searched for neurons


def is_spiking(module: nn.Module) -> bool:
    """Whether a module is a spiking neuron: one of spikingjelly's, what inherits from one, or one of your own making.

    Of your own making is a `MemoryModule` that inherits from no other layer of spikingjelly's and holds no neurons, as
    long as its class does not say `is_neuron = False`.
    """
    origins = {cls.__module__ for cls in type(module).__mro__ if cls.__module__.startswith(_SPIKINGJELLY)}
    if isinstance(module, _NON_SPIKING):
        return False
    if any(name.startswith(_NEURONS) for name in origins):
        return True
    is_own = isinstance(module, base.MemoryModule) and origins == {base.__name__}
    return is_own and getattr(module, "is_neuron", True) and not any(map(is_spiking, _inside(module)))


def spiking_layers(net: nn.Module) -> dict[str, nn.Module]:
    """The spiking neurons of a network by name, in the order in which they were registered."""
    return {name: module for name, module in net.named_modules() if is_spiking(module)}


def check_network(net: nn.Module) -> None:
    """Refuse what would answer wrongly.

    Raises:
        ValueError: If the network has no spiking neuron, keeps one where `modules()` does not see it (it would never
            be reset), draws at random, ends in a layer that returns a list, or mixes step modes (the time axis would
            pass for the batch).
    """
    if not spiking_layers(net):
        raise ValueError(f"expected a network with spiking neurons of spikingjelly, got none in {type(net).__name__}")
    _check_registered(net)
    for name, module in net.named_modules():
        if isinstance(module, _RANDOM):
            raise ValueError(
                f"expected a network that draws nothing at random, got {type(module).__name__} {name!r}, whose answers "
                "differ from call to call; take it out and use SpikingModule(net, timesteps, encoding='poisson')"
            )
    _check_readout(net)
    step_mode(net)
    _check_containers(net)


def step_mode(net: nn.Module) -> StepMode:
    """Whether a network maps a single step (N, ...) or many at once (T, N, ...).

    Raises:
        ValueError: If it mixes step modes.
    """
    modes: dict[str, str] = {}
    for name, module in _outermost(net):
        modes.setdefault(_mode(module) or "", name)
    if {"s", "m"} <= modes.keys():
        raise ValueError(
            f"expected all stateful layers in one step mode, got {modes['s']!r} in 's' and {modes['m']!r} in 'm'; "
            "call spikingjelly's functional.set_step_mode(net, 'm'), and let a module of your own that steps its "
            "inside itself inherit from spikingjelly's base.MultiStepModule"
        )
    return "s" if "s" in modes else "m"


def _mode(module: nn.Module) -> StepMode | None:
    """The step mode of what has a state, or has time for an axis; None of all else."""
    if isinstance(module, base.MultiStepModule):
        return "m"
    return ("s" if getattr(module, "step_mode", "m") == "s" else "m") if has_state(module) else None


def has_state(module: nn.Module) -> bool:
    """Whether a module remembers something from one time step to the next."""
    return isinstance(module, base.MemoryModule) or is_spiking(module)


def _outermost(net: nn.Module, name: str = "") -> Iterator[tuple[str, nn.Module]]:
    """Modules with their names, without the inside of those that take many steps and treat it as they like."""
    yield name, net
    if not (isinstance(net, base.StepModule) and getattr(net, "step_mode", "m") == "m"):
        for child_name, child in net.named_children():
            yield from _outermost(child, f"{name}.{child_name}".lstrip("."))


def _inside(module: nn.Module) -> Iterator[nn.Module]:
    """All modules of a module but itself."""
    return (inner for inner in module.modules() if inner is not module)


def _check_containers(net: nn.Module) -> None:
    """What sits in a container of spikingjelly's meets single steps."""
    for name, container in net.named_modules():
        for inner_name, inner in container.named_modules() if isinstance(container, _CONTAINERS) else ():
            if inner is not container and _mode(inner) == "m":
                raise ValueError(
                    f"expected single-step modules inside {type(container).__name__} {name!r}, got {inner_name!r} in "
                    f"'m', which would take the samples of a batch for time steps; call functional.set_step_mode on it "
                    "with 's', or put it outside"
                )


def _check_readout(net: nn.Module) -> None:
    """Spikingjelly's non-spiking nodes take a sequence, and return a list of its steps, or one step for all."""
    last = net
    while isinstance(last, nn.Sequential) and len(last):
        last = last[-1]
    meets_single_steps = any(has_state(module) and _mode(module) == "s" for _, module in _outermost(net))
    for name, node in net.named_modules():
        is_plain = any(isinstance(node, kind) and type(node).forward is kind.forward for kind in _NON_SPIKING)
        if is_plain and (node is last or meets_single_steps):
            raise ValueError(
                f"expected a network that returns a tensor (T, N, K) or, of a single step, (N, K), got "
                f"{type(node).__name__} {name!r}, which takes its first axis for time and returns a list; leave it "
                "out, and readout='mean' averages the outputs of the layer before it; or, in step mode 'm', let a "
                "subclass stack the list (torch.stack) in its forward"
            )


def _check_registered(net: nn.Module) -> None:
    known = set(net.modules())
    for owner_name, owner in net.named_modules():
        for name, value in _attributes(owner):
            for module in _modules_in(value, _DEPTH, set()):
                if module not in known and any(map(has_state, module.modules())):
                    where = "attribute" if isinstance(value, nn.Module) else type(value).__name__
                    raise ValueError(
                        f"expected every neuron to be registered, got one in the plain {where} "
                        f"{f'{owner_name}.{name}'.lstrip('.')!r}, which would never be reset; use nn.ModuleList"
                    )


def _attributes(owner: nn.Module) -> Iterator[tuple[str, Any]]:
    """Of a module and its class, but for the registers of torch and what the libraries' own classes hold."""
    yield from ((name, value) for name, value in vars(owner).items() if name not in _REGISTERS)
    for cls in type(owner).__mro__:
        if not cls.__module__.startswith(("torch.", "spikingjelly.")):
            yield from vars(cls).items()


def _modules_in(value: Any, depth: int, seen: set[int]) -> Iterator[nn.Module]:
    """Modules in what torch does not look into: plain containers and objects, bound methods and closures."""
    if isinstance(value, nn.Module):
        yield value
    elif depth and id(value) not in seen:
        seen.add(id(value))
        for item in _parts(value):
            yield from _modules_in(item, depth - 1, seen)


def _parts(value: Any) -> list[Any]:
    """What a container, an object or a callable holds."""
    if isinstance(value, list | tuple | set | frozenset | deque):
        return list(value)
    if isinstance(value, Mapping):
        return list(value.values())
    if isinstance(value, partial):
        return [value.func, *value.args, *value.keywords.values()]
    if isinstance(value, MethodType):
        return [value.__self__]
    if isinstance(value, FunctionType):
        return [cell.cell_contents for cell in value.__closure__ or () if cell != CellType()]
    return [] if isinstance(value, type | ModuleType) else list(getattr(value, "__dict__", {}).values())
