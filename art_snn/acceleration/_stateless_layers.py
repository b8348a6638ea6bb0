"""Layers without state, which compute a sequence that is constant over time once; their output is constant again.

Each is spikingjelly's layer of the same name, mixed with what all share.
"""

from spikingjelly.activation_based import base, layer
from torch import Tensor

from art_snn.acceleration.constant_input import constant_sequence, constant_step


class ConstantInputLayer(base.StepModule):
    """Mixin for layers of spikingjelly that treat all time steps alike."""

    def forward(self, x: Tensor) -> Tensor:
        """Run the layer, on one time step where the input is constant."""
        step = constant_step(x, self) if self.step_mode == "m" else None
        if step is None or not self._can_stand_for_all(step):
            return self._compute(x, 1)
        return constant_sequence(self._compute(step, len(x)), len(x))

    def _can_stand_for_all(self, step: Tensor) -> bool:
        """Whether the layer accepts one step (1, N, …) in place of the sequence."""
        return True

    def _compute(self, x: Tensor, repeats: int) -> Tensor:
        """The layer's output for `x`, which stands for a sequence `repeats` times as long."""
        output: Tensor = super().forward(x)
        return output

    def _get_name(self) -> str:
        """The name of spikingjelly's layer, for `repr`."""
        return type(self).__bases__[-1].__name__


class _ConstantInputNorm(ConstantInputLayer):
    """Batch norm: T equal steps have the mean and the variance of one step, but for a factor.

    The running variance is unbiased: n values are divided by n - 1, and T equal steps are n·T values.
    """

    def _can_stand_for_all(self, step: Tensor) -> bool:
        return not self.training or self._values(step) > 1  # torch rejects the variance of a single value

    def _compute(self, x: Tensor, repeats: int) -> Tensor:
        if repeats == 1 or not self.training or not self.track_running_stats:
            return super()._compute(x, repeats)
        before, n = self.running_var.clone(), self._values(x)
        output = super()._compute(x, repeats)
        kept = before * (1 - (1 / self.num_batches_tracked if self.momentum is None else self.momentum))
        running_var = self.running_var.data  # autograd holds it, though the backward pass of training does not read it
        running_var.sub_(kept).mul_(repeats * (n - 1) / (repeats * n - 1)).add_(kept)
        return output

    def _values(self, x: Tensor) -> int:
        """Number of values in each channel."""
        return x.numel() // int(self.num_features)


class ConstantInputConv1d(ConstantInputLayer, layer.Conv1d):
    """Convolution."""


class ConstantInputConv2d(ConstantInputLayer, layer.Conv2d):
    """Convolution."""


class ConstantInputLinear(ConstantInputLayer, layer.Linear):
    """Fully connected."""


class ConstantInputBatchNorm1d(_ConstantInputNorm, layer.BatchNorm1d):
    """Batch norm."""


class ConstantInputBatchNorm2d(_ConstantInputNorm, layer.BatchNorm2d):
    """Batch norm."""


class ConstantInputAvgPool2d(ConstantInputLayer, layer.AvgPool2d):
    """Average pool."""


class ConstantInputAdaptiveAvgPool2d(ConstantInputLayer, layer.AdaptiveAvgPool2d):
    """Average pool."""


class ConstantInputFlatten(ConstantInputLayer, layer.Flatten):
    """Change of shape."""


class ConstantInputDropout(ConstantInputLayer, layer.Dropout):
    """Dropout, whose mask is the same at all time steps."""
