"""Converted and hybrid classifiers of a small ANN."""

import numpy as np
import pytest
import torch
from torch import nn

from art_snn.estimators.classification import ConvertedClassifier, HybridClassifier
from art_snn.models import small_cnn

N, T, K = 12, 6, 3
SHAPE = (1, 8, 8)
BOTH = pytest.mark.parametrize("kind", [ConvertedClassifier, HybridClassifier], ids=["converted", "hybrid"])


def ann(seed: int = 0) -> nn.Module:
    return small_cnn(1, K, pool="avg", width=0.25, seed=seed)


def classifier(kind: type[ConvertedClassifier] = ConvertedClassifier, **settings: object) -> ConvertedClassifier:
    net = settings.pop("ann", None) or ann()
    return kind(net, nn.CrossEntropyLoss(), SHAPE, K, settings.pop("timesteps", T), clip_values=(0.0, 1.0), **settings)


def converted(kind: type[ConvertedClassifier], x: np.ndarray, **settings: object) -> ConvertedClassifier:
    """A classifier of an untrained ANN, converted: enough to have opinions."""
    result = classifier(kind, **settings)
    result.convert(x)
    return result


def weights(net: nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in net.parameters()])
