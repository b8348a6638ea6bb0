"""Eliminations make a new classifier with less of the backdoor, and leave the one given alone."""

import copy
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
from art_snn.defences._clamped_layers import Clamped, Rechecked
from art_snn.defences._convolution_units import units
from art_snn.defences._copying import copy_of
from art_snn.defences.detector import MembranePotentialDefence, ModelReport
from art_snn.defences.trainer import CleanFineTuning
from art_snn.defences.transformer import ChannelLipschitzPruning, DendriteClamping, FinePruning
from art_snn.defences.transformer.channel_lipschitz_pruning import lipschitz_constants
from art_snn.defences.transformer.fine_pruning import channel_activity
from art_snn.estimators.classification import SpikingClassifier, SpikingModule
from art_snn.evaluations.cost import measured_cost
from art_snn.evaluations.elimination import EliminationEvaluation, eliminate
from art_snn.metrics import accuracy, attack_success_rate
from art_snn.models import build
from tests.backdoored import KINDS, SHAPE, TARGET, TRIGGER, K, bars, trained

CLEAN = bars(40, seed=2)
TEST = bars(80, seed=1)
DEFENCES: dict[str, Callable[[PyTorchClassifier], Transformer | Trainer]] = {
    "fine-tuning": partial(CleanFineTuning, nb_epochs=2, batch_size=8),
    "fine-pruning": partial(FinePruning, nb_epochs=2, batch_size=8),
    "pruning": partial(FinePruning, nb_epochs=0),
    "lipschitz": partial(ChannelLipschitzPruning, u=1.0),
    "clamping": partial(DendriteClamping, nb_epochs=2, batch_size=20),
    "clamping suspects": partial(DendriteClamping, target_class=TARGET, nb_epochs=2, batch_size=20),
}
_ARRAY_BYTES = 96_000  # below what the allocator maps by itself
ALL_KINDS = pytest.mark.parametrize("kind", KINDS)
ALL_DEFENCES = pytest.mark.parametrize("name", DEFENCES)


def eliminated(name: str, given: PyTorchClassifier) -> PyTorchClassifier:
    return eliminate(DEFENCES[name](given), *CLEAN)


def rates(classifier: PyTorchClassifier) -> tuple[float, float]:
    """Accuracy and attack success rate."""
    x, y = TEST
    with host_seed(0):
        return accuracy(y, classifier.predict(x)), attack_success_rate(y, classifier.predict(TRIGGER(x)), TARGET)


# --- laws -----------------------------------------------------------------------------------------------------------


@ALL_KINDS
def test_the_toy_backdoor_works(kind: str) -> None:
    found = rates(trained(kind))
    assert min(found) >= 0.9, found


@ALL_KINDS
@ALL_DEFENCES
def test_a_new_classifier_of_the_same_type_comes_out(name: str, kind: str) -> None:
    laws.check_elimination_gives_a_new_classifier(partial(eliminated, name), trained(kind))


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
    new = eliminated(name, trained(kind))
    with host_seed(0):
        laws.check_answers_alike_twice(new, TEST[0])
        laws.check_ignores_batch_size(new, TEST[0])


@ALL_DEFENCES
def test_parameters_are_the_constructors(name: str) -> None:
    laws.check_elimination_params(DEFENCES[name](trained("ann")))


# --- what each of them does -----------------------------------------------------------------------------------------


@pytest.mark.slow
@ALL_KINDS
@pytest.mark.parametrize("defence", [CleanFineTuning, FinePruning])
def test_training_on_clean_samples_takes_much_of_the_backdoor_and_little_accuracy(
    defence: Callable[..., Transformer | Trainer], kind: str
) -> None:
    make = partial(defence, learning_rate=5e-3, batch_size=8)
    laws.check_elimination_keeps_accuracy(
        lambda given: eliminate(make(given), *CLEAN), trained(kind), *TEST, bound=0.02
    )
    _, asr = rates(eliminate(make(trained(kind)), *CLEAN))
    assert asr <= 0.7


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
    given = trained("ann")
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


def test_fine_tuning_begins_without_the_optimisers_memory() -> None:
    given = copy_of(trained("lif"))
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
    given = copy_of(trained(kind))
    with torch.no_grad():
        units(given)[0].conv.weight[3] *= 50
    pruned = units(ChannelLipschitzPruning(given, u=2.0)())[0].conv.weight.flatten(1).abs().sum(1)
    assert torch.nonzero(pruned == 0).flatten().tolist() == [3]


# --- clamps ---------------------------------------------------------------------------------------------------------


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
    given = copy_of(trained("lif"))
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


# --- copies and units -----------------------------------------------------------------------------------------------


@ALL_KINDS
def test_a_copy_keeps_the_optimisers_kind_and_settings(kind: str) -> None:
    given = copy_of(trained(kind))
    given._optimizer = torch.optim.AdamW(given.model.parameters(), lr=0.125, weight_decay=0.5)
    new = copy_of(given).optimizer
    assert type(new) is torch.optim.AdamW
    assert (new.param_groups[0]["lr"], new.param_groups[0]["weight_decay"]) == (0.125, 0.5)


def test_a_copy_of_arts_class_leaves_no_files_behind(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    from art import config

    monkeypatch.setattr(config, "ART_DATA_PATH", str(tmp_path))
    given = copy_of(trained("ann"))
    with host_seed(0):
        given.get_activations(TEST[0], layer=0)
    copy_of(given)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["lif", "converted", "hybrid"])  # ART's own class leaves files behind
@ALL_DEFENCES
def test_the_new_classifier_can_be_pickled_and_trained(name: str, kind: str) -> None:
    new = eliminated(name, trained(kind))
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


# --- the evaluation -------------------------------------------------------------------------------------------------


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


# --- edges ----------------------------------------------------------------------------------------------------------


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
    for defence in (CleanFineTuning(trained("lif")), FinePruning(trained("lif"))):
        with pytest.raises(ValueError, match="expected as many y as x"):
            eliminate(defence, CLEAN[0], CLEAN[1][1:])


@pytest.mark.parametrize("defence", [CleanFineTuning, FinePruning, DendriteClamping])
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
        (FinePruning, "share", 1.5),
        (FinePruning, "quantity", "current"),
        (FinePruning, "nb_epochs", -1),
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
