"""Small ANNs to convert, and what they put out."""

import numpy as np
import torch
from torch import nn

N, K = 12, 4


def some(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random(shape, dtype=np.float32)


def trained(net: nn.Module, x: np.ndarray) -> nn.Module:
    """The network with running statistics, weights and biases of batch norm that are not the initial ones."""
    draws = torch.Generator().manual_seed(1)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None  # the plain mean over the passes
            module.weight.data.uniform_(0.5, 1.5, generator=draws)
            module.bias.data.uniform_(-0.2, 0.6, generator=draws)
    for module in net.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0  # it would draw from the global stream
    with torch.no_grad():
        net.train()(torch.from_numpy(x))
    return net.eval()


def linear(weight: list[list[float]], bias: list[float] | None = None) -> nn.Linear:
    """A linear layer with these weights; drawing initial ones would move the global stream."""
    with torch.device("meta"):
        module = nn.Linear(len(weight[0]), len(weight), bias=bias is not None)
    module.weight = nn.Parameter(torch.tensor(weight))
    if bias is not None:
        module.bias = nn.Parameter(torch.tensor(bias))
    return module
