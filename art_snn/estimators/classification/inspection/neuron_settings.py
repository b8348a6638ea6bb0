"""The numbers that decide when a network's neurons fire: read, changed, and changed for a while."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from art_snn._validation import check_positive
from art_snn.estimators.classification.inspection.structure import spiking_layers

SETTINGS = ("v_threshold", "v_reset", "tau", "w", "decay_input", "leak")  # w: learnt, of which tau is made


def neuron_settings(net: nn.Module) -> dict[str, dict[str, Any]]:
    """What each spiking layer is set to, of plain types, by name.

    Args:
        net: A spiking network, or what holds one.

    Returns:
        For each layer its "kind", the name of its class without acceleration, and those of threshold ("v_threshold"),
        reset ("v_reset"; None subtracts the threshold), time constant ("tau", or "w" where it is learnt), "decay_input"
        and "leak" that it has; learnt values as lists.
    """
    return {
        name: {"kind": _kind(neuron)} | {one: _plain(getattr(neuron, one)) for one in SETTINGS if hasattr(neuron, one)}
        for name, neuron in spiking_layers(net).items()
    }


def set_neurons(net: nn.Module, *, v_threshold: float | None = None, tau: float | None = None) -> None:
    """Give all spiking layers a threshold and a time constant.

    Args:
        net: A spiking network, or what holds one.
        v_threshold: New threshold, above 0; None keeps each layer's own.
        tau: New time constant in steps, above 1; None keeps each layer's own.

    Raises:
        ValueError: If a number is out of range, or a layer's is learnt or missing; nothing has been changed then.
    """
    new = {name: value for name, value in (("v_threshold", v_threshold), ("tau", tau)) if value is not None}
    for name, value in new.items():
        check_positive(name, value)
    if tau is not None and tau <= 1:
        raise ValueError(f"expected tau above 1, got {tau}")
    neurons = spiking_layers(net)
    for layer, neuron in neurons.items():
        for name in new:
            if not isinstance(own := getattr(neuron, name, None), float | int):
                raise ValueError(f"expected the neurons of {layer!r} to have a number {name}, got {own!r}")
    for neuron in neurons.values():
        for name, value in new.items():
            setattr(neuron, name, float(value))


@contextmanager
def neurons_set(net: nn.Module, **settings: float | None) -> Iterator[None]:
    """While the block runs, all spiking layers have another threshold or time constant.

    Args:
        net: A spiking network, or what holds one.
        **settings: As in `set_neurons`.
    """
    before = [
        (neuron, {name: getattr(neuron, name) for name in settings if hasattr(neuron, name)})
        for neuron in spiking_layers(net).values()
    ]
    set_neurons(net, **settings)
    try:
        yield
    finally:
        for neuron, own in before:
            for name, value in own.items():
                setattr(neuron, name, value)


def _kind(neuron: nn.Module) -> str:
    """The name that `repr` shows, which is spikingjelly's for an accelerated neuron."""
    return str(neuron._get_name())  # type: ignore[no-untyped-call]


def _plain(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.detach().to(torch.float64).cpu().tolist()
    return value if isinstance(value, bool | int | float | str | None) else repr(value)
