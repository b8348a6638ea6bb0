"""Run the same networks in less time, spike for spike.

`fused` runs a layer of neurons over a whole sequence as one function. Layers without state compute a constant input
(`constant_input`) only once, and a linear readout runs once, on the mean over time.
"""

from art_snn.acceleration.constant_input import constant_sequence, constant_step
from art_snn.acceleration.fused_nodes import FastIF, FastLIF
from art_snn.acceleration.linear_readout import split_readout
from art_snn.acceleration.replacement import accelerate, keeps_time_apart

__all__ = [
    "FastIF",
    "FastLIF",
    "accelerate",
    "constant_sequence",
    "constant_step",
    "keeps_time_apart",
    "split_readout",
]
