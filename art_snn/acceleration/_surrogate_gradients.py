"""The gradients of spikingjelly's surrogates, computed in place: the innermost loop of a backward pass.

Each function overwrites `x`, the membrane potential minus the threshold, and writes grad · scale · g(x) into `out`,
where g is the gradient of the surrogate with parameter alpha. The tensors are float32 and of one shape.
"""

import math
from collections.abc import Callable

import torch
from spikingjelly.activation_based import surrogate
from torch import Tensor

Slope = Callable[[Tensor, Tensor, float, float, Tensor], object]

_ZERO = torch.zeros((), dtype=torch.float32, device="cpu")  # addcmul then multiplies two tensors and a number


def _rectangular(x: Tensor, grad: Tensor, alpha: float, scale: float, out: Tensor) -> None:
    """g(x) = alpha where |x| < 1/(2·alpha), else 0."""
    x.abs_().lt_(0.5 / alpha)
    torch.addcmul(_ZERO, grad, x, value=scale * alpha, out=out)


def _piecewise_quadratic(x: Tensor, grad: Tensor, alpha: float, scale: float, out: Tensor) -> None:
    """g(x) = max(0, alpha - alpha²·|x|)."""
    torch.sub(x.new_full((), scale * alpha), x.abs_(), alpha=scale * alpha**2, out=x).clamp_min_(0)
    torch.mul(grad, x, out=out)


def _sigmoid(x: Tensor, grad: Tensor, alpha: float, scale: float, out: Tensor) -> None:
    """g(x) = alpha · σ(alpha·x) · (1 - σ(alpha·x))."""
    x.mul_(alpha).sigmoid_()
    torch.addcmul(x, x, x, value=-1, out=x)
    torch.addcmul(_ZERO, grad, x, value=scale * alpha, out=out)


def _erf(x: Tensor, grad: Tensor, alpha: float, scale: float, out: Tensor) -> None:
    """g(x) = alpha/√π · exp(-(alpha·x)²)."""
    torch.addcmul(_ZERO, x, x, value=-(alpha**2), out=x).exp_()
    torch.addcmul(_ZERO, grad, x, value=scale * alpha / math.sqrt(math.pi), out=out)


def _atan(x: Tensor, grad: Tensor, alpha: float, scale: float, out: Tensor) -> None:
    """g(x) = alpha/2 / (1 + (π/2·alpha·x)²)."""
    torch.addcmul(x.new_full((), 2 / alpha / scale), x, x, value=math.pi**2 / 2 * alpha / scale, out=x)
    torch.div(grad, x, out=out)


SLOPES: dict[type[surrogate.SurrogateFunctionBase], Slope] = {
    surrogate.Rect: _rectangular,
    surrogate.PiecewiseQuadratic: _piecewise_quadratic,
    surrogate.Sigmoid: _sigmoid,
    surrogate.Erf: _erf,
    surrogate.ATan: _atan,
}
