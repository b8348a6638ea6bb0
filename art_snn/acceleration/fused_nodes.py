"""IF and LIF nodes that give spikingjelly's spikes two to four times faster on a CPU."""

from typing import Any

import torch
from spikingjelly.activation_based import neuron
from torch import Tensor

from art_snn.acceleration._spike_tensors import mark_spikes
from art_snn.acceleration._surrogate_gradients import SLOPES
from art_snn.acceleration.constant_input import constant_step
from art_snn.acceleration.equations import Equations
from art_snn.acceleration.fused import Neurons, integrate


class _Fast(neuron.BaseNode):
    """A multi-step forward pass for a node of spikingjelly, which falls back to it where this one does not apply."""

    v: Any  # spikingjelly's: a number at rest, a tensor (N, …) after a pass

    def multi_step_forward(self, x_seq: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """Spikes (T, N, …) of the input (T, N, …), starting from the state that the last call left."""
        eq = self._equations()
        if eq is None or args or kwargs or x_seq.device.type != "cpu" or x_seq.dtype != torch.float32:
            spikes: Tensor = super().multi_step_forward(x_seq, *args, **kwargs)
            return spikes
        (v,) = self.materialize_states((x_seq,), (self.v,), "m")
        step = constant_step(x_seq, self)
        x = x_seq if step is None else step
        if torch.is_grad_enabled() and (x.requires_grad or v.requires_grad):
            spikes, self.v, _ = Neurons.apply(x, v, len(x_seq), eq)  # type: ignore[no-untyped-call]
        else:
            spikes, self.v = integrate(x, v, len(x_seq), eq)
        return mark_spikes(spikes)

    def _equations(self) -> Equations | None:
        """The settings, or None if one is not supported here: a learnt threshold, another surrogate, …"""
        surrogate, tau = self.surrogate_function, getattr(self, "tau", None)
        alpha = getattr(surrogate, "alpha", None)
        is_plain = all(isinstance(n, float | int | None) for n in (tau, self.v_threshold, self.v_reset, alpha))
        if not is_plain or type(surrogate) not in SLOPES or not surrogate.spiking:
            return None
        if self.store_v_seq or self._neuron_precision is not None:
            return None
        return Equations(
            tau=tau,
            decay_input=getattr(self, "decay_input", False),
            v_threshold=self.v_threshold,
            v_reset=self.v_reset,
            detach_reset=self.detach_reset,
            surrogate=type(surrogate),
            alpha=surrogate.alpha,
        )

    def _get_name(self) -> str:
        """The name of spikingjelly's node, for `repr`."""
        return type(self).__bases__[-1].__name__


class FastIF(_Fast, neuron.IFNode):
    """spikingjelly's IFNode, faster."""


class FastLIF(_Fast, neuron.LIFNode):
    """spikingjelly's LIFNode, faster."""
