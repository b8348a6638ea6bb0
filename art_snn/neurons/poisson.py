"""The Poisson code: a pixel's value is its probability of a spike, its sign that of the spike."""

from typing import Literal

import numpy as np
import torch
from torch import Tensor

from art_snn._random import torch_generator

Encoding = Literal["direct", "poisson"]
ENCODINGS: tuple[Encoding, ...] = ("direct", "poisson")


def poisson_spikes(x: Tensor, thresholds: Tensor) -> Tensor:
    """Spike where a pixel's magnitude exceeds its threshold, a random number in [0, 1) for each time step.

    The gradient with respect to `x` is 1, that of the mean (straight through).

    Args:
        x: Probabilities of a spike, (N, C, H, W), in [0, 1]; below 0, as in normalised images, those of a spike of -1.
            Beyond 1 there is a spike at every time step.
        thresholds: Random numbers (T, 1, C, H, W), shared by all samples, or (T, N, C, H, W).

    Returns:
        Zeros and ones, or minus ones below 0, (T, N, C, H, W).

    Source: signed spikes as in Rathi et al., 2020, https://arxiv.org/abs/2005.01807, the released code.
    """
    spikes = (thresholds < x.abs()).to(x.dtype) * x.detach().sign()
    return spikes + (x - x.detach()) if x.requires_grad else spikes


def uniform_thresholds(shape: tuple[int, ...], stream: tuple[int, ...], like: Tensor) -> Tensor:
    """Draw numbers in [0, 1) from the random stream that integers name, with dtype and device of `like`."""
    generator = torch_generator(np.random.default_rng(stream))
    return torch.rand(shape, generator=generator).to(like)


def evaluation_thresholds(timesteps: int, seed: int, images: Tensor) -> Tensor:
    """Draw the thresholds (T, 1, C, H, W) of evaluation mode, the same for all samples (N, C, H, W)."""
    return uniform_thresholds((timesteps, 1, *images.shape[1:]), (0, seed), images)
