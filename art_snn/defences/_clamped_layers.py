"""Layers that hold back what is unusually large or small, and networks that look twice at suspects."""

from typing import Literal

import torch
from spikingjelly.activation_based import base
from torch import Tensor, nn


class Clamped(base.MemoryModule):
    """A layer whose output is clamped channel by channel, between bounds of each time step's own.

    Steps beyond the last pair of bounds share it, so that one pair serves an ANN.

    Args:
        inner: Maps to (N, C, H, W), or in multi-step mode to (T, N, C, H, W).
        low: Lower bounds to begin with, (T, C); they become parameters.
        high: Upper bounds, likewise.
        step_mode: Spikingjelly's, "s" or "m".
    """

    keeps_time_apart = True
    is_neuron = False
    step: int  # the next one

    def __init__(self, inner: nn.Module, low: Tensor, high: Tensor, step_mode: Literal["s", "m"] = "m") -> None:
        super().__init__()
        self.inner, self.low, self.high = inner, nn.Parameter(low), nn.Parameter(high)
        self.step_mode, self.training = step_mode, inner.training
        self.register_memory("step", 0)

    def single_step_forward(self, x: Tensor) -> Tensor:
        """The next time step."""
        return self._clamp(self.inner(x)[None])[0]

    def multi_step_forward(self, x_seq: Tensor) -> Tensor:
        """The next time steps."""
        return self._clamp(self.inner(x_seq))

    def _clamp(self, outputs: Tensor) -> Tensor:
        last = len(self.low) - 1
        rows = torch.arange(self.step, self.step + len(outputs)).clamp(max=last)
        self.step = min(self.step + len(outputs), last)
        return torch.clamp(outputs, self.low[rows][:, None, :, None, None], self.high[rows][:, None, :, None, None])


class Rechecked(nn.Module):
    """A network that leaves the decision on the samples that it takes for one class to a second network.

    Both see all samples, so that their layers can be watched as those of any network.

    Args:
        first: The network, an ANN to (N, K) or a multi-step one to (T, N, K).
        second: Decides on the suspects.
        suspect_class: The class.
        readout: Of outputs over time, as `SpikingModule` reads them: "mean", "sum" or "last".
    """

    def __init__(self, first: nn.Module, second: nn.Module, suspect_class: int, readout: str = "mean") -> None:
        super().__init__()
        self.first, self.second = first, second
        self.suspect_class, self.readout, self.training = suspect_class, readout, first.training

    def forward(self, x: Tensor) -> Tensor:
        """What `first` says, but for suspects what `second` says."""
        outputs: Tensor = self.first(x)
        logits = outputs
        if outputs.ndim == 3:
            logits = outputs[-1] if self.readout == "last" else outputs.mean(0)
        is_suspect = logits.argmax(1, keepdim=True) == self.suspect_class
        return torch.where(is_suspect, self.second(x), outputs)
