"""Maximum pooling that is faster on a CPU."""

from typing import Any

import torch
import torch.nn.functional as F
from spikingjelly.activation_based import functional, layer
from torch import Tensor

from art_snn.acceleration._spike_tensors import are_spikes
from art_snn.acceleration._stateless_layers import ConstantInputLayer


class FastMaxPool2d(ConstantInputLayer, layer.MaxPool2d):
    """spikingjelly's MaxPool2d, several times faster on a CPU where windows lie side by side.

    With gradients it uses oneDNN, which is part of torch; without, 2 × 2 windows need not even be copied there.
    """

    def _compute(self, x: Tensor, repeats: int) -> Tensor:
        lie_side_by_side = self.stride == self.kernel_size and (self.padding, self.dilation) == (0, 1)
        pool = None
        if torch.is_grad_enabled() and x.requires_grad:
            pool = self._pool if _suits(x) else None
        elif self.kernel_size == 2 and x.shape[-2] % 2 == x.shape[-1] % 2 == 0:
            pool = _halve
        if self.step_mode != "m" or not lie_side_by_side or pool is None:
            return super()._compute(x, repeats)
        output: Tensor = functional.seq_to_ann_forward(x, pool)
        return output

    def _pool(self, x: Tensor) -> Tensor:
        output: Tensor = _MaxPool2d.apply(x, self.kernel_size, self.ceil_mode)  # type: ignore[no-untyped-call]
        return output


def _halve(x: Tensor) -> Tensor:
    """The maxima of 2 × 2 pixels, rows first: those lie side by side in memory."""
    rows = torch.maximum(x[..., 0::2, :], x[..., 1::2, :])
    return torch.maximum(rows[..., 0::2], rows[..., 1::2])


def _suits(x: Tensor) -> bool:
    """Whether oneDNN gives what torch would; it does not pass on NaN."""
    is_built_in: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    is_of_its_kind = x.device.type == "cpu" and x.dtype == torch.float32 and x.numel() > 0
    return is_built_in and is_of_its_kind and (are_spikes(x) or bool(x.sum().isfinite()))


class _MaxPool2d(torch.autograd.Function):
    """Pooling with gradients of any order, which go to the first maximum of a window as in torch.

    The backward pass keeps what oneDNN keeps: the maxima, and where in its window each was.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, window: int | tuple[int, int], ceil_mode: bool) -> Tensor:
        """The maxima of the windows."""
        ctx.shape, ctx.settings = x.shape, (window, window, 0, 1, ceil_mode)
        with torch.enable_grad():  # oneDNN keeps what a gradient will need
            maxima = torch.mkldnn_max_pool2d(x.detach().to_mkldnn().requires_grad_(), *ctx.settings).detach()
        ctx.maxima = maxima
        return maxima.to_dense()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        """Gradient of x, in operations that autograd can follow if it is on."""
        if not torch.is_grad_enabled():
            return _to_the_maxima(ctx, grad), None, None
        spread = F.interpolate(grad, scale_factor=ctx.settings[0])
        missing = (ctx.shape[-1] - spread.shape[-1], ctx.shape[-2] - spread.shape[-2])  # negative: cut off
        return _to_the_maxima(ctx, torch.ones_like(grad)) * F.pad(spread, (0, missing[0], 0, missing[1])), None, None


def _to_the_maxima(ctx: Any, values: Tensor) -> Tensor:
    """Put each window's value at the place of its maximum, zeros around."""
    shape_of_x = torch.empty(ctx.shape, layout=ctx.maxima.layout)
    spread = torch.ops.aten.mkldnn_max_pool2d_backward(values.to_mkldnn(), ctx.maxima, shape_of_x, *ctx.settings)
    dense: Tensor = spread.to_dense()
    return dense
