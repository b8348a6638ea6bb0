"""Neurons for hybrid training: a leak, reset by subtraction, and surrogates that know when the neuron last spiked."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from spikingjelly.activation_based import neuron, surrogate
from torch import Tensor

from art_snn._declared import CheckedFields, Positive
from art_snn._validation import check_choice, check_positive
from art_snn.acceleration.equations import Equations
from art_snn.acceleration.fused import integrate
from art_snn.neurons.factory import NeuronFactory
from art_snn.neurons.surrogates import SURROGATES, surrogate_function

Slope = Callable[[Tensor, Tensor | float], Tensor]  # of (distance from the threshold, steps since the last spike)


@dataclass(frozen=True)
class SpikeTimingSlope(CheckedFields):
    """Spike-timing-dependent backpropagation (STDB): α·e^(-β·Δt), where Δt counts steps since the neuron's last spike.

    Δt is 1 in the step after a spike. A neuron that never spiked has no gradient: its Δt is infinite.

    Source: Rathi et al., Enabling Deep Spiking Neural Networks with Hybrid Conversion and Spike Timing Dependent
    Backpropagation, 2020, https://arxiv.org/abs/2005.01807, section 3.3; the released code computes e^(-Δt) first,
    which is 0 from Δt = 104 on.
    """

    alpha: Positive = 0.3
    beta: Positive = 0.01

    def __call__(self, distance: Tensor, since: Tensor | float) -> Tensor:
        return self.alpha * torch.exp(-self.beta * torch.as_tensor(since).to(distance))


@dataclass(frozen=True)
class LinearSlope(CheckedFields):
    """γ·max(0, 1 - |u/θ - 1|), a triangle around the threshold.

    Source: the same paper's released code, whose default it is.
    """

    gamma: Positive = 0.3

    def __call__(self, distance: Tensor, since: Tensor | float) -> Tensor:
        return self.gamma * (1 - distance.abs()).clamp(min=0)


@dataclass(frozen=True)
class NamedSlope:
    """A surrogate gradient of spikingjelly."""

    surrogate: surrogate.SurrogateFunctionBase

    def __call__(self, distance: Tensor, since: Tensor | float) -> Tensor:
        slope: Tensor = self.surrogate.backward(torch.ones_like(distance), distance, self.surrogate.alpha)
        return slope


def hybrid_factory(name: str, *, leak: float = 1.0, alpha: float = 0.3, beta: float = 0.01) -> NeuronFactory:
    """Make a function that gives a new neuron of hybrid training, of threshold 1, at each call.

    Args:
        name: Name of the surrogate gradient: "stdb", "linear", or one that `surrogate_function` knows.
        leak: Share of the potential that is left a step later, in (0, 1].
        alpha: Height of "stdb", above 0.
        beta: Decay of "stdb" per time step, above 0.
    """
    slope: Slope = SpikeTimingSlope(alpha, beta)
    if name == "linear":
        slope = LinearSlope()
    elif name != "stdb":
        check_choice("surrogate", name, ("stdb", "linear", *SURROGATES))
        slope = NamedSlope(surrogate_function(name))
    HybridNode(slope, leak)  # a wrong number is an error here, not at the first neuron
    return lambda: HybridNode(slope, leak)


class HybridNode(neuron.BaseNode):
    """A neuron that leaks and resets by subtraction, with a surrogate that may depend on its last spike.

        charge   h[t] = leak·v[t-1] + x[t]
        fire     s[t] = 1 where h[t] >= θ, else 0;   ds/d(h/θ) = slope(h[t]/θ - 1, Δt[t])
        reset    v[t] = h[t] - θ·s[t], without gradient through s

    Args:
        slope: Surrogate gradient.
        leak: Share of the potential that is left a step later, in (0, 1].
        v_threshold: Threshold θ, above 0.
    """

    keeps_time_apart = True

    def __init__(self, slope: Slope, leak: float = 1.0, v_threshold: float = 1.0) -> None:
        if not 0 < leak <= 1:
            raise ValueError(f"expected leak in (0, 1], got {leak!r}")
        check_positive("v_threshold", v_threshold)
        super().__init__(float(v_threshold), None, detach_reset=True, step_mode="m")
        del self.surrogate_function  # spikingjelly's, which knows no time; `slope` is in its place
        self.slope, self.leak = slope, leak
        self.register_memory("since", math.inf)

    def multi_step_functional_forward(
        self, inputs: tuple[Tensor, ...], states: tuple[Any, ...], **kwargs: Any
    ) -> tuple[tuple[Tensor, ...], tuple[Any, ...]]:
        """Spikes (T, N, ...) of the input (T, N, ...), and the potential and time since the last spike at the end."""
        x, (v, since) = inputs[0], states
        wants_gradients = torch.is_grad_enabled() and (x.requires_grad or v.requires_grad)
        if wants_gradients or self.leak != 1 or x.device.type != "cpu":
            spikes, v, since = _Integrate.apply(x, v, since, self)  # type: ignore[no-untyped-call]
            return (spikes,), (v, since)
        spikes, v = integrate(x, v, len(x), self._equations)
        return (spikes,), (v, _since_last(spikes, since))

    def single_step_functional_forward(
        self, inputs: tuple[Tensor, ...], states: tuple[Any, ...], **kwargs: Any
    ) -> tuple[tuple[Tensor, ...], tuple[Any, ...]]:
        """The same for one step, (N, ...)."""
        (spikes,), states = self.multi_step_functional_forward((inputs[0][None],), states)
        return (spikes[0],), states

    @property
    def _equations(self) -> Equations:
        """The equations of a node without leak; without gradients any surrogate will do."""
        return Equations(None, False, self.v_threshold, None, True, surrogate.ATan, 2.0)

    def extra_repr(self) -> str:
        return f"v_threshold={self.v_threshold}, leak={self.leak}, slope={self.slope}"


def _since_last(spikes: Tensor, since: Tensor | float) -> Tensor:
    """Steps since the last spike at the end of a sequence, given those at its start."""
    timesteps, latest = len(spikes), torch.zeros_like(spikes[0])
    for t, fired in enumerate(spikes):
        torch.maximum(latest, (t + 1) * fired, out=latest)
    return torch.where(latest > 0, timesteps + 1 - latest, since + timesteps)


class _Integrate(torch.autograd.Function):
    """A whole sequence as one function; only the slopes are saved for the backward pass."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, v: Tensor, since: Tensor | float, node: HybridNode
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Spikes, and potential and time since the last spike at the end."""
        ctx.leak, ctx.theta = node.leak, node.v_threshold
        spikes, slopes = x.new_empty(x.shape), []
        wants_slopes = any(ctx.needs_input_grad)
        v, last = v.clone(), torch.as_tensor(since).to(v).expand_as(v).clone()
        for t, x_t in enumerate(x):
            h = v.add_(x_t) if node.leak == 1 else v.mul_(node.leak).add_(x_t)
            fired = torch.ge(h, node.v_threshold)
            spikes[t] = fired
            if wants_slopes:
                slopes.append(node.slope(h / node.v_threshold - 1, last))
            v = h.sub_(spikes[t], alpha=node.v_threshold)
            last.add_(1).masked_fill_(fired, 1.0)
        ctx.save_for_backward(*slopes)
        ctx.mark_non_differentiable(last)
        return spikes, v, last

    @staticmethod
    def backward(ctx: Any, grad_s: Tensor, grad_v: Tensor, _: Any) -> tuple[Tensor, Tensor, None, None]:
        """The gradient of h[t] is slope[t] times that of s[t], plus leak times that of h[t+1]."""
        grad_h, of_v = [], grad_v
        for slope, of_spike in zip(reversed(ctx.saved_tensors), reversed(grad_s.unbind()), strict=True):
            grad_h.append(torch.addcmul(of_v, slope, of_spike, value=1 / ctx.theta))
            of_v = grad_h[-1] if ctx.leak == 1 else ctx.leak * grad_h[-1]
        return torch.stack(grad_h[::-1]), of_v, None, None
