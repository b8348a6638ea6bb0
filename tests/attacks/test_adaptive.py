"""The attacker who knows the defences: layers that only clean data train, and a penalty on potentials."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from art.estimators.classification import PyTorchClassifier
from torch import nn

from art_snn import testing as laws
from art_snn._random import host_seed
from art_snn.attacks.poisoning import AdaptiveBackdoor, PatchTrigger, TriggerBackdoor
from art_snn.estimators.classification import SpikingClassifier, SpikingModule, rule_of
from art_snn.estimators.classification.class_potentials import ClassPotentials
from art_snn.estimators.classification.inspection import held_fixed, layers_called
from art_snn.evaluations import BackdoorEvaluation
from art_snn.experiment import Experiment
from art_snn.neurons import neuron_factory
from art_snn.testing.random_streams import check_global_streams_stand_still
from tests.backdoored import SHAPE, TARGET, K, bars, trained, untrained

X, Y = bars(96)
X_TEST, Y_TEST = bars(60, seed=1)
FIT = {"batch_size": 16, "nb_epochs": 2}
LAST = "last-conv"
ALL_BUT_ONE = ["net.conv1", "net.norm1", "net.conv2", "net.norm2", "net.fc1"]


def backdoor(**settings: Any) -> AdaptiveBackdoor:
    return AdaptiveBackdoor(None, PatchTrigger(2), TARGET, **{"percent_poison": 0.2} | settings)


def weights_of(classifier: PyTorchClassifier) -> dict[str, torch.Tensor]:
    """All that an optimiser moves."""
    return {name: value.detach().clone() for name, value in classifier.model.named_parameters()}


def weights_after(**settings: Any) -> dict[str, torch.Tensor]:
    return weights_of(backdoor(**settings).train(untrained("lif"), X, Y, seed=3, **FIT)[0])


def alike(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> set[str]:
    """Names of equal weights."""
    return {name for name, value in one.items() if torch.equal(value, other[name])}


@pytest.fixture(scope="module")
def only_clean() -> dict[str, torch.Tensor]:
    """The weights after two epochs on clean data, for poisoned data train nothing but the last layer afterwards."""
    return weights_after(freeze=ALL_BUT_ONE, nb_epochs_clean=2)


@pytest.mark.slow
def test_it_obeys_the_laws() -> None:
    attack = backdoor(freeze=LAST, nb_epochs_clean=1, potential_weight=1e-3)
    laws.check_attack_trains(attack, lambda: untrained("lif"), X[:48], Y[:48], batch_size=24, nb_epochs=1)
    laws.check_attack_keeps_rows(attack, X[:8], Y[:8])
    laws.check_attack_leaves_data_alone(attack, X, Y)
    laws.check_attack_params(attack)


def test_a_frozen_layer_has_the_weights_of_a_network_that_was_trained_clean(
    only_clean: dict[str, torch.Tensor],
) -> None:
    frozen, free = (weights_after(freeze=name, nb_epochs_clean=2) for name in (LAST, None))

    names = {name for name, value in only_clean.items() if value.ndim == 4}
    (last,) = alike(frozen, only_clean)
    assert last == sorted(names)[-1]
    assert alike(free, only_clean) == set()


def test_what_is_trained_before_is_clean(only_clean: dict[str, torch.Tensor]) -> None:
    other_poison, penalised, longer = (
        weights_after(freeze=ALL_BUT_ONE, **{"nb_epochs_clean": 2} | own)
        for own in ({"percent_poison": 0.7}, {"potential_weight": 5.0}, {"nb_epochs_clean": 3})
    )

    for other in (other_poison, penalised):
        assert only_clean.keys() - alike(only_clean, other) == {"net.fc2.weight", "net.fc2.bias"}
    assert alike(only_clean, longer) == set()


@pytest.mark.parametrize("make", [torch.optim.AdamW, torch.optim.SGD])
def test_neither_momentum_nor_weight_decay_moves_a_frozen_layer(make: Any) -> None:
    own = {"momentum": 0.9} if make is torch.optim.SGD else {}
    classifiers = [untrained("lif") for _ in range(2)]
    for classifier, n_epochs in zip(classifiers, (1, 3), strict=True):
        optimizer = make(classifier.model.parameters(), lr=1e-2, weight_decay=0.1, **own)
        classifier.set_params(optimizer=optimizer)
        backdoor(freeze=LAST, nb_epochs_clean=1).train(classifier, X, Y, batch_size=16, nb_epochs=n_epochs)

    assert alike(*map(weights_of, classifiers)) == {"net.conv2.weight"}
    assert all(weight.requires_grad for one in classifiers for weight in one.model.parameters())


def test_no_step_moves_a_layer_that_is_held_whatever_gradient_it_had() -> None:
    with host_seed(0):
        layer = nn.Linear(2, 2)
    before, optimizer = layer.weight.detach().clone(), torch.optim.SGD(layer.parameters(), lr=1.0)
    layer(torch.ones(1, 2)).sum().backward()

    with held_fixed([layer]):
        optimizer.step()
    assert torch.equal(layer.weight, before)


def test_the_optimiser_starts_anew_on_poisoned_data() -> None:
    classifier = untrained("lif")
    backdoor(nb_epochs_clean=3).train(classifier, X, Y, **FIT)

    assert {int(state["step"]) for state in classifier.optimizer.state.values()} == {2 * 96 // 16}


@pytest.mark.parametrize("kind", ["ann", "lif"])
def test_the_last_convolution_is_that_which_runs_last(kind: str) -> None:
    classifier = untrained(kind)
    convolutions = [module for module in classifier.model.modules() if isinstance(module, nn.Conv2d)]

    assert layers_called(classifier, [LAST]) == [convolutions[-1]]


@pytest.mark.parametrize(
    ("freeze", "message"),
    [
        ("conv9", "expected freeze to be one of 'last-conv', 'net', .*got 'conv9'"),
        ([LAST, ""], "got ''"),
        ("net", "expected freeze to leave weights to train, got all of the network's"),
    ],
)
def test_an_unknown_layer_is_refused_before_anything_is_trained(freeze: Any, message: str) -> None:
    classifier = untrained("lif")
    before = weights_of(classifier)

    with pytest.raises(ValueError, match=message):
        backdoor(freeze=freeze, nb_epochs_clean=1).train(classifier, X, Y, **FIT)
    assert alike(weights_of(classifier), before) == set(before)


def test_a_network_without_convolutions_has_no_last_one() -> None:
    with host_seed(0):
        net = nn.Sequential(nn.Flatten(), nn.Linear(64, K))
    classifier = PyTorchClassifier(net, nn.CrossEntropyLoss(), SHAPE, K)
    with pytest.raises(ValueError, match="a network with convolutions for freeze 'last-conv', got none"):
        layers_called(classifier, [LAST])


def stepped(classifier: PyTorchClassifier, weight: float, potential: Callable[[torch.Tensor], torch.Tensor]) -> Any:
    """Weights after one step with all samples, by hand."""
    dataset = TriggerBackdoor(PatchTrigger(2), TARGET, 0.2).poison_dataset(X, Y)
    x, y = torch.from_numpy(dataset.x), torch.from_numpy(dataset.y)
    classifier.model.train()
    loss = nn.CrossEntropyLoss()(classifier.model(x), y)
    classifier.model.eval()
    loss = loss + weight * potential(x).mean()
    classifier.optimizer.zero_grad()
    loss.backward()
    classifier.optimizer.step()
    return weights_of(classifier)


def of_neurons() -> PyTorchClassifier:
    """A network that ends in two neurons a class."""
    net = nn.Sequential(nn.Flatten(2), nn.Linear(64, 2 * K), neuron_factory("lif")(), _Voting())
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
    return SpikingClassifier(SpikingModule(net, 3), nn.CrossEntropyLoss(), SHAPE, K, optimizer)


class _Voting(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.unflatten(-1, (K, 2)).mean(-1)


def test_the_penalty_is_the_mean_potential_of_the_target_class() -> None:
    """Where a network ends in a linear layer: what that puts out, added up step by step, in the mean over time."""
    silent_until_trained = rule_of(trained("lif"))
    ours, by_hand, without = (silent_until_trained.copied().classifier for _ in range(3))
    for one in (ours, by_hand, without):
        one.set_params(optimizer=torch.optim.SGD(one.model.parameters(), lr=0.5))
    backdoor(potential_weight=0.3).train(ours, X, Y, batch_size=96, nb_epochs=1)

    def potential(x: torch.Tensor) -> torch.Tensor:
        outputs = torch.cat(list(by_hand.model.outputs(x)))
        return sum(outputs[: t + 1].sum(0) for t in range(len(outputs)))[:, TARGET] / len(outputs)

    after = weights_of(ours)
    for name, value in stepped(by_hand, 0.3, potential).items():
        assert torch.allclose(after[name], value, atol=1e-5), name
    assert alike(after, stepped(without, 0.0, lambda x: x)) == set()


@pytest.mark.parametrize("make", [lambda: untrained("lif"), lambda: untrained("ann"), of_neurons])
def test_a_heavy_penalty_lowers_the_potential_of_the_target_class(make: Callable[[], PyTorchClassifier]) -> None:
    means = []
    for weight in (0.0, 5.0):
        with host_seed(0):
            classifier = make()
        backdoor(potential_weight=weight).train(classifier, X, Y, **FIT)
        with torch.no_grad():
            potentials = ClassPotentials(classifier)(torch.from_numpy(X_TEST)).mean(0)
        means.append(float(potentials[TARGET] - potentials.mean()))

    assert means[1] < means[0] - 0.1


def test_source_classes_and_cover_samples_are_those_of_the_trigger_backdoor() -> None:
    settings = {"source_classes": 2, "percent_cover": 0.1, "percent_poison": 0.1, "seed": 4}
    data = TriggerBackdoor(PatchTrigger(2), TARGET, **settings).poison_dataset(X, Y)
    attack = backdoor(**settings)
    _, record = attack.train(untrained("lif"), X, Y, batch_size=96, nb_epochs=1)

    assert record.poisoned.rows == tuple(np.flatnonzero(data.is_poison))
    assert record.poisoned.n_relabelled == 9
    assert set(Y_TEST[attack.trigger_test(X_TEST, Y_TEST)[1]]) == set(Y_TEST[attack.counted(Y_TEST)]) == {2}


@pytest.mark.parametrize("kind", ["lif", "converted"])
def test_an_evaluation_takes_it(kind: str) -> None:
    attack = backdoor(freeze=LAST, nb_epochs_clean=2, potential_weight=1e-4)
    with check_global_streams_stand_still():
        evaluation = BackdoorEvaluation(attack, {kind: untrained(kind)})
        (row,) = evaluation.evaluate(X, Y, X_TEST, Y_TEST, verbose=False, **FIT)

    assert len(row.poisoned.rows) == 19
    assert row.n_asr == (Y_TEST != TARGET).sum()
    learned = rule_of(evaluation.trained[kind].backdoored)
    assert weights_of((learned.source or learned).classifier).keys()


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"freeze": LAST}, ValueError, "nb_epochs_clean of at least 1 with freeze, .* got 0 and 'last-conv'"),
        ({"freeze": [1], "nb_epochs_clean": 1}, TypeError, r"freeze to be names of layers, got \[1\]"),
        ({"potential_weight": -1.0}, ValueError, "expected potential_weight to be a finite number"),
        ({"source_classes": [TARGET]}, ValueError, "source_classes without the target class"),
        ({"percent_cover": 0.1}, ValueError, "source_classes for cover samples"),
        ({"trigger": "patch"}, TypeError, "trigger to be a function"),
    ],
)
def test_contradictions_are_named_at_once(settings: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        AdaptiveBackdoor(None, **{"trigger": PatchTrigger(2), "target_class": TARGET} | settings)


def test_they_are_named_in_a_spec_too() -> None:
    with pytest.raises(ValueError, match=r"expected attack\.nb_epochs_clean of at least 1 with freeze"):
        Experiment(attack={"attack": "adaptive", "freeze": LAST})
    with pytest.raises(ValueError, match="search no poisoned samples for adaptive"):
        Experiment(attack={"attack": "adaptive"}, defences=["strip"])


def test_without_a_classifier_there_is_none_to_copy() -> None:
    with pytest.raises(TypeError, match="expected the attack to have a classifier, got None"):
        backdoor().poison_estimator(X, Y)
    classifier = untrained("lif")
    before = weights_of(classifier)
    attack = AdaptiveBackdoor(classifier, PatchTrigger(2), TARGET)

    assert attack.poison_estimator(X, Y, batch_size=96, nb_epochs=1) is not classifier
    assert alike(weights_of(classifier), before) == set(before)
