"""Tensors that are marked as spikes, zeros and ones, so that no layer need look for NaN."""

from torch import Tensor

from art_snn.acceleration.constant_input import version


def mark_spikes(spikes: Tensor) -> Tensor:
    """Mark a tensor as spikes; the mark holds until it is written to."""
    spikes._spikes_at = version(spikes)  # type: ignore[attr-defined]
    return spikes


def are_spikes(x: Tensor) -> bool:
    """Whether a tensor is marked as spikes.

    >>> import torch
    >>> spikes = mark_spikes(torch.ones(2))
    >>> are_spikes(spikes), are_spikes(spikes.mul_(0.5)), are_spikes(torch.ones(2))
    (True, False, False)
    """
    return getattr(x, "_spikes_at", None) == version(x)
