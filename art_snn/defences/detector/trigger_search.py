"""The smallest trigger that takes samples to a class: a mask, and a pattern that it blends in."""

from dataclasses import dataclass

import torch
from torch import Tensor


class Blend:
    """A mask and a pattern that are learnt, each within its range whatever the values behind it.

    Args:
        shape: Of a sample, (C, H, W) or (T, C, H, W); the mask has one channel.
        low: Smallest value of the pattern.
        high: Largest value.
        learning_rate: Of Adam.
        generator: Of the first values: masks around a half.
    """

    def __init__(
        self, shape: tuple[int, ...], low: Tensor, high: Tensor, learning_rate: float, generator: torch.Generator
    ) -> None:
        self._low, self._high = low, high
        shapes = (*shape[:-3], 1, *shape[-2:]), shape
        draws = [0.1 * torch.randn(each, generator=generator).to(low.device) for each in shapes]
        self._mask, self._pattern = (draw.requires_grad_(True) for draw in draws)
        self._optimizer = torch.optim.Adam([self._mask, self._pattern], lr=learning_rate)

    @property
    def mask(self) -> Tensor:
        """In [0, 1], (1, H, W) or (T, 1, H, W)."""
        return torch.sigmoid(self._mask)

    @property
    def pattern(self) -> Tensor:
        """Within the range, (C, H, W) or (T, C, H, W)."""
        return self._low + (self._high - self._low) * torch.sigmoid(self._pattern)

    def __call__(self, x: Tensor) -> Tensor:
        """Samples (N, ...) with the trigger."""
        return (1 - self.mask) * x + self.mask * self.pattern

    def descend(self, loss: Tensor) -> None:
        """Take one step down."""
        values = [self._mask, self._pattern]
        for value, gradient in zip(values, torch.autograd.grad(loss, values), strict=True):
            value.grad = gradient
        self._optimizer.step()


@dataclass
class Cost:
    """What a mask's size costs: more after each run of successes, less after each run of failures.

    Args:
        weight: To begin with.
        multiplier: By which it rises; it falls by its power of 1.5.
        patience: Steps of a run.
    """

    weight: float
    multiplier: float
    patience: int
    _run: int = 0

    def update(self, success: bool) -> None:
        """Count one more step."""
        self._run = max(self._run, 0) + 1 if success else min(self._run, 0) - 1
        if abs(self._run) == self.patience:
            self.weight *= self.multiplier if success else self.multiplier**-1.5
            self._run = 0
