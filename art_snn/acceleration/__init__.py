"""The same networks in less time, spike for spike.

`fused` runs a layer of neurons over a whole sequence as one function. Where the input is constant over time
(`constant_input`), `stateless_layers` compute one step of it. A linear readout is computed once, on the mean over time.
"""

from art_snn.acceleration.constant_input import one_step, still
from art_snn.acceleration.fused_nodes import FastIF, FastLIF
from art_snn.acceleration.linear_readout import split_tail
from art_snn.acceleration.replacement import accelerate, keeps_time_apart

__all__ = ["FastIF", "FastLIF", "accelerate", "keeps_time_apart", "one_step", "split_tail", "still"]
