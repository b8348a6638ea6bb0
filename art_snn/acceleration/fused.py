"""A layer of neurons over a whole sequence as one differentiable function.

It takes the neurons in pieces that fit a processor's cache, each through all time steps. Only the charged potentials h
are kept for the backward pass.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from art_snn.acceleration.equations import Equations

_PIECE = 128 * 1024  # neurons, half a megabyte a row: the fastest size measured


def pieces(n: int) -> Iterator[slice]:
    """Cut 0 … n into slices of at most one piece."""
    return (slice(start, start + _PIECE) for start in range(0, n, _PIECE))


def integrate(
    x: Tensor, v: Tensor, timesteps: int, eq: Equations, charged: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Compute spikes (T, N, …) and the potential after the last step (N, …), without a graph.

    Args:
        x: Input (T, N, …), or (1, N, …) where it is the same at all time steps.
        v: Potential before the first step, (N, …).
        timesteps: Number T of time steps.
        eq: Settings of the layer.
        charged: Array for the charged potentials, (T, N, …); None if they are not wanted.
    """
    n, spikes, last = v.numel(), x.new_empty((timesteps, *v.shape)), x.new_empty(v.shape)
    x_flat, v_flat = x.reshape(len(x), n).expand(timesteps, n), v.reshape(n)
    s_flat, last_flat = spikes.view(timesteps, n), last.view(n)
    for piece in pieces(n):
        before, after = v_flat[piece], last_flat[piece]
        h_rows = [torch.empty_like(after)] * timesteps if charged is None else charged.view(timesteps, n)[:, piece]
        for x_t, h_t, s_t in zip(x_flat[:, piece], h_rows, s_flat[:, piece], strict=True):
            eq.charge(before, x_t, out=h_t)
            eq.fire(h_t, out=s_t)
            eq.reset(h_t, s_t, out=after)
            before = after
    return spikes, last


class Neurons(torch.autograd.Function):
    """`integrate` with gradients of any order.

    The charged potentials h are an output and so part of the graph: a backward pass that is differentiated in turn is
    written in terms of h, and the gradient that reaches h is passed on to the input.
    """

    @staticmethod
    def forward(x: Tensor, v: Tensor, timesteps: int, eq: Equations) -> tuple[Tensor, Tensor, Tensor]:
        """Spikes, potential after the last step, charged potentials."""
        charged = x.new_empty((timesteps, *v.shape))
        return *integrate(x, v, timesteps, eq, charged), charged

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        """Save h, and nothing else of that size."""
        ctx.is_constant = len(inputs[0]) < inputs[2]
        ctx.eq = inputs[3]
        ctx.save_for_backward(output[2])
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(ctx: Any, grad_s: Tensor | None, grad_v: Tensor | None, grad_h: Tensor | None) -> tuple[Any, ...]:
        """Gradients of the input and of the potential before the first step."""
        (h,) = ctx.saved_tensors
        grad_v0: Tensor | None
        if grad_s is None or grad_h is not None or torch.is_grad_enabled():
            grad_x, grad_v0 = _traceable_gradients(ctx.eq, h, grad_s, grad_v, grad_h)
            return grad_x.sum(0, keepdim=True) if ctx.is_constant else grad_x, grad_v0, None, None
        grad_v0 = torch.empty_like(h[0]) if ctx.needs_input_grad[1] else None
        return _gradients(ctx.eq, h, grad_s, grad_v, grad_v0, ctx.is_constant), grad_v0, None, None


def _gradients(
    eq: Equations, h: Tensor, grad_s: Tensor, grad_v: Tensor | None, grad_v0: Tensor | None, is_constant: bool
) -> Tensor:
    """Compute the gradient of x in place, piece by piece; fill `grad_v0` if it is wanted.

    For an input that `is_constant` the gradient is the sum over time, (1, N, …).
    """
    timesteps, n = len(h), h[0].numel()
    grad_x = torch.empty_like(h[:1] if is_constant else h)
    h_flat, s_flat, x_flat = h.view(timesteps, n), grad_s.reshape(timesteps, n), grad_x.view(len(grad_x), n)
    for piece in pieces(n):
        rows = torch.empty_like(h_flat[:, piece]) if is_constant else x_flat[:, piece]
        from_v = None if grad_v is None else (grad_v.reshape(n)[piece], 1.0)
        scratch = rows.new_empty((2, rows.shape[1]))
        for h_t, s_t, x_t in zip(
            *(array.unbind()[::-1] for array in (h_flat[:, piece], s_flat[:, piece], rows)), strict=True
        ):
            eq.back(h_t, s_t, from_v, scratch, out=x_t)
            from_v = x_t, eq.dh_dv / eq.dh_dx  # the gradient of v[t-1] is that of x[t] times a constant
        if grad_v0 is not None:
            torch.mul(rows[0], eq.dh_dv / eq.dh_dx, out=grad_v0.view(n)[piece])
        if is_constant:
            torch.sum(rows, 0, out=x_flat[0, piece])
    return grad_x


def _traceable_gradients(
    eq: Equations, h: Tensor, grad_s: Tensor | None, grad_v: Tensor | None, grad_h: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Compute the same in operations that autograd can follow, with a gradient of h."""
    zero = torch.zeros_like(h[0])
    s_rows, h_rows = ([zero] * len(h) if grad is None else grad.unbind() for grad in (grad_s, grad_h))
    grad_v = zero if grad_v is None else grad_v
    grad_x = []
    for h_t, s_t, to_h in zip(*(rows[::-1] for rows in (h.unbind(), s_rows, h_rows)), strict=True):
        x = h_t - eq.v_threshold
        spikes = eq.surrogate.spiking_function(x, eq.alpha)
        if not eq.detach_reset:
            s_t = s_t - grad_v * (eq.v_threshold if eq.v_reset is None else h_t - eq.v_reset)
        past_spike = grad_v if eq.v_reset is None else grad_v * (1 - (spikes.detach() if eq.detach_reset else spikes))
        to_h = to_h + past_spike + eq.surrogate.backward(s_t, x, eq.alpha)
        grad_x.append(eq.dh_dx * to_h)
        grad_v = eq.dh_dv * to_h
    return torch.stack(grad_x[::-1]), grad_v
