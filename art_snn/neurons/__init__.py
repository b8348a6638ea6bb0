"""Spiking neurons: spikingjelly's, by name."""

from art_snn.neurons.factory import NeuronFactory, neuron_factory
from art_snn.neurons.surrogates import surrogate_function

__all__ = ["NeuronFactory", "neuron_factory", "surrogate_function"]
