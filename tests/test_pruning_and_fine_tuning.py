"""Fine-tuning, fine-pruning and channel-Lipschitz pruning, of every learning rule."""

import copy
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from art.defences.trainer import Trainer
from art.defences.transformer import Transformer
from art.estimators.classification import PyTorchClassifier
from torch import nn

from art_snn import testing as laws
from art_snn._random import host_seed
from art_snn.defences._convolution_units import units
from art_snn.defences.trainer import CleanFineTuning, SharpnessAwareFineTuning
from art_snn.defences.transformer import ChannelLipschitzPruning, FinePruning
from art_snn.defences.transformer.channel_lipschitz_pruning import lipschitz_constants
from art_snn.defences.transformer.fine_pruning import channel_activity
from art_snn.estimators.classification import SpikingModule, rule_of
from art_snn.evaluations.elimination import eliminate
from tests.backdoored import SHAPE, K, trained
from tests.eliminating import ALL_KINDS, CLEAN, TEST, rates


@pytest.mark.slow
@ALL_KINDS
@pytest.mark.parametrize("defence", [CleanFineTuning, SharpnessAwareFineTuning, FinePruning])
def test_training_on_clean_samples_takes_much_of_the_backdoor_and_little_accuracy(
    defence: Callable[..., Transformer | Trainer], kind: str
) -> None:
    new = eliminate(defence(trained(kind), learning_rate=5e-3, batch_size=8), *CLEAN)
    laws.check_elimination_keeps_accuracy(lambda _: new, trained(kind), *TEST, bound=0.02)
    assert rates(new)[1] <= 0.7


@pytest.mark.parametrize("quantity", ["spikes", "voltage"])
def test_the_least_active_channels_are_pruned(quantity: str) -> None:
    given = trained("lif")
    activity = given.get_activations(CLEAN[0], "net.act2", quantity=quantity, flatten=False).mean(axis=(0, 2, 3))
    new = FinePruning(given, share=0.25, quantity=quantity, nb_epochs=0)(CLEAN[0])
    silent = new.get_activations(TEST[0], "net.act2", flatten=False).max(axis=(0, 2, 3)) == 0
    weights = new.model.net.conv2.weight.flatten(1).abs().sum(1).detach().numpy()
    assert set(np.flatnonzero(weights == 0)) == set(np.argsort(activity, kind="stable")[: len(activity) // 4])
    assert silent[weights == 0].all()


def test_activity_is_the_mean_over_samples_time_and_pixels_in_any_batches() -> None:
    given = rule_of(trained("ann")).copied().classifier
    given.model.eval()
    seen: list[torch.Tensor] = []
    handle = given.model.act2.register_forward_hook(lambda _module, _inputs, output: seen.append(output))
    with torch.no_grad():
        given.model(torch.tensor(CLEAN[0]))
    handle.remove()
    found = channel_activity(given, units(given)[-1], CLEAN[0], "spikes", batch_size=7)
    assert found == pytest.approx(seen[0].mean(dim=(0, 2, 3)).numpy(), rel=1e-5)


def test_activity_is_the_same_where_predictions_take_few_samples_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    given = trained("lif")
    whole = channel_activity(given, units(given)[-1], CLEAN[0], "spikes", batch_size=7)
    monkeypatch.setattr(SpikingModule, "samples_at_once", lambda *_: 3)
    assert channel_activity(given, units(given)[-1], CLEAN[0], "spikes", batch_size=7) == pytest.approx(whole, rel=1e-6)


@pytest.mark.parametrize("n_channels", [4, 6])
@pytest.mark.parametrize("inplace", [False, True])
def test_a_rectifier_that_serves_two_layers_tells_each_ones_activity(n_channels: int, inplace: bool) -> None:
    class Shared(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.c1, self.c2 = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, n_channels, 3, padding=1)
            self.r, self.f = nn.ReLU(inplace), nn.Linear(n_channels * 64, K)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.f(self.r(self.c2(self.r(self.c1(x)))).flatten(1))

    with host_seed(0):
        net = Shared()
    given = PyTorchClassifier(net, nn.CrossEntropyLoss(), SHAPE, K, clip_values=(0.0, 1.0))
    with torch.no_grad():
        first = net.c1(torch.tensor(CLEAN[0])).relu()
        activity = net.c2(first).relu().mean(dim=(0, 2, 3)).numpy()
    found = units(given)
    assert [unit.name for unit in found if unit.activation is net.r] == ["c1", "c2"]
    assert channel_activity(given, found[0], CLEAN[0], "spikes", 7) == pytest.approx(
        first.mean(dim=(0, 2, 3)).numpy(), rel=1e-5
    )
    assert channel_activity(given, found[1], CLEAN[0], "spikes", 7) == pytest.approx(activity, rel=1e-5)
    pruned = FinePruning(given, nb_epochs=0)(CLEAN[0]).model.c2.weight.flatten(1).abs().sum(1) == 0
    assert set(torch.nonzero(pruned).flatten().tolist()) == set(np.argsort(activity)[: n_channels // 2])


@ALL_KINDS
def test_pruned_channels_stay_silent_in_fine_tuning(kind: str) -> None:
    pruned = FinePruning(trained(kind), nb_epochs=0)(CLEAN[0])
    tuned = FinePruning(trained(kind), batch_size=8, nb_epochs=2)(CLEAN[0], y=CLEAN[1])
    before, after = (units(classifier)[-1].conv.weight.flatten(1).abs().sum(1) for classifier in (pruned, tuned))
    assert (before == 0).sum() == len(before) // 2
    assert torch.equal(before == 0, after == 0)


def test_pruning_a_converted_network_prunes_its_ann() -> None:
    pruned = FinePruning(trained("converted"), nb_epochs=0)(CLEAN[0])
    silent = units(pruned)[-1].conv.weight.flatten(1).abs().sum(1) == 0
    assert torch.equal(pruned.ann.model.conv2.weight.flatten(1).abs().sum(1) == 0, silent)
    with torch.no_grad():
        outputs = pruned.ann.model.norm2(pruned.ann.model.conv2(torch.ones(2, 8, 4, 4)))
    assert not outputs[:, silent].any()


def test_fine_tuning_a_converted_classifier_trains_its_ann_and_converts_again() -> None:
    given = trained("converted")
    tuned = eliminate(CleanFineTuning(given, nb_epochs=1), *CLEAN)
    assert not torch.equal(tuned.ann.model.fc1.weight, given.ann.model.fc1.weight)
    assert torch.equal(tuned.ann.model.fc1.weight, tuned.model.net.fc1.weight)
    again = copy.deepcopy(tuned)
    again.convert(CLEAN[0])
    assert tuned.thresholds == again.thresholds


def test_a_hybrid_classifier_can_be_converted_afresh_first() -> None:
    given = trained("hybrid")
    plain, afresh = (eliminate(CleanFineTuning(given, nb_epochs=1, recalibrate=r), *CLEAN) for r in (False, True))
    converted = copy.deepcopy(given)
    converted.convert(CLEAN[0])
    assert plain.thresholds == given.thresholds
    assert afresh.thresholds == converted.thresholds != given.thresholds


@pytest.mark.parametrize("defence", [CleanFineTuning, SharpnessAwareFineTuning])
def test_a_hybrid_classifier_can_be_retrained_from_its_ann(defence: type[CleanFineTuning]) -> None:
    given = trained("hybrid")
    last, whole = (eliminate(defence(given, nb_epochs=1, retrain=r), *CLEAN) for r in (False, True))
    assert torch.equal(last.ann.model.fc1.weight, given.ann.model.fc1.weight)
    assert not torch.equal(whole.ann.model.fc1.weight, given.ann.model.fc1.weight)
    assert whole.thresholds != last.thresholds == given.thresholds
    assert [new.snn_optimizer.param_groups[0]["lr"] for new in (last, whole)] == [2e-3, given.learning_rate]


def test_fine_tuning_begins_without_the_optimisers_memory() -> None:
    given = rule_of(trained("lif")).copied().classifier
    eliminate(CleanFineTuning(given, nb_epochs=1), *CLEAN)
    remembers = eliminate(CleanFineTuning(given, nb_epochs=1), *CLEAN)
    given.optimizer.state.clear()
    forgets = eliminate(CleanFineTuning(given, nb_epochs=1), *CLEAN)
    assert torch.equal(remembers.model.net.fc1.weight, forgets.model.net.fc1.weight)


def test_fine_tuning_twice_starts_from_the_one_given() -> None:
    trainer = CleanFineTuning(trained("lif"), nb_epochs=1)
    assert trainer.get_classifier() is trained("lif")
    trainer.fit(*CLEAN)
    first = trainer.get_classifier()
    trainer.fit(*CLEAN)
    assert trainer.get_classifier() is not first
    assert torch.equal(trainer.get_classifier().model.net.fc1.weight, first.model.net.fc1.weight)


def test_lipschitz_constants_are_largest_singular_values_times_the_norms_factor() -> None:
    for unit in units(trained("ann")):
        norm = unit.norm
        for channel, constant in enumerate(lipschitz_constants(unit)):
            kernel = unit.conv.weight[channel].detach().numpy()
            largest = np.linalg.svd(kernel.reshape(len(kernel), -1), compute_uv=False)[0]
            factor = abs(norm.weight[channel].item()) / math.sqrt(norm.running_var[channel].item() + norm.eps)
            assert constant == pytest.approx(largest * factor, rel=1e-5)


def test_a_folded_norm_gives_the_same_constants() -> None:
    given = trained("converted")
    for unit, source in zip(units(given), units(given.ann), strict=True):
        assert unit.norm is None
        assert lipschitz_constants(unit) == pytest.approx(lipschitz_constants(source), rel=1e-4)


@pytest.mark.parametrize("kind", ["ann", "converted"])
def test_outliers_among_the_channels_are_pruned_without_data(kind: str) -> None:
    given = rule_of(trained(kind)).copied().classifier
    with torch.no_grad():
        units(given)[0].conv.weight[3] *= 50
    pruned = units(ChannelLipschitzPruning(given, u=2.0)())[0].conv.weight.flatten(1).abs().sum(1)
    assert torch.nonzero(pruned == 0).flatten().tolist() == [3]
