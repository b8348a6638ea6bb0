"""Clamps in a network, and the suspects that a second network decides on."""

import numpy as np
import pytest
import torch
from spikingjelly.activation_based import functional, layer, neuron
from torch import nn

from art_snn._random import host_seed
from art_snn.defences._clamped_layers import Clamped, Rechecked
from art_snn.defences.detector import MembranePotentialDefence, ModelReport
from art_snn.defences.transformer import DendriteClamping, FinePruning
from art_snn.estimators.classification import SpikingClassifier, SpikingModule, rule_of
from tests.backdoored import SHAPE, TARGET, K, trained
from tests.eliminating import CLEAN, TEST, rates


class Twice(nn.Module):
    """Makes (N, 1, 1, 1) of (N, 1, 1, 1), with or without time."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 2 * x


@pytest.mark.parametrize("pieces", [[3], [1, 2], [2, 1]])
def test_a_clamp_knows_the_time_step_in_any_pieces_of_time(pieces: list[int]) -> None:
    clamp = Clamped(Twice(), torch.tensor([[0.0], [1.0], [-9.0]]), torch.tensor([[5.0], [3.0], [-8.0]]))
    x = torch.tensor([-1.0, 4.0, 0.0]).reshape(3, 1, 1, 1, 1)
    for _ in range(2):
        clamped = torch.cat([clamp(piece) for piece in torch.split(x, pieces)])
        assert clamped.flatten().tolist() == [0.0, 3.0, -8.0]
        functional.reset_net(clamp)


def test_a_clamp_takes_single_steps_and_its_last_bounds_hold_on() -> None:
    clamp = Clamped(Twice(), torch.tensor([[0.0], [1.0]]), torch.tensor([[5.0], [3.0]]), "s")
    assert [clamp(torch.full((1, 1, 1, 1), value)).item() for value in (4.0, 4.0, 0.0, 4.0)] == [5.0, 3.0, 1.0, 3.0]


def test_bounds_shrink_until_clean_samples_would_notice() -> None:
    given = trained("lif")
    clamped = DendriteClamping(given, reach=2.0, penalty=0.1, nb_epochs=20)(CLEAN[0])
    bounds = [m for m in clamped.model.modules() if isinstance(m, Clamped)]
    assert [m.low.shape for m in bounds] == [(3, 8), (3, 16)]
    assert all((m.high - m.low).mean() < 2 for m in bounds)
    assert rates(clamped)[0] >= 0.95


@pytest.mark.parametrize("readout", ["mean", "sum", "last"])
def test_suspects_are_decided_by_the_second_network(readout: str) -> None:
    class Fixed(nn.Module):
        def __init__(self, outputs: list[list[float]]) -> None:
            super().__init__()
            self.outputs = torch.tensor(outputs)  # (T, K), of samples that are 1; the negative of others

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x[..., None] * self.outputs[:, None]

    first, second = Fixed([[0.0, 3.0], [1.0, 0.0]]), Fixed([[7.0, 8.0], [7.0, 8.0]])
    x = torch.tensor([[1.0, -1.0], [1.0, -1.0]])  # (T, N)
    logits = Rechecked(first, second, suspect_class=1, readout=readout)(x)
    suspect, other = (1, 0) if readout == "last" else (0, 1)
    assert torch.equal(logits[:, suspect], second(x)[:, suspect])
    assert torch.equal(logits[:, other], first(x)[:, other])


def test_only_samples_taken_for_the_class_are_decided_anew() -> None:
    given = trained("ann")
    with host_seed(0):
        before = given.predict(TEST[0])
        after = DendriteClamping(given, target_class=TARGET, penalty=10.0)(CLEAN[0]).predict(TEST[0])
    others = before.argmax(1) != TARGET
    assert np.allclose(after[others], before[others], atol=1e-4)
    assert not np.allclose(after[~others], before[~others], atol=1e-2)


@pytest.mark.parametrize(("accused", "decided_anew"), [(True, True), (False, False)])
def test_the_detector_can_name_the_class(accused: bool, decided_anew: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def report(_self: object) -> ModelReport:
        return ModelReport(accused, TARGET, None, np.zeros(K))

    monkeypatch.setattr(MembranePotentialDefence, "detect_backdoor", report)
    new = DendriteClamping(trained("lif"), target_class="detect", nb_epochs=1)(CLEAN[0])
    assert isinstance(new.model.net, Rechecked) is decided_anew


def test_a_single_step_network_cannot_look_twice() -> None:
    given = rule_of(trained("lif")).copied().classifier
    functional.set_step_mode(given.model.net, "s")
    assert rates(DendriteClamping(given, nb_epochs=1, reach=100.0)(CLEAN[0])) == rates(given)
    with pytest.raises(ValueError, match="expected a multi-step network for target_class"):
        DendriteClamping(given, target_class=TARGET)(CLEAN[0])


def test_layers_bear_the_names_of_the_new_structure() -> None:
    new = DendriteClamping(trained("lif"), target_class=TARGET, nb_epochs=1)(CLEAN[0])
    assert new.layer_names == [f"net.{which}.act{n}" for which in ("first", "second") for n in (1, 2, 3)]
    assert {len(found) for found in new.get_activations(TEST[0], new.layer_names)} == {len(TEST[0])}


def test_a_clamped_network_no_longer_claims_to_be_what_its_recipe_builds() -> None:
    assert trained("lif").model.net.recipe is not None
    assert DendriteClamping(trained("lif"), nb_epochs=1)(CLEAN[0]).model.net.recipe is None


def in_container(*behind: nn.Module) -> SpikingClassifier:
    """Convolution and norm, as users of spikingjelly put them into a container that merges time and batch."""
    with host_seed(0):
        conv, linear = nn.Conv2d(1, 4, 3), layer.Linear(4 * 36, K, step_mode="m")
    container = layer.SeqToANNContainer(conv, nn.BatchNorm2d(4), *behind)
    net = nn.Sequential(container, neuron.IFNode(step_mode="m"), layer.Flatten(step_mode="m"), linear)
    return SpikingClassifier(SpikingModule(net, 3), nn.CrossEntropyLoss(), SHAPE, K, clip_values=(0.0, 1.0))


def test_layers_in_a_container_are_clamped_and_pruned_as_others_are() -> None:
    given = in_container()
    wide = DendriteClamping(given, nb_epochs=1, reach=1000.0)(CLEAN[0])
    (clamp,) = (module for module in wide.model.modules() if isinstance(module, Clamped))
    assert clamp.low.shape == (3, 4)
    assert np.array_equal(wide.predict(TEST[0]), given.predict(TEST[0]))
    pruned = FinePruning(given, nb_epochs=1)(CLEAN[0], y=CLEAN[1])
    assert (pruned.model.net[0][0].weight.flatten(1).abs().sum(1) == 0).sum() == 2


def test_a_layer_with_more_behind_it_in_its_container_cannot_be_clamped() -> None:
    with pytest.raises(ValueError, match=r"expected 'net\.0\.0', or its norm, to end its container"):
        DendriteClamping(in_container(nn.Dropout(0.1)))(CLEAN[0])
