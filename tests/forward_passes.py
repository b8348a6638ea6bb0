"""An ANN with layers to write forward passes with, and what it means that conversion reads it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from art_snn._random import host_seed
from art_snn.conversion.tracing import trace

SHAPE = (1, 4, 4)
X = np.random.default_rng(0).normal(size=(5, *SHAPE)).astype(np.float32)
SAMPLES = torch.from_numpy(X)

Forward = Callable[..., Any]


class Net(nn.Module):
    """Layers to write forward passes with; each of the passes below is a method of a subclass."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 2, 3, padding=1), nn.Conv2d(2, 2, 3, padding=1)
        self.relu, self.relu2, self.inplace = nn.ReLU(), nn.ReLU(), nn.ReLU(inplace=True)
        self.norm, self.drop, self.drop_ = nn.BatchNorm2d(2), nn.Dropout(), nn.Dropout(inplace=True)
        self.flat, self.last = nn.Flatten(), nn.Linear(32, 3)
        self.register_buffer("offset", torch.tensor([0.1, -0.2]).reshape(2, 1, 1))
        self.gain = nn.Parameter(torch.tensor(1.5))


def net(forward: Forward, prepare: Callable[[Any], object] = lambda ann: None) -> nn.Module:
    """A network with that forward pass, its batch norm not the initial one."""
    with host_seed(3):
        ann: Any = type("Own", (Net,), {"forward": forward})()
        for name in ("running_mean", "running_var", "weight", "bias"):
            getattr(ann.norm, name).data.uniform_(0.5, 1.5)
        prepare(ann)
    return ann.eval()


def assert_read(ann: nn.Module) -> None:
    """The graph gives the ANN's logits for samples that it was not read with."""
    others = torch.from_numpy(X[::-1].copy())
    graph = trace(ann, SAMPLES)
    with torch.no_grad():
        wanted, got = ann(others.clone()), graph(others)
    assert wanted.abs().max() > 0.01
    assert torch.allclose(got, wanted, rtol=1e-4, atol=1e-5)
