"""Small classifiers of each kind, and everything about one that a call may not leave changed."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from spikingjelly.activation_based import functional, layer, neuron
from torch import nn
from torch.nn.modules.module import _global_forward_hooks

from art_snn._random import host_seed
from art_snn.estimators.classification import (
    AnnClassifier,
    ConvertedClassifier,
    HybridClassifier,
    SpikingClassifier,
    SpikingModule,
)
from art_snn.models import event_net, small_cnn

K, T = 3, 4
IMAGES, FRAMES = (1, 8, 8), (T, 2, 8, 8)
Y = np.arange(6) % K


def samples(shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(0).random((len(Y), *shape), dtype=np.float32)


def ann() -> nn.Module:
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Dropout(), nn.Linear(144, K))
    for parameter in net.parameters():
        nn.init.normal_(parameter)
    return net


def seeded(make: Callable[[str], Any]) -> Callable[[str], Any]:
    return host_seed(0)(make)


@seeded
def over_images(kind: str) -> Any:
    if kind == "ann":
        return AnnClassifier(ann(), nn.CrossEntropyLoss(), IMAGES, K)
    if kind == "spiking":
        net = small_cnn(1, K, neuron="lif", width=0.25)
        return SpikingClassifier(SpikingModule(net, T), nn.CrossEntropyLoss(), IMAGES, K)
    classifier = {"converted": ConvertedClassifier, "hybrid": HybridClassifier}[kind](
        ann(), nn.CrossEntropyLoss(), IMAGES, K, timesteps=T
    )
    classifier.convert(samples(IMAGES))
    return classifier


@seeded
def over_frames(kind: str) -> Any:
    if kind == "event net":
        net = event_net(2, K, neuron="if", width=0.25)
        return SpikingClassifier(SpikingModule(net), nn.CrossEntropyLoss(), FRAMES, K)
    if kind == "ann":
        flat = nn.Sequential(nn.Flatten(0, 1), nn.Flatten(), nn.Linear(128, K), nn.Unflatten(0, (-1, T)))
        return AnnClassifier(nn.Sequential(flat, _Mean()), nn.CrossEntropyLoss(), FRAMES, K)
    net = nn.Sequential(layer.Conv2d(2, 4, 3), neuron.LIFNode(), layer.Flatten(), layer.Linear(144, K))
    functional.set_step_mode(net, kind)
    return SpikingClassifier(SpikingModule(net, T), nn.CrossEntropyLoss(), FRAMES, K)


class _Mean(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean(1)


MAKERS = [
    *((over_images, kind, IMAGES) for kind in ("ann", "spiking", "converted", "hybrid")),
    *((over_frames, kind, FRAMES) for kind in ("ann", "event net", "s", "m")),
]
ALL = pytest.mark.parametrize(("make", "kind", "shape"), MAKERS)


def state(classifier: Any) -> dict[str, Any]:
    """Every tensor, mode, potential, gradient and hook, what the optimiser remembers, and every setting."""
    model = classifier._model
    found: dict[str, Any] = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    for name, module in model.named_modules():
        found[f"{name} type"] = type(module).__name__
        found[f"{name} hooks"] = len(module._forward_hooks) + len(module._forward_pre_hooks)
        for setting in ("training", "v", "store_v_seq", "step_mode", "timesteps", "draws"):
            found[f"{name} {setting}"] = getattr(module, setting, None)
    for name, parameter in model.named_parameters():
        found[f"{name} grad"], found[f"{name} trained"] = parameter.grad, parameter.requires_grad
    found["loss"] = {name: value for name, value in vars(classifier.loss).items() if not name.startswith("_")}
    optimizer = classifier.optimizer
    found["optimizer"] = len(optimizer.state), [{**group, "params": 0} for group in optimizer.param_groups]
    found["settings"] = list(map(repr, classifier.preprocessing_operations)), list(classifier.layer_names)
    found["everywhere"] = len(_global_forward_hooks)
    ann = state(classifier.ann) if isinstance(classifier, ConvertedClassifier) else {}
    return found | {f"ann {name}": value for name, value in ann.items()}


def assert_equal(left: dict[str, Any], right: dict[str, Any]) -> None:
    assert left.keys() == right.keys()
    for name, value in left.items():
        same = torch.equal(value, right[name]) if isinstance(value, torch.Tensor) else value == right[name]
        assert same, f"{name} was {value}, is {right[name]}"
