"""Cost of an inference: synaptic operations, and the energy of arithmetic."""

from collections.abc import Sequence

import numpy as np

from art_snn.typing import Array


def synops(spike_counts: Sequence[float] | Array, fan_outs: Sequence[float] | Array) -> float:
    """Count synaptic operations: one for every synapse that a spike reaches.

    Args:
        spike_counts: Spikes that each layer emits, over all neurons and time bins, from 0 up.
        fan_outs: Synapses from one neuron of each layer to the next, in the same order: the number of outputs for a
            linear layer; kernel height × width × output channels / stride² for a convolution (away from the border).

    Returns:
        A number from 0 up.

    Source: Merolla et al., 2014, https://doi.org/10.1126/science.1254642 (the definition of a synaptic operation).

    >>> synops([10, 4], [128, 10])
    1320.0
    """
    spikes, synapses = np.asarray(spike_counts, np.float64), np.asarray(fan_outs, np.float64)
    if spikes.ndim != 1 or spikes.shape != synapses.shape:
        raise ValueError(f"expected one fan-out a layer, got shapes {spikes.shape} and {synapses.shape}")
    if not ((spikes >= 0).all() and (synapses >= 0).all()):
        raise ValueError("expected spike counts and fan-outs from 0 up, got a negative one or NaN")
    return float(spikes @ synapses)


def energy_pj(
    n_accumulates: float, n_multiplies: float = 0, *, pj_per_ac: float = 0.9, pj_per_mac: float = 4.6
) -> float:
    """Energy of the arithmetic in picojoule, at 45 nm and 32-bit floats; memory and leakage are left out.

    A spike costs an accumulate at each synapse: `n_accumulates=synops(...)`. An analogue value costs a
    multiply-accumulate; so do all layers of an ANN and the first layer of a directly encoded SNN.

    Args:
        n_accumulates: Number of accumulate operations, from 0 up.
        n_multiplies: Number of multiply-accumulate operations, from 0 up.
        pj_per_ac: Energy of one accumulate, picojoule.
        pj_per_mac: Energy of one multiply-accumulate, picojoule.

    Returns:
        A number from 0 up.

    Source: Horowitz, 2014, https://doi.org/10.1109/ISSCC.2014.6757323, Fig. 1.1.9.

    >>> energy_pj(1000, 100)
    1360.0
    """
    for name, value in (("n_accumulates", n_accumulates), ("n_multiplies", n_multiplies)):
        if not value >= 0:
            raise ValueError(f"expected {name} from 0 up, got {value!r}")
    return n_accumulates * pj_per_ac + n_multiplies * pj_per_mac
