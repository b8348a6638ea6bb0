"""Threshold balancing on spikes: a layer's threshold is the largest input that the spikes before it cause."""

import copy

import torch
from spikingjelly.activation_based import functional

from art_snn.conversion.graph import LayerGraph
from art_snn.conversion.samples import Samples
from art_snn.conversion.spiking import scaled_neurons, to_spiking
from art_snn.conversion.statistics import check_activations
from art_snn.conversion.tracing import rectifiers


def balanced_thresholds(graph: LayerGraph, samples: Samples, timesteps: int) -> dict[str, float]:
    """The largest input a time step to each layer, the layers before it spiking at the thresholds already found.

    The samples are the input of each time step as they are (direct encoding); neurons integrate without leak and reset
    by subtraction.

    Source: Sengupta et al., Going Deeper in Spiking Neural Networks, 2019, https://arxiv.org/abs/1802.02627, algorithm
    1, with constant input in place of Poisson input, and with biases and batch norm allowed.
    """
    net = to_spiking(copy.deepcopy(graph))
    neurons = scaled_neurons(net)
    found: dict[str, float] = {}
    for name in rectifiers(graph):
        found[name] = _largest_input(net, name, samples, timesteps)
        neurons[name].threshold.data.fill_(found[name])
    return found


def _largest_input(net: LayerGraph, name: str, samples: Samples, timesteps: int) -> float:
    largest = 0.0
    with torch.no_grad():
        for batch, n in samples.batches(next(net.parameters())):
            for _ in range(timesteps):  # state is carried from step to step
                inputs = net(batch[None], until=name)[:, :n]
                check_activations(name, inputs)
                largest = max(largest, inputs.max().item())
            functional.reset_net(net)
    return largest
