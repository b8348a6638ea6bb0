"""Surrogate gradients by the name that papers give them."""

import math
from collections.abc import Callable

from spikingjelly.activation_based import surrogate

from art_snn._validation import check_choice, check_positive

_SURROGATES: dict[str, Callable[[float], surrogate.SurrogateFunctionBase]] = {
    "rectangular": lambda a: surrogate.Rect(alpha=1 / a),
    "polynomial": lambda a: surrogate.PiecewiseQuadratic(alpha=math.sqrt(a) / 2),
    "sigmoid": lambda a: surrogate.Sigmoid(alpha=1 / a),
    "gaussian": lambda a: surrogate.Erf(alpha=1 / math.sqrt(2 * a)),
    "atan": lambda a: surrogate.ATan(alpha=2 / a),
}
SURROGATES = tuple(_SURROGATES)


def surrogate_function(name: str, a: float = 1.0) -> surrogate.SurrogateFunctionBase:
    """A new surrogate of spikingjelly: a Heaviside step forward, the gradient g(x) backward.

    x is the membrane potential minus the threshold. Each call makes a new object; spikingjelly's default is one object
    that all neurons share.

    Args:
        name: Name of g(x):

            - "rectangular": 1/a where |x| < a/2, else 0
            - "polynomial": max(0, √a/2 - a/4·|x|), a triangle
            - "sigmoid": 1/a · e^(-x/a) / (1 + e^(-x/a))²
            - "gaussian": the density of a normal distribution of mean 0 and variance a
            - "atan": 1/a / (1 + (πx/a)²)
        a: Shape of g, above 0. Larger is wider, but narrower for "polynomial".

    Raises:
        ValueError: If the name is unknown or `a` is not a number above 0.

    Source: Wu et al., Spatio-Temporal Backpropagation for Training High-Performance Spiking Neural Networks, 2018,
    https://arxiv.org/abs/1706.02609, section 2.3, where a = 1; "atan" with a = 1 is that of Fang et al., Incorporating
    Learnable Membrane Time Constant to Enhance Learning of Spiking Neural Networks, 2021, https://arxiv.org/abs/2007.05785.

    >>> surrogate_function("polynomial")
    PiecewiseQuadratic(alpha=0.5, spiking=True)
    """
    check_choice("surrogate", name, _SURROGATES)
    check_positive("a", a)
    return _SURROGATES[name](a)
