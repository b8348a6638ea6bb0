"""Adversarial neuron pruning: masks that learn against perturbed channels, of every learning rule."""

import numpy as np
import pytest
import torch

from art_snn.defences._convolution_units import units
from art_snn.defences._pruning import lowest
from art_snn.defences._scaled_channels import ScaledChannels
from art_snn.defences.transformer import AdversarialNeuronPruning
from art_snn.estimators.classification import rule_of
from tests.backdoored import trained
from tests.eliminating import ALL_KINDS, CLEAN


def _silent(classifier: object) -> list[int]:
    return [int((unit.conv.weight.flatten(1).abs().sum(1) == 0).sum()) for unit in units(classifier)]


@pytest.mark.parametrize("kind", ["ann", "lif"])
def test_scaled_channels_are_those_of_scaled_norms(kind: str) -> None:
    given = rule_of(trained(kind)).copied().classifier
    found, rng = units(given), np.random.default_rng(0)
    masks = [torch.tensor(rng.random(unit.conv.out_channels), dtype=torch.float32) for unit in found]
    noise = [torch.tensor(rng.uniform(-0.4, 0.4, (2, len(mask))), dtype=torch.float32) for mask in masks]
    x = torch.tensor(CLEAN[0])
    with torch.no_grad():
        scaled = ScaledChannels(given, found)(x, masks, noise)
        for unit, mask, (of_weight, of_bias) in zip(found, masks, noise, strict=True):
            unit.norm.weight *= mask + of_weight
            unit.norm.bias *= 1 + of_bias
        assert torch.allclose(given.model(x), scaled, atol=1e-5)


def test_scaled_channels_without_norm_are_those_of_scaled_kernels() -> None:
    given = rule_of(trained("hybrid")).copied().classifier
    found = units(given)
    masks = [torch.linspace(0, 1, unit.conv.out_channels) for unit in found]
    x = torch.tensor(CLEAN[0])
    with torch.no_grad():
        scaled = ScaledChannels(given, found)(x, masks)
        for unit, mask in zip(found, masks, strict=True):
            unit.conv.weight *= mask[:, None, None, None]
        assert torch.allclose(given.model(x), scaled, atol=1e-5)


@ALL_KINDS
def test_the_share_of_all_channels_is_silenced(kind: str) -> None:
    new = AdversarialNeuronPruning(trained(kind), share=0.25, mask_epochs=1, nb_epochs=0)(CLEAN[0], y=CLEAN[1])
    assert sum(_silent(new)) == 24 // 4


def test_the_threshold_bounds_the_masks_that_are_silenced() -> None:
    none, all_of_them = (
        AdversarialNeuronPruning(
            trained("ann"), threshold=threshold, mask_epochs=1, nb_epochs=0, mask_learning_rate=1e-6
        )
        for threshold in (0.9, 1.0)
    )
    assert _silent(none(CLEAN[0], y=CLEAN[1])) == [0, 0]
    assert _silent(all_of_them(CLEAN[0], y=CLEAN[1])) == [8, 16]


def test_a_channel_that_only_a_perturbation_wakes_is_the_first_to_go() -> None:
    """Its input is 0 on clean samples; a bias below 0 keeps it shut, and the rest of the network dreads it."""
    given = rule_of(trained("ann")).copied().classifier
    unit = units(given)[-1]
    with torch.no_grad():
        unit.conv.weight[5].zero_()
        unit.norm.running_mean[5], unit.norm.bias[5], unit.norm.weight[5] = -1.0, -1.05, 1.0
        unit.norm.running_var[5] = 1 - unit.norm.eps
        given.model.fc1.weight[:, 5 * 16 : 6 * 16] = given.model.fc1.weight.abs().max() * 3
    defence = AdversarialNeuronPruning(given, share=0.05, mask_epochs=20, nb_epochs=0, batch_size=20)
    new = defence(CLEAN[0], y=CLEAN[1])
    assert units(new)[-1].norm.weight[5] == 0
    assert _silent(new)[0] == 0


def test_the_lowest_of_all_units_are_found_together() -> None:
    first, second = units(trained("ann"))
    found = lowest({first: np.arange(8.0), second: np.arange(16.0) - 2.5}, 0.25)
    assert {unit.name: list(rows) for unit, rows in found.items()} == {"conv1": [0, 1], "conv2": [0, 1, 2, 3]}


def test_labels_are_needed() -> None:
    with pytest.raises(ValueError, match="expected clean samples x and their labels y"):
        AdversarialNeuronPruning(trained("ann"))(CLEAN[0])
