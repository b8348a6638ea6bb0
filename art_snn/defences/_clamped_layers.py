"""A layer that clamps its output channel by channel, and a network that decides anew on one suspect class."""

from typing import Literal

import torch
from spikingjelly.activation_based import base
from torch import Tensor, nn


class Clamped(base.MemoryModule):
    """Clamp the output of a layer between bounds for each time step and channel.

    Time steps after the last row of bounds use that row, so one row serves an ANN.

    Args:
        inner: Layer with output (N, C, H, W), or in multi-step mode (T, N, C, H, W).
        low: Initial lower bounds, (T, C); they become parameters.
        high: Initial upper bounds, (T, C); they become parameters.
        step_mode: Step mode of spikingjelly, "s" or "m".
    """

    keeps_time_apart = True
    is_neuron = False
    connects = False
    step: int  # index of the next time step

    def __init__(self, inner: nn.Module, low: Tensor, high: Tensor, step_mode: Literal["s", "m"] = "m") -> None:
        super().__init__()
        self.inner, self.low, self.high = inner, nn.Parameter(low), nn.Parameter(high)
        self.step_mode, self.training = step_mode, inner.training
        self.register_memory("step", 0)

    def single_step_forward(self, x: Tensor) -> Tensor:
        """Clamp the output of the next time step."""
        return self._clamp(self.inner(x)[None])[0]

    def multi_step_forward(self, x_seq: Tensor) -> Tensor:
        """Clamp the output of the next time steps."""
        return self._clamp(self.inner(x_seq))

    def _clamp(self, outputs: Tensor) -> Tensor:
        last = len(self.low) - 1
        rows = torch.arange(self.step, self.step + len(outputs)).clamp(max=last)
        self.step = min(self.step + len(outputs), last)
        return torch.clamp(outputs, self.low[rows][:, None, :, None, None], self.high[rows][:, None, :, None, None])


class Rechecked(nn.Module):
    """Let a second network decide on the samples that the first one assigns to a suspect class.

    Both networks see all samples, so their layers can be recorded as those of any network.

    Args:
        first: Network with output (N, K), or (T, N, K) in multi-step mode.
        second: Network of the same shapes that decides on the suspects.
        suspect_class: Index of the suspect class.
        readout: How `SpikingModule` reads outputs over time: "mean", "sum" or "last".
    """

    def __init__(self, first: nn.Module, second: nn.Module, suspect_class: int, readout: str = "mean") -> None:
        super().__init__()
        self.first, self.second = first, second
        self.suspect_class, self.readout, self.training = suspect_class, readout, first.training

    def forward(self, x: Tensor) -> Tensor:
        """Outputs of `first`, but those of `second` for samples of the suspect class."""
        outputs: Tensor = self.first(x)
        logits = outputs
        if outputs.ndim == 3:
            logits = outputs[-1] if self.readout == "last" else outputs.mean(0)
        is_suspect = logits.argmax(1, keepdim=True) == self.suspect_class
        return torch.where(is_suspect, self.second(x), outputs)
