"""Spiking neurons: spikingjelly's by name, and the same in less time.

How the time is saved, without changing a spike: `fused` runs a layer of neurons over a whole sequence as one function,
and where a sequence is `still`, the same at each time step, `once` computes one step of what has no memory. A linear
`tail` is computed once, on the mean over time.
"""

from art_snn.neurons.factory import NeuronFactory, neuron_factory
from art_snn.neurons.fast import FastIF, FastLIF
from art_snn.neurons.still import still
from art_snn.neurons.surrogates import surrogate_function
from art_snn.neurons.swap import accelerate, keeps_time_apart
from art_snn.neurons.tail import split_tail

__all__ = [
    "FastIF",
    "FastLIF",
    "NeuronFactory",
    "accelerate",
    "keeps_time_apart",
    "neuron_factory",
    "split_tail",
    "still",
    "surrogate_function",
]
