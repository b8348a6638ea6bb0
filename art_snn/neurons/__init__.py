"""Spiking neurons by name, their surrogate gradients, and the neurons of hybrid training.

The names of `art_snn.acceleration` stand here as well until version 0.3.
"""

from art_snn.acceleration import FastIF, FastLIF, accelerate, keeps_time_apart
from art_snn.acceleration import constant_sequence as still
from art_snn.acceleration import split_readout as split_tail
from art_snn.neurons.factory import NeuronFactory, neuron_factory
from art_snn.neurons.surrogates import surrogate_function

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
