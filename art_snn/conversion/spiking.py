"""Replace rectifiers by neurons: an ANN's graph becomes a multi-step spiking network with the same weights."""

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

    For constant input x, soft reset and T steps, the mean is θ/T · clip(⌊T·x/θ⌋, 0, T).

    Args:
        threshold: Threshold θ, above 0, in the units of the rectifier's output; a parameter, or after `hold_thresholds`
            a buffer.
        node: Multi-step neuron of threshold 1, which gets x/θ.
    """

    keeps_time_apart = True
    threshold: Tensor

    def __init__(self, threshold: float, node: nn.Module) -> None:
        super().__init__()
        self.threshold = nn.Parameter(torch.tensor(float(threshold)))
        self.node = node

    def forward(self, x: Tensor) -> Tensor:
        """Zeros and θs (T, N, ...) for the input at each step, of the same shape."""
        step = constant_step(x, self)
        scaled = x / self.threshold if step is None else constant_sequence(step / self.threshold, len(x))
        spikes: Tensor = self.node(scaled) * self.threshold
        return spikes


def to_spiking(graph: LayerGraph, neuron: NeuronFactory = integrate_and_fire) -> LayerGraph:
    """Replace the rectifiers of a graph by neurons of threshold 1 and set all layers to multi-step mode, in place.

    Args:
        graph: Graph that `trace` made.
        neuron: Function that makes a neuron of threshold 1 with soft reset.
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
    """Make the thresholds of a converted network buffers, which no training moves.

    A parameter without gradient would not do for code that differentiates by all parameters of a model, as ART's
    attacks on the training do.
    """
    for neuron in scaled_neurons(net).values():
        threshold = neuron.threshold.detach().clone()
        del neuron.threshold
        neuron.register_buffer("threshold", threshold)


def scaled_neurons(net: nn.Module) -> dict[str, ScaledNeuron]:
    """The neurons that replaced rectifiers, by name, in the order of registration."""
    return {name: module for name, module in net.named_modules() if isinstance(module, ScaledNeuron)}
