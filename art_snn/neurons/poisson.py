"""The Poisson code: spikes drawn with a pixel as their probability."""

from typing import Literal

import numpy as np
import torch
from torch import Tensor

from art_snn._random import torch_generator

Encoding = Literal["direct", "poisson"]
ENCODINGS: tuple[Encoding, ...] = ("direct", "poisson")


def poisson_spikes(x: Tensor, thresholds: Tensor) -> Tensor:
    """Spikes where a pixel exceeds its threshold, a number in [0, 1) drawn at random for each time step.

    The gradient with respect to `x` is that of the mean, 1 (straight through).

    Args:
        x: Firing probabilities, (N, C, H, W), in [0, 1].
        thresholds: (T, 1, C, H, W), shared by all samples, or (T, N, C, H, W).

    Returns:
        Zeros and ones, (T, N, C, H, W).
    """
    spikes = (thresholds < x).to(x.dtype)
    return spikes + (x - x.detach()) if x.requires_grad else spikes


def uniform_thresholds(shape: tuple[int, ...], stream: tuple[int, ...], like: Tensor) -> Tensor:
    """Numbers in [0, 1) of the stream that a tuple of integers names, with dtype and device of `like`."""
    generator = torch_generator(np.random.default_rng(stream))
    return torch.rand(shape, generator=generator).to(like)


def evaluation_thresholds(timesteps: int, seed: int, images: Tensor) -> Tensor:
    """Thresholds (T, 1, C, H, W) of evaluation mode: one fixed set for all samples (N, C, H, W)."""
    return uniform_thresholds((timesteps, 1, *images.shape[1:]), (0, seed), images)
