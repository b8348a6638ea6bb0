"""Eliminations make a new classifier with less of the backdoor, and leave the one given alone."""

import copy
import functools
import math
import pickle
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch
from art.defences.trainer import Trainer
from art.defences.transformer import Transformer
from art.estimators.classification import PyTorchClassifier
from spikingjelly.activation_based import functional, layer, neuron
from torch import nn

from art_snn import testing as laws
from art_snn._random import host_seed
from art_snn.attacks.poisoning import TriggerBackdoor
from art_snn.defences._convolution_units import units
from art_snn.defences.trainer import CleanFineTuning, SharpnessAwareFineTuning
from art_snn.defences.transformer import (
    AdversarialNeuronPruning,
    ChannelLipschitzPruning,
    DendriteClamping,
    FinePruning,
    StepContributionPruning,
)
from art_snn.estimators.classification import SpikingClassifier, SpikingModule, rule_of
from art_snn.evaluations.elimination import EliminationEvaluation, eliminate
from art_snn.evaluations.resource_use import measured_cost
from art_snn.models import build
from tests.backdoored import SHAPE, TARGET, TRIGGER, K, trained
from tests.eliminating import ALL_KINDS, CLEAN, TEST, rates

DEFENCES: dict[str, Callable[[PyTorchClassifier], Transformer | Trainer]] = {
    "fine-tuning": partial(CleanFineTuning, nb_epochs=2, batch_size=8),
    "sharpness-aware": partial(SharpnessAwareFineTuning, nb_epochs=2, batch_size=8, schedule="cosine"),
    "fine-pruning": partial(FinePruning, nb_epochs=2, batch_size=8),
    "adversarial pruning": partial(AdversarialNeuronPruning, share=0.25, mask_epochs=2, nb_epochs=1, batch_size=20),
    "step pruning": partial(StepContributionPruning, nb_epochs=1, batch_size=20),
    "pruning": partial(FinePruning, nb_epochs=0),
    "lipschitz": partial(ChannelLipschitzPruning, u=1.0),
    "clamping": partial(DendriteClamping, nb_epochs=2, batch_size=20),
    "clamping suspects": partial(DendriteClamping, target_class=TARGET, nb_epochs=2, batch_size=20),
}
_ARRAY_BYTES = 96_000  # below what the allocator maps by itself
ALL_DEFENCES = pytest.mark.parametrize("name", DEFENCES)


def eliminated(name: str, given: PyTorchClassifier) -> PyTorchClassifier:
    return eliminate(DEFENCES[name](given), *CLEAN)


@functools.cache
def eliminated_from(kind: str, name: str) -> PyTorchClassifier:
    """Shared by several tests: nobody may change it."""
    return eliminated(name, trained(kind))


@ALL_KINDS
def test_the_toy_backdoor_works(kind: str) -> None:
    found = rates(trained(kind))
    assert min(found) >= 0.9, found


@ALL_KINDS
@ALL_DEFENCES
def test_a_new_classifier_of_the_same_type_comes_out(name: str, kind: str) -> None:
    laws.check_elimination_gives_a_new_classifier(lambda _: eliminated_from(kind, name), trained(kind))


@ALL_KINDS
@ALL_DEFENCES
def test_the_classifier_given_stays_as_it_is(name: str, kind: str) -> None:
    laws.check_elimination_leaves_the_given_alone(partial(eliminated, name), trained(kind))


@pytest.mark.parametrize("kind", ["ann", "lif"])
@ALL_DEFENCES
def test_the_mode_is_kept(name: str, kind: str) -> None:
    laws.check_elimination_keeps_the_mode(partial(eliminated, name), trained(kind))


@pytest.mark.parametrize("kind", ["ann", "hybrid"])
@ALL_DEFENCES
def test_one_seed_gives_one_classifier(name: str, kind: str) -> None:
    laws.check_elimination_repeats_itself(partial(eliminated, name), trained(kind))


@ALL_KINDS
@ALL_DEFENCES
def test_the_new_network_is_reset_as_the_old_one_was(name: str, kind: str) -> None:
    new = eliminated_from(kind, name)
    with host_seed(0):
        laws.check_answers_alike_twice(new, TEST[0])
        laws.check_ignores_batch_size(new, TEST[0])


@ALL_KINDS
def test_a_copy_keeps_the_optimisers_kind_and_settings(kind: str) -> None:
    given = rule_of(trained(kind)).copied().classifier
    given._optimizer = torch.optim.AdamW(given.model.parameters(), lr=0.125, weight_decay=0.5)
    new = rule_of(given).copied().classifier.optimizer
    assert type(new) is torch.optim.AdamW
    assert (new.param_groups[0]["lr"], new.param_groups[0]["weight_decay"]) == (0.125, 0.5)


def test_a_copy_of_arts_class_leaves_no_files_behind(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    from art import config

    monkeypatch.setattr(config, "ART_DATA_PATH", str(tmp_path))
    given = rule_of(trained("ann")).copied().classifier
    with host_seed(0):
        given.get_activations(TEST[0], layer=0)
    rule_of(given).copied()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["lif", "converted", "hybrid"])  # ART's own class leaves files behind
@ALL_DEFENCES
def test_the_new_classifier_can_be_pickled_and_trained(name: str, kind: str) -> None:
    new = eliminated_from(kind, name)
    again = pickle.loads(pickle.dumps(new))  # noqa: S301 - made by this test
    assert np.array_equal(again.predict(TEST[0]), new.predict(TEST[0]))
    fit = again.fit_snn if kind == "hybrid" else again.fit
    if kind == "converted" and name.startswith("clamping"):
        fit = again.fit_ann
    fit(*CLEAN, nb_epochs=1)


@pytest.mark.parametrize("kind", ["converted", "hybrid"])
@pytest.mark.parametrize("target_class", [None, TARGET])
def test_a_clamped_network_is_not_converted_anew(kind: str, target_class: int | None) -> None:
    clamped = DendriteClamping(trained(kind), target_class=target_class, nb_epochs=1)(CLEAN[0])
    ann = copy.deepcopy(clamped.ann.model.state_dict())
    for again in (partial(clamped.fit, *CLEAN), partial(clamped.convert, CLEAN[0]), clamped.reset):
        with pytest.raises(ValueError, match="expected a spiking network as it was converted"):
            again()
    assert all(torch.equal(value, ann[name]) for name, value in clamped.ann.model.state_dict().items())


@ALL_KINDS
def test_a_clamped_network_can_be_pruned(kind: str) -> None:
    clamped = DendriteClamping(trained(kind), nb_epochs=1)(CLEAN[0])
    pruned = units(FinePruning(clamped, nb_epochs=0)(CLEAN[0]))[-1].conv.weight.flatten(1).abs().sum(1)
    assert (pruned == 0).sum() == len(pruned) // 2


def test_a_residual_sum_leaves_a_convolution_without_neurons_of_its_own() -> None:
    net = build("resnet18", in_channels=1, nb_classes=K, neuron="lif", width=0.05)
    given = SpikingClassifier(SpikingModule(net, 2), nn.CrossEntropyLoss(), SHAPE, K, clip_values=(0.0, 1.0))
    found = {unit.name: unit for unit in units(given)}
    alone = [name for name, unit in found.items() if unit.activation is not None]
    assert all(unit.norm is not None for unit in found.values())
    assert len(found) == 20
    assert len(alone) == 9  # the stem's and the first of each of eight blocks
    pruned = FinePruning(given, nb_epochs=0)(CLEAN[0])
    silent = {unit.name: (unit.conv.weight.flatten(1).abs().sum(1) == 0).sum() for unit in units(pruned)}
    assert [name for name, n in silent.items() if n] == [alone[-1]]


@pytest.mark.parametrize("step_mode", ["s", "m"])
def test_a_users_network_without_norm_can_be_pruned(step_mode: str) -> None:
    with host_seed(0):
        conv, linear = layer.Conv2d(1, 4, 3), layer.Linear(4 * 36, K)
    net = nn.Sequential(conv, neuron.IFNode(), layer.Flatten(), linear)
    functional.set_step_mode(net, step_mode)
    given = SpikingClassifier(SpikingModule(net, 2), nn.CrossEntropyLoss(), SHAPE, K, clip_values=(0.0, 1.0))
    pruned = FinePruning(given, nb_epochs=1)(CLEAN[0], y=CLEAN[1])
    assert (pruned.model.net[0].weight.flatten(1).abs().sum(1) == 0).sum() == 2
    assert not pruned.model.net[0].bias[pruned.model.net[0].weight.flatten(1).abs().sum(1) == 0].any()


def test_an_evaluation_measures_before_and_after() -> None:
    given = trained("lif")
    defences = {"nothing": partial(FinePruning, share=0.0, nb_epochs=0), "fine-pruning": DEFENCES["fine-pruning"]}
    attack = TriggerBackdoor(TRIGGER, TARGET)
    evaluation = EliminationEvaluation(attack, {"lif": given}, defences)
    nothing, pruned = evaluation.evaluate(*CLEAN, *TEST, verbose=False)
    assert (nothing.accuracy_before, nothing.asr_before) == rates(given)
    assert (nothing.der, nothing.rir) == (0.5, 0.5)
    assert (pruned.accuracy_after, pruned.asr_after) == rates(evaluation.defended["lif", "fine-pruning"])
    lost = max(0, pruned.accuracy_before - pruned.accuracy_after)
    assert pruned.der == pytest.approx((max(0, pruned.asr_before - pruned.asr_after) - lost + 1) / 2)
    gained = max(0, pruned.robust_accuracy_after - pruned.robust_accuracy_before)
    assert pruned.rir == pytest.approx((gained - lost + 1) / 2)
    assert pruned.n_asr == (TEST[1] != TARGET).sum()
    assert (pruned.model, pruned.defence) == ("lif", "fine-pruning")
    assert pruned.seconds > 0


def test_the_peak_of_memory_is_that_of_the_block_whatever_was_freed_before() -> None:
    """Small arrays freed between others that stay leave holes, which C's allocator keeps and uses again."""
    kept = []
    for megabytes in (96, 32, 64):
        n_arrays = megabytes * 2**20 // _ARRAY_BYTES
        with measured_cost() as cost:
            work = [np.ones(_ARRAY_BYTES, np.uint8) for _ in range(n_arrays)]
        if math.isnan(cost.peak_memory):
            pytest.skip("this system does not tell a process's peak of memory")
        assert cost.peak_memory == pytest.approx(megabytes * 2**20, rel=0.25)
        kept += work[::8]  # nothing at the end of the heap can be given back
        del work


@pytest.mark.parametrize("defence", [FinePruning, DendriteClamping])
def test_clean_samples_are_needed(defence: type) -> None:
    with pytest.raises(ValueError, match="expected clean samples x"):
        defence(trained("lif"))()


def test_a_network_without_convolutions_is_refused() -> None:
    with host_seed(0):
        net = nn.Sequential(layer.Flatten(), layer.Linear(64, 8), neuron.IFNode(), layer.Linear(8, K))
    functional.set_step_mode(net, "m")
    given = SpikingClassifier(SpikingModule(net, 2), nn.CrossEntropyLoss(), SHAPE, K, clip_values=(0.0, 1.0))
    for defence in (FinePruning, DendriteClamping):
        with pytest.raises(ValueError, match=r"expected a .*convolution"):
            defence(given)(*CLEAN[:1], y=CLEAN[1])


def test_an_unknown_layer_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"expected layer to be one of 'net\.conv1', 'net\.conv2', got 'conv7'"):
        FinePruning(trained("lif"), layer="conv7")(CLEAN[0], y=CLEAN[1])


def test_an_ann_has_no_voltage() -> None:
    with pytest.raises(ValueError, match="expected a spiking neuron for quantity='voltage', got ReLU"):
        FinePruning(trained("ann"), quantity="voltage")(CLEAN[0], y=CLEAN[1])


def test_labels_must_be_as_many_as_samples() -> None:
    for make in (CleanFineTuning, SharpnessAwareFineTuning, FinePruning, AdversarialNeuronPruning):
        defence = make(trained("lif"))
        with pytest.raises(ValueError, match="expected as many y as x"):
            eliminate(defence, CLEAN[0], CLEAN[1][1:])


@pytest.mark.parametrize(
    "defence", [CleanFineTuning, SharpnessAwareFineTuning, FinePruning, AdversarialNeuronPruning, DendriteClamping]
)
def test_samples_must_be_finite(defence: Callable[[PyTorchClassifier], Transformer | Trainer]) -> None:
    x = CLEAN[0].copy()
    x[3, 0, 2, 2] = np.nan
    with pytest.raises(ValueError, match="expected x to be finite"):
        eliminate(defence(trained("ann")), x, CLEAN[1])


@pytest.mark.parametrize(
    ("defence", "name", "value"),
    [
        (CleanFineTuning, "learning_rate", 0.0),
        (CleanFineTuning, "batch_size", 0),
        (CleanFineTuning, "nb_epochs", 0),
        (CleanFineTuning, "schedule", "linear"),
        (SharpnessAwareFineTuning, "rho", -1.0),
        (SharpnessAwareFineTuning, "eta", 0.0),
        (FinePruning, "share", 1.5),
        (FinePruning, "quantity", "current"),
        (FinePruning, "nb_epochs", -1),
        (AdversarialNeuronPruning, "threshold", 1.5),
        (AdversarialNeuronPruning, "alpha", -0.5),
        (AdversarialNeuronPruning, "epsilon", 0.0),
        (AdversarialNeuronPruning, "mask_epochs", 0),
        (ChannelLipschitzPruning, "u", 0.0),
        (DendriteClamping, "reach", -1.0),
        (DendriteClamping, "n_layers", 0),
        (DendriteClamping, "target_class", -1),
        (DendriteClamping, "target_class", K),
        (DendriteClamping, "target_class", "detected"),
    ],
)
def test_values_out_of_range_are_refused(defence: Callable[..., object], name: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"expected {name} to be"):
        defence(trained("ann"), **{name: value})
