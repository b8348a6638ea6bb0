"""An ANN for frames: the baseline that ignores time."""

import torch
from torch import nn


class OverTime(nn.Module):
    """An ANN that sees the sum of the frames over time, (N, T, C, H, W) as (N, C, H, W): the events of each pixel."""

    timesteps = None  # any number

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (N, K)."""
        logits: torch.Tensor = self.net(x.sum(1))
        return logits
