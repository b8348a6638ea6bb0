"""Threshold balancing on spikes: a layer's threshold is the largest input that the spikes before it cause."""

import copy

import torch
from spikingjelly.activation_based import functional
from torch import fx

from art_snn.conversion.spiking import scaled_neurons, to_spiking
from art_snn.conversion.statistics import batches
from art_snn.conversion.tracing import rectifiers
from art_snn.typing import Array


def balanced_thresholds(graph: fx.GraphModule, x: Array, batch_size: int, timesteps: int) -> dict[str, float]:
    """The largest input a time step to each layer, the layers before it spiking at the thresholds already found.

    The samples are the input of each time step as they are (direct encoding); neurons integrate without leak and reset
    by subtraction.

    Source: Sengupta et al., Going Deeper in Spiking Neural Networks, 2019, https://arxiv.org/abs/1802.02627, algorithm
    1, with constant input in place of Poisson input, and with biases and batch norm allowed.
    """
    names = rectifiers(graph)
    net = to_spiking(copy.deepcopy(graph), dict.fromkeys(names, 1.0))
    nodes, neurons = {str(node.target): node for node in net.graph.nodes}, scaled_neurons(net)
    found: dict[str, float] = {}
    for name in names:
        found[name] = _largest_output(_up_to(net, nodes[name]), x, batch_size, timesteps)
        neurons[name].threshold.data.fill_(found[name])
    return found


def _up_to(net: fx.GraphModule, last: fx.Node) -> fx.GraphModule:
    """The part of a network that computes the input of one layer; it shares the network's modules."""
    part = fx.Graph()
    copies: dict[fx.Node, fx.Node] = {}
    for node in net.graph.nodes:
        if node is last:
            break
        copies[node] = part.node_copy(node, copies.__getitem__)
    part.output(copies[last.all_input_nodes[0]])
    return fx.GraphModule(net, part)


def _largest_output(net: fx.GraphModule, x: Array, batch_size: int, timesteps: int) -> float:
    largest = 0.0
    with torch.no_grad():
        for batch in batches(x, batch_size, next(net.parameters())):
            for _ in range(timesteps):  # state is carried from step to step
                largest = max(largest, net(batch[None]).max().item())
            for module in functional.collect_reset_modules(net):
                module.reset()
    return largest
