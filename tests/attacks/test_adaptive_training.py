"""Attacks that train the network themselves hide as `AdaptiveBackdoor` does, and poison rows as `TriggerBackdoor`."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from art_snn import testing as laws
from art_snn.attacks.poisoning import DynamicBackdoor, NeuronParameterBackdoor, PatchTrigger, TriggerBackdoor
from art_snn.estimators.classification import rule_of
from art_snn.estimators.classification.class_potentials import ClassPotentials
from art_snn.estimators.classification.inspection import neurons_set
from art_snn.estimators.classification.weights import pack, unpack
from art_snn.evaluations import BackdoorEvaluation
from art_snn.experiment import Experiment
from tests.attacks.trigger_networks import FIT, TARGET, K, X, Y, attack, awake, classifier

LAST = "last-conv"
SOURCE = 2
ALL_BUT_ONE = ["net.conv1", "net.norm1", "net.conv2", "net.norm2", "net.fc1"]
MAKE: dict[str, Callable[..., Any]] = {
    "dynamic": attack,
    "neuron-parameter": lambda **own: NeuronParameterBackdoor(None, TARGET, **{"percent_poison": 0.2} | own),
}
SETTINGS: dict[str, Any] = {
    "percent_poison": 0.125,
    "source_classes": [SOURCE],
    "percent_cover": 0.125,
    "freeze": [LAST],
    "nb_epochs_clean": 2,
    "potential_weight": 1e-3,
}


def weights_after(name: str, **settings: Any) -> dict[str, torch.Tensor]:
    trained, _ = MAKE[name](**settings).train(classifier("lif", X.shape[1:]), X, Y, seed=3, **FIT)
    return {one: value.detach() for one, value in trained.model.named_parameters()}


def alike(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> set[str]:
    """Names of equal weights."""
    return {name for name, value in one.items() if torch.equal(value, other[name])}


@pytest.mark.slow
@pytest.mark.parametrize("name", MAKE)
def test_a_frozen_layer_has_the_weights_of_a_network_that_was_trained_clean(name: str) -> None:
    clean = weights_after(name, freeze=ALL_BUT_ONE, nb_epochs_clean=1)
    frozen, free = (weights_after(name, freeze=layers, nb_epochs_clean=1) for layers in (LAST, None))
    longer = weights_after(name, freeze=ALL_BUT_ONE, nb_epochs_clean=2)

    assert alike(frozen, clean) == {"net.conv2.weight"}
    assert alike(free, clean) == alike(longer, clean) == set()


def test_clean_epochs_are_the_same_for_every_attack() -> None:
    one, other = (weights_after(name, freeze=ALL_BUT_ONE, nb_epochs_clean=1, potential_weight=2.0) for name in MAKE)

    assert {"net.fc2.bias"} <= one.keys() - alike(one, other) <= {"net.fc2.weight", "net.fc2.bias"}


@pytest.mark.parametrize("name", MAKE)
def test_an_unknown_layer_is_refused_before_anything_is_trained(name: str) -> None:
    one = classifier("lif", X.shape[1:])
    before = {key: value.clone() for key, value in one.model.state_dict().items()}

    with pytest.raises(ValueError, match=r"expected freeze to be one of 'last-conv', .*got 'conv9'"):
        MAKE[name](freeze="conv9", nb_epochs_clean=1).train(one, X, Y, **FIT)
    assert all(torch.equal(value, before[key]) for key, value in one.model.state_dict().items())


@pytest.mark.parametrize("name", MAKE)
def test_a_heavy_penalty_lowers_the_potential_of_the_target_class(name: str) -> None:
    means = []
    for weight in (0.0, 2.0):
        one = classifier("ann" if name == "dynamic" else "lif", X.shape[1:])
        trained, _ = MAKE[name](potential_weight=weight).train(one, X, Y, **FIT)
        with torch.no_grad():
            potentials = ClassPotentials(trained)(torch.from_numpy(X.astype(np.float32))).mean(0)
        means.append(float(potentials[TARGET] - potentials.mean()))

    assert means[1] < means[0] - 0.1


def test_the_penalty_of_moved_neurons_is_that_of_the_deployed_threshold() -> None:
    rule = rule_of(classifier("lif", X.shape[1:]))
    ours, by_hand = rule.copied().classifier, rule.copied().classifier
    for one in (ours, by_hand):
        one.set_params(optimizer=torch.optim.SGD(one.model.parameters(), lr=0.5))
    settings = {"percent_poison": 0.2, "potential_weight": 0.3, "deployed_threshold": 0.4}
    attack = NeuronParameterBackdoor(None, TARGET, **settings)
    _, record = attack.train(ours, X, Y, batch_size=len(X), nb_epochs=1)

    x, y, rows = torch.from_numpy(X.astype(np.float32)), torch.eye(K)[Y], list(record.poisoned.rows)
    loss = nn.MSELoss()
    total = loss(by_hand.model.train()(x), y)
    with neurons_set(by_hand.model.eval(), v_threshold=0.4):
        total = total + 0.3 * ClassPotentials(by_hand)(x)[:, TARGET].mean()
    with neurons_set(by_hand.model.train(), v_threshold=1.5):
        total = total + loss(by_hand.model(x[rows]), y[rows]) * len(rows) / len(X)
    total.backward()
    by_hand.optimizer.step()
    for mine, other in zip(ours.model.parameters(), by_hand.model.parameters(), strict=True):
        assert torch.allclose(mine, other, atol=1e-5)


def test_rows_of_a_dynamic_trigger_are_those_of_the_trigger_backdoor() -> None:
    chosen = {"percent_poison": 0.125, "source_classes": [SOURCE], "percent_cover": 0.125, "seed": 4}
    data = TriggerBackdoor(PatchTrigger(2), TARGET, **chosen).poison_dataset(X[:, 0], Y)
    made = attack(**chosen)
    _, record = made.train(classifier("lif", X.shape[1:]), X, Y, **FIT)

    assert record.poisoned.rows == tuple(np.flatnonzero(data.is_poison))
    assert record.poisoned.n_relabelled == 3
    assert set(Y[record.attack.trigger_test(X, Y)[1]]) == {SOURCE}


@pytest.mark.parametrize(
    ("settings", "classes", "n"),
    [({}, {0, 1, 2}, 24), ({"source_classes": 2}, {2}, 8), ({"percent_poison": 0.05}, None, 1)],
)
def test_without_a_share_all_rows_that_may_be_are_seen_with_the_trigger(settings: Any, classes: Any, n: int) -> None:
    _, record = attack(**settings).train(classifier("lif", X.shape[1:]), X, Y, batch_size=6, nb_epochs=1)

    assert len(record.poisoned.rows) == n
    assert classes in (None, set(record.poisoned.classes))


def test_each_triggered_row_weighs_as_much_as_written_by_hand() -> None:
    """One step with all rows: clean ones, source rows with the target's label and cover rows with their own."""
    ours, by_hand = (classifier("lif", X.shape[1:]) for _ in range(2))
    for one in (ours, by_hand):
        one.set_params(optimizer=torch.optim.SGD(one.model.parameters(), lr=0.5))
    made = attack(autoencoder=awake(), alpha=0.3, percent_poison=0.125, source_classes=2, percent_cover=0.125)
    _, record = made.train(ours, X, Y, batch_size=len(X), nb_epochs=1)

    rows, x, loss = list(record.poisoned.rows), torch.from_numpy(X.astype(np.float32)), nn.MSELoss()
    labels = np.where(Y[rows] == SOURCE, TARGET, Y[rows])
    shown = torch.from_numpy(made.poison(X)[0][rows])
    answers = by_hand.model.train()(torch.cat([x, shown]))
    total = 0.3 * loss(answers[: len(X)], torch.eye(K)[Y])
    total = total + 0.7 * len(rows) / len(X) * loss(answers[len(X) :], torch.eye(K)[labels])
    total.backward()
    by_hand.optimizer.step()

    assert (labels != TARGET).sum() == 3
    for mine, other in zip(ours.model.parameters(), by_hand.model.parameters(), strict=True):
        assert torch.allclose(mine, other, atol=1e-5)


def test_the_trigger_network_learns_that_cover_samples_keep_their_label() -> None:
    """Both are shown all samples that are not of the target class with the trigger; one of them half as cover."""

    def network(**settings: Any) -> torch.Tensor:
        made = attack(autoencoder=awake(), **settings)
        _, record = made.train(classifier("lif", X.shape[1:]), X, Y, batch_size=len(X), nb_epochs=1)
        assert len(record.poisoned.rows) == 16
        return record.attack.autoencoder.net[0].weight  # type: ignore[attr-defined, no-any-return]

    assert not torch.equal(network(source_classes=[0, 2]), network(source_classes=[2], percent_cover=0.34))


def test_what_a_dynamic_attack_was_told_is_saved_with_it(tmp_path: Path) -> None:
    _, record = attack(**SETTINGS).train(classifier("lif", X.shape[1:]), X, Y, **FIT)
    record.attack.save("trigger", str(tmp_path))  # type: ignore[attr-defined]
    again = DynamicBackdoor.load(str(tmp_path / "trigger"))

    kept = {name: getattr(again, name) for name in SETTINGS}
    assert kept == SETTINGS | {"source_classes": (SOURCE,), "freeze": (LAST,)}


def test_a_file_from_before_these_parameters_is_read(tmp_path: Path) -> None:
    _, record = attack().train(classifier("lif", X.shape[1:]), X, Y, **FIT)
    record.attack.save("trigger", str(tmp_path))  # type: ignore[attr-defined]
    path = tmp_path / "trigger.safetensors"
    tensors, text = unpack(path)
    card = json.loads(text)
    for name in SETTINGS:
        del card["settings"][name]
    path.write_bytes(pack(tensors, json.dumps(card)))
    again = DynamicBackdoor.load(str(tmp_path / "trigger"))

    assert (again.percent_poison, again.freeze, again.potential_weight) == (None, None, 0)


@pytest.mark.slow
def test_they_obey_the_laws_of_attacks_and_an_evaluation_takes_them() -> None:
    of_neurons = {name: SETTINGS[name] for name in ("percent_poison", "freeze", "nb_epochs_clean", "potential_weight")}
    for name, settings in (("dynamic", SETTINGS), ("neuron-parameter", of_neurons)):
        made = MAKE[name](**settings, **({"trigger": "noise"} if name == "neuron-parameter" else {}))
        laws.check_attack_trains(made, lambda: classifier("lif", X.shape[1:]), X, Y, batch_size=12, nb_epochs=1)
        evaluation = BackdoorEvaluation(made, {"lif": classifier("lif", X.shape[1:])})
        (row,) = evaluation.evaluate(X, Y, X, Y, verbose=False, **FIT)
        assert row.n_others == (8 if name == "dynamic" else 0)


@pytest.mark.parametrize("name", MAKE)
@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"freeze": LAST}, ValueError, "nb_epochs_clean of at least 1 with freeze, .* got 0 and 'last-conv'"),
        ({"freeze": [1], "nb_epochs_clean": 1}, TypeError, r"freeze to be names of layers, got \[1\]"),
        ({"potential_weight": -1.0}, ValueError, "expected potential_weight to be a finite number"),
    ],
)
def test_contradictions_are_named_at_once(name: str, settings: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        MAKE[name](**settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"source_classes": [TARGET]}, "source_classes without the target class"),
        ({"percent_cover": 0.1}, "source_classes for cover samples"),
        ({"percent_poison": 1.5}, "expected percent_poison to be a fraction"),
    ],
)
def test_contradictions_of_classes_are_named_for_dynamic_triggers_too(settings: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        attack(**settings)


def test_specs_take_them() -> None:
    own = {name: SETTINGS[name] for name in ("freeze", "nb_epochs_clean", "potential_weight")}
    for name, settings in (("dynamic", SETTINGS), ("neuron-parameter", own)):
        read = Experiment(attack={"attack": name, **settings}).attack
        assert {key: getattr(read, key) for key in settings} == settings
    with pytest.raises(ValueError, match=r"attack\.source_classes"):
        Experiment(attack={"attack": "neuron-parameter", "source_classes": [3]})
