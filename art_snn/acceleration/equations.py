"""The equations of integrate-and-fire neurons, one time step at a time, forwards and backwards, in place.

charge   h[t] = v[t-1] + (x[t] - (v[t-1] - v_reset)) / tau        (LIF; without `decay_input` x[t] is added whole)
         h[t] = v[t-1] + x[t]                                     (IF)
fire     s[t] = 1 where h[t] >= v_threshold, else 0
reset    v[t] = v_reset where s[t] = 1, else h[t]                 (hard)
         v[t] = h[t] - v_threshold·s[t]                           (soft: v_reset is None, and 0 in the charge)
"""

import math
from dataclasses import dataclass

import torch
from spikingjelly.activation_based.surrogate import SurrogateFunctionBase
from torch import Tensor

from art_snn.acceleration._surrogate_gradients import SLOPES


@dataclass(frozen=True)
class Equations:
    """The settings of a layer of neurons, and a step of its equations.

    The results equal spikingjelly's to the last bit: an operation that is written differently has an exact result, such
    as a product with 0 or 1.

    Source: Fang et al., SpikingJelly, 2023, https://doi.org/10.1126/sciadv.adi1480; its IFNode and LIFNode.
    """

    tau: float | None  # None: no leak
    decay_input: bool
    v_threshold: float
    v_reset: float | None
    detach_reset: bool
    surrogate: type[SurrogateFunctionBase]
    alpha: float  # of the surrogate

    @property
    def dh_dx(self) -> float:
        """The derivative of h[t] by x[t]."""
        return 1 / self.tau if self.tau and self.decay_input else 1.0

    @property
    def dh_dv(self) -> float:
        """The derivative of h[t] by v[t-1]."""
        return 1 - 1 / self.tau if self.tau else 1.0

    def charge(self, v: Tensor, x: Tensor, out: Tensor) -> None:
        """h[t] from v[t-1] and x[t]."""
        if self.tau is None:
            torch.add(v, x, out=out)
            return
        above_rest = torch.sub(v, self.v_reset, out=out) if self.v_reset else v
        if not self.decay_input:
            torch.div(above_rest, self.tau, out=out)
            torch.sub(v, out, out=out).add_(x)
        elif math.frexp(self.tau)[0] == 0.5:  # tau is a power of two: multiplying by 1/tau is dividing by tau
            torch.add(v, torch.sub(x, above_rest, out=out), alpha=1 / self.tau, out=out)
        else:
            torch.sub(x, above_rest, out=out).div_(self.tau).add_(v)

    def fire(self, h: Tensor, out: Tensor) -> None:
        """s[t] from h[t]."""
        torch.ge(h, self.v_threshold, out=out)

    def reset(self, h: Tensor, s: Tensor, out: Tensor) -> None:
        """v[t] from h[t] and s[t]."""
        if self.v_reset is None:
            torch.sub(h, s, alpha=self.v_threshold, out=out)
            return
        torch.addcmul(h, s, h, value=-1, out=out)
        if self.v_reset:
            out.add_(s, alpha=self.v_reset)

    def back(
        self, h: Tensor, grad_s: Tensor, grad_v: tuple[Tensor, float] | None, scratch: Tensor, out: Tensor
    ) -> None:
        """Compute the gradient of x[t] from those of s[t] and v[t].

        Args:
            h: Charged potential h[t].
            grad_s: Gradient of s[t] without what comes through v[t].
            grad_v: Gradient of v[t], as a tensor and its factor; None for zero.
            scratch: Two rows of the same length, which are overwritten.
            out: Row that takes the gradient of x[t].
        """
        x, total = scratch
        if grad_v is not None and not self.detach_reset:
            grad_s = self._with_reset(h, grad_s, *grad_v, out=total)
        slope = SLOPES[self.surrogate]
        slope(torch.sub(h, self.v_threshold, out=x), grad_s, self.alpha, self.dh_dx, out)
        if grad_v is None:
            return
        if self.v_reset is None:
            out.add_(grad_v[0], alpha=grad_v[1] * self.dh_dx)
            return
        out.addcmul_(grad_v[0], torch.lt(h, self.v_threshold, out=x), value=grad_v[1] * self.dh_dx)

    def _with_reset(self, h: Tensor, grad_s: Tensor, grad_v: Tensor, factor: float, out: Tensor) -> Tensor:
        """Gradient of s[t] with what comes through the reset of v[t]."""
        if self.v_reset is None:
            return torch.add(grad_s, grad_v, alpha=-factor * self.v_threshold, out=out)
        above_reset = torch.sub(h, self.v_reset, out=out) if self.v_reset else h
        return torch.addcmul(grad_s, grad_v, above_reset, value=-factor, out=out)
