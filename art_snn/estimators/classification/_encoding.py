"""From samples to time steps, and what is said of samples that are not defined."""

from typing import Literal

from torch import Tensor

Layout = Literal["NCHW", "NTCHW", "N(TC)HW"]


def layout_of(x: Tensor, layout: Layout | None) -> Layout:
    """The layout of samples: the one named, or the one that four or five axes mean.

    Raises:
        ValueError: If the number of axes does not fit.
    """
    if layout is None and x.ndim in (4, 5):
        return "NCHW" if x.ndim == 4 else "NTCHW"
    if layout is None or x.ndim != (5 if layout == "NTCHW" else 4):
        expected = layout or "(N, C, H, W) or (N, T, C, H, W)"
        raise ValueError(f"expected samples of layout {expected}, got shape {tuple(x.shape)}")
    return layout


def to_sequence(x: Tensor, layout: Layout, timesteps: int | None) -> Tensor:
    """Samples as (N, T, C, H, W), or as (N, 1, C, H, W) where they are static: the same at each step.

    Raises:
        ValueError: If the number of bins is not `timesteps`, or that is needed and not known.
    """
    if layout == "NCHW":
        if timesteps is None:
            raise ValueError(
                f"expected timesteps for static samples (N, C, H, W), got None; shape {tuple(x.shape)} as folded "
                "frames needs input_layout='N(TC)HW' and timesteps"
            )
        return x[:, None]
    if layout == "N(TC)HW":
        if timesteps is None or x.shape[1] % timesteps:
            raise ValueError(f"expected T*C channels for timesteps={timesteps}, got {x.shape[1]}")
        return x.reshape(len(x), timesteps, -1, *x.shape[2:])
    if timesteps not in (None, x.shape[1]):
        raise ValueError(f"expected frames of {timesteps} time bins, got {x.shape[1]} in shape {tuple(x.shape)}")
    return x


def undefined_as_nan(values: Tensor, x: Tensor, batch_axis: int = 0) -> Tensor:
    """NaN in place of what a network says of samples that hold NaN or infinity.

    A potential that is NaN never spikes, so a spiking network would give such a sample finite logits; an ANN does not.

    Args:
        values: Any, with the samples along `batch_axis`.
        x: Samples (N, ...), of any dtype. Whole numbers are always defined.
    """
    if not x.is_floating_point() or x[:1].numel() == 0:
        return values
    rows = x.detach().flatten(1)
    zeros_or_nan = (rows.amax(1) * 0 + rows.amin(1) * 0).to(values)
    return values + zeros_or_nan.reshape(-1, *[1] * (values.ndim - batch_axis - 1))
