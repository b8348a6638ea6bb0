"""What an inference costs: synaptic operations, and the energy of them."""

from collections.abc import Sequence

import numpy as np

from art_snn.typing import Array


def synops(spike_counts: Sequence[float] | Array, fan_outs: Sequence[float] | Array) -> float:
    """Synaptic operations: one for every synapse that a spike passes.

    Args:
        spike_counts: Spikes that each layer emits, over all neurons and time bins, from 0 up.
        fan_outs: Synapses that one of its neurons leads to in the next layer, in the same order: the outputs of a
            linear layer, kernel height × width × output channels / stride² of a convolution (away from the border).

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
    """Energy in picojoule of the arithmetic alone, at 45 nm and 32-bit floats; memory and leakage are left out.

    A spike costs an accumulate at each synapse, hence `n_accumulates=synops(...)`; an analogue value costs a
    multiply-accumulate, which is also what the first layer of a directly encoded SNN and all of an ANN do.

    Args:
        n_accumulates: Accumulate operations, from 0 up.
        n_multiplies: Multiply-accumulate operations, from 0 up.
        pj_per_ac: Energy of one accumulate.
        pj_per_mac: Energy of one multiply-accumulate.

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
