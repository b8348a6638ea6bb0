"""Tensors that are known to be spikes, zeros and ones: whoever takes them need not look for NaN."""

from torch import Tensor

from art_snn.acceleration.constant_input import version


def mark_spikes(spikes: Tensor) -> Tensor:
    """The tensor itself, known to be spikes until it is written to."""
    spikes._spikes_at = version(spikes)  # type: ignore[attr-defined]
    return spikes


def are_spikes(x: Tensor) -> bool:
    """Whether a tensor is known to be spikes.

    >>> import torch
    >>> spikes = mark_spikes(torch.ones(2))
    >>> are_spikes(spikes), are_spikes(spikes.mul_(0.5)), are_spikes(torch.ones(2))
    (True, False, False)
    """
    return getattr(x, "_spikes_at", None) == version(x)
