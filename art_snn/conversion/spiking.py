"""From rectifiers to neurons: an ANN's graph becomes a multi-step spiking network with the same weights."""

import torch
from spikingjelly.activation_based import functional, layer
from torch import Tensor, nn

from art_snn.acceleration import constant_sequence, constant_step
from art_snn.conversion._layers import LINEAR
from art_snn.conversion.graph import LayerGraph
from art_snn.conversion.tracing import like
from art_snn.neurons import NeuronFactory, neuron_factory

integrate_and_fire = neuron_factory("if", v_reset=None)


class ScaledNeuron(nn.Module):
    """A neuron of threshold θ whose spikes weigh θ, so that its mean output estimates a rectifier's.

    For an input x that is the same at each step, soft reset and T steps, the mean is θ/T · clip(⌊T·x/θ⌋, 0, T).

    Args:
        threshold: θ, above 0, in the units of the rectifier's output; it becomes a parameter, or by
            `hold_thresholds` a buffer.
        node: A multi-step neuron of threshold 1; it sees x/θ.
    """

    keeps_time_apart = True
    threshold: Tensor

    def __init__(self, threshold: float, node: nn.Module) -> None:
        super().__init__()
        self.threshold = nn.Parameter(torch.tensor(float(threshold)))
        self.node = node

    def forward(self, x: Tensor) -> Tensor:
        """Zeros and θs of the inputs at each step, both (T, N, ...)."""
        step = constant_step(x, self)
        scaled = x / self.threshold if step is None else constant_sequence(step / self.threshold, len(x))
        spikes: Tensor = self.node(scaled) * self.threshold
        return spikes


def to_spiking(graph: LayerGraph, neuron: NeuronFactory = integrate_and_fire) -> LayerGraph:
    """Replace the rectifiers of a graph by neurons of threshold 1 and take all layers to multi-step mode, in place.

    Args:
        graph: As `trace` makes it.
        neuron: Makes a soft-reset node of threshold 1 for each.
    """
    device = like(graph).device
    for name, module in list(graph.named_modules()):
        if isinstance(module, nn.ReLU):
            graph.set_submodule(name, ScaledNeuron(1.0, neuron()))
        elif isinstance(module, nn.Dropout):
            graph.set_submodule(name, layer.Dropout(module.p))  # one mask for all steps
        elif type(module) in LINEAR:
            module.__class__ = LINEAR[type(module)]  # a subclass, which takes a time axis as well
            module.step_mode = "m"
    functional.set_step_mode(graph, "m")
    return graph.to(device).eval()


def hold_thresholds(net: nn.Module) -> None:
    """Make the thresholds of a converted network buffers: no training moves them, and no gradient is asked of them.

    A parameter without gradient would do for our own trainings, but not for whoever differentiates with respect to
    all parameters of a model, as ART's attacks on the training do.
    """
    for neuron in scaled_neurons(net).values():
        threshold = neuron.threshold.detach().clone()
        del neuron.threshold
        neuron.register_buffer("threshold", threshold)


def scaled_neurons(net: nn.Module) -> dict[str, ScaledNeuron]:
    """The neurons that took the place of rectifiers, by name, in the order in which they were registered."""
    return {name: module for name, module in net.named_modules() if isinstance(module, ScaledNeuron)}
