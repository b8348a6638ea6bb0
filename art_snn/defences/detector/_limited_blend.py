"""A trigger to learn whose mask holds a given number of pixels."""

from typing import Any

import torch
from torch import Tensor

from art_snn.defences.detector.neural_cleanse import Blend

_OUTSIDE = 0.1  # weight of the pattern's gradient where the mask is 0: those pixels may come into it


class LimitedBlend(Blend):
    """A mask of the n most important pixels, 1 there and 0 elsewhere; its gradient is that of a smooth mask.

    Args:
        *args: Arguments of `Blend`.
        max_size: Share of the mask that is 1, in (0, 1]; one pixel at least.

    Source: the gradient as in Bengio et al., Estimating or Propagating Gradients Through Stochastic Neurons, 2013,
    https://arxiv.org/abs/1308.3432 (straight-through).
    """

    def __init__(self, *args: Any, max_size: float) -> None:
        super().__init__(*args)
        self._n_pixels = max(1, int(max_size * self._mask.numel()))

    @property
    def mask(self) -> Tensor:
        """Mask, 0 or 1, (1, H, W) or (T, 1, H, W), with T = 1 if it is shared."""
        smooth = super().mask
        hard = torch.zeros_like(smooth).flatten()
        hard[smooth.flatten().topk(self._n_pixels).indices] = 1
        return hard.reshape(smooth.shape) + smooth - smooth.detach()

    def __call__(self, x: Tensor) -> Tensor:
        """Put the trigger into samples (N, ...)."""
        mask, pattern = self.mask, self.pattern
        weight = torch.where(mask.detach() > 0, 1.0, _OUTSIDE)
        return x + mask * (pattern.detach() - x) + weight * (pattern - pattern.detach())
