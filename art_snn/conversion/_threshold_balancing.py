"""Threshold balancing on spikes: a layer's threshold is the largest input that the spikes before it cause."""

import copy
import itertools
from collections.abc import Callable, Iterator

import torch
from spikingjelly.activation_based import functional
from torch import Tensor

from art_snn.conversion.calibration_samples import Samples
from art_snn.conversion.graph import LayerGraph
from art_snn.conversion.spiking import scaled_neurons, to_spiking
from art_snn.conversion.statistics import check_activations
from art_snn.conversion.tracing import like, rectifiers
from art_snn.neurons.poisson import Encoding, evaluation_thresholds, poisson_spikes

Steps = Callable[[Tensor], Iterator[Tensor]]  # from samples (N, C, H, W) to the input of each time step


def balanced_thresholds(graph: LayerGraph, samples: Samples, steps: Steps) -> dict[str, float]:
    """Find the largest input to each layer in one time step, while the layers before it spike at their new thresholds.

    Neurons integrate without leak and reset by subtraction.

    Source: Sengupta et al., Going Deeper in Spiking Neural Networks, 2019, https://arxiv.org/abs/1802.02627, algorithm
    1, with biases and batch norm allowed.
    """
    net = to_spiking(copy.deepcopy(graph))
    neurons = scaled_neurons(net)
    found: dict[str, float] = {}
    for name in rectifiers(graph):
        found[name] = _largest_input(net, name, samples, steps)
        neurons[name].threshold.data.fill_(found[name])
    return found


def encoded_steps(encoding: Encoding, timesteps: int, seed: int) -> Steps:
    """The input of each time step: the samples themselves, or the Poisson spikes of evaluation mode."""
    thresholds: dict[str, Tensor] = {}  # the same for all batches

    def direct(x: Tensor) -> Iterator[Tensor]:
        return itertools.repeat(x, timesteps)

    def poisson(x: Tensor) -> Iterator[Tensor]:
        if not thresholds:
            thresholds["all"] = evaluation_thresholds(timesteps, seed, x)
        return (poisson_spikes(x, step)[0] for step in torch.split(thresholds["all"], 1))

    return direct if encoding == "direct" else poisson


def _largest_input(net: LayerGraph, name: str, samples: Samples, steps: Steps) -> float:
    largest = 0.0
    with torch.no_grad():
        for batch, n in samples.batches(like(net)):
            for step in steps(batch):  # state is carried from step to step
                inputs = net(step[None], until=name)[:, :n]
                check_activations(name, inputs)
                largest = max(largest, inputs.max().item())
            functional.reset_net(net)
    return largest
