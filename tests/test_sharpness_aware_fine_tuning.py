"""Sharpness-aware fine-tuning: the gradient at the worst weights nearby, of every learning rule."""

import copy

import pytest
import torch
from art.estimators.classification import PyTorchClassifier
from torch import nn

from art_snn._random import host_seed
from art_snn.defences.trainer import CleanFineTuning, SharpnessAwareFineTuning
from art_snn.estimators.classification import rule_of
from art_snn.evaluations.elimination import eliminate
from tests.backdoored import SHAPE, K, trained
from tests.eliminating import CLEAN


def _linear() -> PyTorchClassifier:
    with host_seed(0):
        net = nn.Sequential(nn.Flatten(), nn.Linear(64, K))
    optimizer = torch.optim.SGD(net.parameters(), lr=1.0)
    return PyTorchClassifier(net, nn.CrossEntropyLoss(), SHAPE, K, optimizer=optimizer, clip_values=(0.0, 1.0))


def test_a_step_takes_the_gradient_at_the_worst_weights_nearby() -> None:
    given, rho, eta, rate = _linear(), 0.5, 0.01, 0.1
    net = copy.deepcopy(given.model)
    x, y = torch.tensor(CLEAN[0]), torch.tensor(CLEAN[1])
    weights = list(net.parameters())
    gradients = torch.autograd.grad(nn.functional.cross_entropy(net(x), y), weights)
    scales = [w.detach().abs() + eta for w in weights]
    norm = sum(((t * g) ** 2).sum() for t, g in zip(scales, gradients, strict=True)) ** 0.5
    before = [w.detach().clone() for w in weights]
    with torch.no_grad():
        for w, t, g in zip(weights, scales, gradients, strict=True):
            w += rho * t**2 * g / norm
    worst = torch.autograd.grad(nn.functional.cross_entropy(net(x), y), weights)
    expected = [w - rate * g for w, g in zip(before, worst, strict=True)]

    defence = SharpnessAwareFineTuning(given, rho, eta, learning_rate=rate, batch_size=100, nb_epochs=1)
    found = list(eliminate(defence, *CLEAN).model.parameters())

    assert not torch.allclose(found[0], before[0] - rate * gradients[0], rtol=1e-3)
    for value, by_hand in zip(found, expected, strict=True):
        assert torch.allclose(value, by_hand, rtol=1e-4, atol=1e-6)


def test_running_statistics_see_one_of_the_two_passes() -> None:
    given = rule_of(trained("ann")).copied().classifier
    given.model.norm1.momentum = 0.5
    with torch.no_grad():
        batch = given.model.conv1(torch.tensor(CLEAN[0]))
    expected = (given.model.norm1.running_mean + batch.mean(dim=(0, 2, 3))) / 2
    defence = SharpnessAwareFineTuning(given, batch_size=100, nb_epochs=1, rho=50.0)
    norm = eliminate(defence, *CLEAN).model.norm1
    assert torch.allclose(norm.running_mean, expected, atol=1e-5)
    assert norm.momentum == 0.5


def test_a_cosine_ends_with_small_steps() -> None:
    plain, falling = (
        eliminate(CleanFineTuning(trained("lif"), nb_epochs=2, batch_size=40, schedule=schedule), *CLEAN)
        for schedule in ("constant", "cosine")
    )
    first = eliminate(CleanFineTuning(trained("lif"), nb_epochs=1, batch_size=40), *CLEAN)
    steps = [(new.model.net.fc1.weight - first.model.net.fc1.weight).abs().mean() for new in (plain, falling)]
    assert steps[1].item() == pytest.approx(steps[0].item() / 2, rel=0.05)  # cos(90°) + 1 over 2
