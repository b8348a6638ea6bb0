"""Pruning by contribution over time steps: what a channel serves, over what it could add to a wrong class."""

import numpy as np
import pytest
import torch
from spikingjelly.activation_based import functional, layer, neuron
from torch import nn

from art_snn._random import host_seed
from art_snn.defences._convolution_units import units
from art_snn.defences.transformer import StepContributionPruning
from art_snn.defences.transformer.step_contribution_pruning import step_values
from art_snn.estimators.classification import SpikingClassifier, SpikingModule, rule_of
from tests.backdoored import SHAPE, K, trained
from tests.eliminating import ALL_KINDS, CLEAN


def test_an_anns_values_are_importance_over_possible_addition() -> None:
    given = rule_of(trained("ann")).copied().classifier
    given.model.eval()
    x, y = torch.tensor(CLEAN[0]), torch.tensor(CLEAN[1])
    kept = []
    handle = given.model.act2.register_forward_hook(lambda _module, _inputs, output: kept.append(output))
    outputs = given.model(x)
    handle.remove()
    (s,) = kept
    gradients = torch.stack([torch.autograd.grad(outputs[:, k].sum(), s, retain_graph=True)[0] for k in range(K)])
    top = s.amax((0, 2, 3), keepdim=True)
    served, possible = torch.zeros(s.shape[1]), torch.zeros(K, s.shape[1])
    for n in range(len(x)):
        own = gradients[y[n], n]
        served += (s[n] * own).sum((1, 2)).abs()
        for k in range(K):
            possible[k] += ((gradients[k, n] - own).clamp(min=0) * (top[0] - s[n])).sum((1, 2))
    by_hand = (served / possible.amax(0)).detach().numpy()
    found = list(step_values(given, CLEAN[0], CLEAN[1], batch_size=7).values())
    assert found[-1] == pytest.approx(by_hand, rel=1e-3)


@ALL_KINDS
def test_values_do_not_depend_on_batches_nor_touch_the_classifier(kind: str) -> None:
    given = trained(kind)
    before = {name: value.clone() for name, value in given.model.state_dict().items()}
    whole, parts = (step_values(given, *CLEAN, batch_size=n) for n in (40, 11))
    for one, other in zip(whole.values(), parts.values(), strict=True):
        assert one == pytest.approx(other, rel=1e-2)
    assert all(torch.equal(value, before[name]) for name, value in given.model.state_dict().items())


def test_a_channel_that_serves_at_one_step_is_worth_as_much_as_one_that_serves_at_two() -> None:
    with host_seed(0):
        conv, fc = layer.Conv2d(1, 2, 1, bias=False), layer.Linear(2, 2, bias=False)
    net = nn.Sequential(conv, neuron.IFNode(), layer.AdaptiveAvgPool2d(1), layer.Flatten(), fc)
    functional.set_step_mode(net, "m")
    given = SpikingClassifier(SpikingModule(net, 4), nn.CrossEntropyLoss(), (1, 8, 8), 2, clip_values=(0.0, 1.0))
    with torch.no_grad():
        conv.weight.copy_(torch.tensor([0.5, 0.3]).reshape(2, 1, 1, 1))  # fires at the second and fourth step; fourth
        fc.weight.copy_(torch.tensor([[1.0, 1.0], [1.1, 1.1]]))
    (values,) = step_values(given, np.ones((4, 1, 8, 8), np.float32), np.zeros(4, int), 4).values()
    assert values == pytest.approx([10.0, 10.0], rel=1e-4)  # 1 / 4 served at a step, 0.1 / 4 to be added at another


@ALL_KINDS
def test_the_share_of_all_channels_is_silenced_and_stays_silent(kind: str) -> None:
    defence = StepContributionPruning(trained(kind), share=0.25, nb_epochs=1, batch_size=20)
    new = defence(CLEAN[0], y=CLEAN[1])
    silent = [int((unit.conv.weight.flatten(1).abs().sum(1) == 0).sum()) for unit in units(new)]
    assert sum(silent) == 6


def test_a_network_without_convolutions_is_refused() -> None:
    with host_seed(0):
        net = nn.Sequential(layer.Flatten(), layer.Linear(64, K), neuron.IFNode())
    given = SpikingClassifier(SpikingModule(net, 2), nn.CrossEntropyLoss(), SHAPE, K, clip_values=(0.0, 1.0))
    with pytest.raises(ValueError, match="expected a convolution that feeds a rectifier"):
        StepContributionPruning(given)(CLEAN[0], y=CLEAN[1])
