"""Gradient ascent: inputs are driven towards classes, at a price for their brightness."""

import torch
from torch import Tensor
from tqdm import tqdm

from art_snn.defences.differentiable import ClassPotentials
from art_snn.typing import Array


class Ascent:
    """Random inputs, each on its way to the largest margin of a class above all others.

    Args:
        potentials: Of the classes, a function of inputs.
        classes: For each input the class that it is driven to, (B,).
        low: Smallest value of an input.
        high: Largest value.
        learning_rate: Of Adam, as a share of the range.
        generator: Of the first values, uniform in [low, low + 1] as published, or to the largest value if that is less.
    """

    def __init__(
        self,
        potentials: ClassPotentials,
        classes: Tensor,
        low: Tensor,
        high: Tensor,
        learning_rate: float,
        generator: torch.Generator,
    ) -> None:
        self._potentials, self._classes, self._low, self._high = potentials, classes, low, high
        shape = len(classes), *potentials.classifier.input_shape
        draw = torch.rand(shape, generator=generator).to(low.device)
        self._x = (low + draw * (high - low).clamp(max=1)).requires_grad_(True)
        self._optimizer = torch.optim.Adam([self._x], lr=learning_rate * float((high - low).max()))

    def climb(self, prices: Array, bar: tqdm) -> Tensor:
        """Take a step at each price; returns the largest margins less what was paid, as met at the last price, (B,)."""
        best = torch.full(self._classes.shape, -torch.inf, device=self._x.device)
        for price in prices:
            gain = self._gain(price)
            if price == prices[-1]:
                best = torch.maximum(best, gain.detach())
            (self._x.grad,) = torch.autograd.grad(-gain.sum(), self._x)
            self._optimizer.step()
            with torch.no_grad():
                self._x.copy_(torch.minimum(torch.maximum(self._x, self._low), self._high))
            bar.update()
        with torch.no_grad():
            return torch.maximum(best, self._gain(prices[-1]))

    def _gain(self, price: float) -> Tensor:
        brightness = ((self._x - self._low) / (self._high - self._low)).flatten(1).mean(1)
        return margins(self._potentials(self._x), self._classes) - price * brightness


def margins(potentials: Tensor, classes: Tensor) -> Tensor:
    """How far each sample's class lies above the highest of the other classes, (N,).

    >>> margins(torch.tensor([[1.0, 4.0, 2.0]]), torch.tensor([1]))
    tensor([2.])
    """
    own = potentials.gather(1, classes[:, None])
    others = potentials.scatter(1, classes[:, None], -torch.inf)
    return (own - others.amax(1, keepdim=True))[:, 0]
