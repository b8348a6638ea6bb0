"""The activation of a network by name: the same topology becomes an ANN or an SNN."""

import math
from collections.abc import Callable

import torch.nn as nn
from spikingjelly.activation_based import neuron as sj_neuron

from art_snn._validation import check_choice, check_positive
from art_snn.neurons.surrogates import surrogate_function

NeuronFactory = Callable[[], nn.Module]


def neuron_factory(
    neuron: str | NeuronFactory | None,
    *,
    surrogate: str = "atan",
    tau: float = 2.0,
    v_threshold: float = 1.0,
    v_reset: float | None = 0.0,
    detach_reset: bool = True,
) -> NeuronFactory:
    """Make a function that gives a new activation module at each call.

    The neurons are spikingjelly's own, multi-step, each with a surrogate of its own.

    Args:
        neuron: None for `nn.ReLU`; "if" or "lif"; or a factory of your own, which is returned and ignores the other
            arguments.
        surrogate: Name of the surrogate gradient, see `surrogate_function`.
        tau: Time constant of the membrane of "lif" in steps, above 1.
        v_threshold: Potential at which a neuron spikes, above 0.
        v_reset: Potential after a spike; None subtracts the threshold instead.
        detach_reset: Whether no gradient flows through the reset.

    Raises:
        ValueError: If a name is unknown or a number out of its range.

    >>> neuron_factory("lif", tau=4)()
    LIFNode(
      v_threshold=1.0, v_reset=0.0, detach_reset=True, step_mode=m, tau=4.0
      (surrogate_function): ATan(alpha=2.0, spiking=True)
    )
    """
    if neuron is None:
        return nn.ReLU
    if not isinstance(neuron, str):
        return neuron
    check_choice("neuron", neuron, ("if", "lif"))
    surrogate_function(surrogate)  # a wrong name is an error here, not at the first neuron
    check_positive("v_threshold", v_threshold)
    settings = {
        "v_threshold": float(v_threshold),
        "v_reset": None if v_reset is None else float(v_reset),
        "detach_reset": detach_reset,
        "step_mode": "m",
    }
    if neuron == "if":
        return lambda: sj_neuron.IFNode(**settings, surrogate_function=surrogate_function(surrogate))
    if not 1 < tau < math.inf:
        raise ValueError(f"expected tau to be a finite number above 1, got {tau!r}")
    return lambda: sj_neuron.LIFNode(tau=float(tau), **settings, surrogate_function=surrogate_function(surrogate))
