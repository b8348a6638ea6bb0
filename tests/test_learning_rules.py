"""A learning rule is one class: evaluations, detectors and eliminations take a new one without knowing of it."""

import numpy as np
import pytest
import torch
from art.estimators.classification import PyTorchClassifier
from torch import nn

from art_snn._random import host_seed
from art_snn.attacks.poisoning import TriggerBackdoor
from art_snn.catalogue import ELIMINATIONS, ESTIMATORS
from art_snn.data import load_dataset
from art_snn.defences.detector import MembranePotentialDefence, SpikeActivationDefence
from art_snn.estimators.classification import LearningRule, SpikingClassifier, TrainingData, rule_of
from art_snn.evaluations import BackdoorEvaluation, EliminationEvaluation
from art_snn.experiment import Experiment
from art_snn.experiment.building import make_estimator
from art_snn.models import build
from art_snn.neurons import neuron_factory
from tests.backdoored import KINDS, SHAPE, TARGET, TRIGGER, K, bars, trained, untrained
from tests.extensions import ReadoutClassifier

ATTACK = TriggerBackdoor(TRIGGER, TARGET, percent_poison=0.15)


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> LearningRule:
    """A classifier of a rule that stands in the catalogue by one line."""
    monkeypatch.setitem(ESTIMATORS, "readout", ReadoutClassifier)
    easily = neuron_factory("lif", v_threshold=0.1)  # so that layers that nobody trains fire
    net = build("small_cnn", in_channels=1, nb_classes=K, neuron=easily, pool="avg", width=0.5)
    settings = {"clip_values": (0.0, 1.0), "optimizer": torch.optim.Adam(net.parameters(), lr=1e-2)}
    return ESTIMATORS["readout"].of_network(net, nn.CrossEntropyLoss(), SHAPE, K, timesteps=3, **settings)


def test_a_new_rule_goes_through_evaluation_detectors_and_all_eliminations(toy: LearningRule) -> None:
    x, y = bars()
    x_test, y_test = bars(80, seed=1)

    evaluation = BackdoorEvaluation(ATTACK, {"toy": toy})
    (result,) = evaluation.evaluate(x, y, x_test, y_test, verbose=False, batch_size=16, nb_epochs=4)
    backdoored = evaluation.trained["toy"].backdoored
    poisoned = ATTACK.poison_dataset(x, y)
    scores = SpikeActivationDefence(backdoored, poisoned.x, poisoned.y).scores()
    report = MembranePotentialDefence(backdoored, steps=2).detect_backdoor()
    eliminations = EliminationEvaluation(ATTACK, {"toy": backdoored}, ELIMINATIONS)
    rows = eliminations.evaluate(*bars(40, seed=2), x_test, y_test, verbose=False)

    assert result.accuracy_clean > 0.5
    assert scores.shape == (160,)
    assert report.scores.shape == (K,)
    assert [row.defence for row in rows] == list(ELIMINATIONS)
    assert all(type(new) is ReadoutClassifier for new in eliminations.defended.values())


def test_a_spec_names_a_new_rule_beside_the_others(toy: LearningRule) -> None:
    spec = Experiment(models=["lif", "readout"])

    made = [make_estimator(model, spec, load_dataset("digits")) for model in spec.models]

    assert [model.name for model in spec.models] == ["lif", "readout"]
    assert [type(rule) for rule in made] == [SpikingClassifier, type(toy)]


def test_only_what_the_rule_trains_is_trained(toy: LearningRule) -> None:
    before = [parameter.detach().clone() for parameter in toy.classifier.model.parameters()]

    toy.fine_tune(TrainingData(*bars(32)), learning_rate=1e-2, seed=0, batch_size=16, nb_epochs=1, verbose=False)

    moved = [not torch.equal(a, b) for a, b in zip(before, toy.classifier.model.parameters(), strict=True)]
    assert moved == [False] * (len(moved) - 2) + [True, True]


def stock_spiking() -> PyTorchClassifier:
    """ART's own class around a `SpikingModule`."""
    given = untrained("lif")
    return PyTorchClassifier(given.model, given.loss, SHAPE, K, optimizer=given.optimizer, clip_values=(0.0, 1.0))


@pytest.mark.parametrize("kind", [*KINDS, "stock spiking"])
def test_a_rule_answers_for_its_classifier(kind: str) -> None:
    classifier = stock_spiking() if kind == "stock spiking" else trained(kind)
    x = bars(8, seed=3)[0]

    rule = rule_of(classifier)
    with host_seed(0):
        twin = rule.copied()
        same = np.array_equal(twin.classifier.predict(x), classifier.predict(x))

    assert rule.classifier is classifier
    assert rule.is_spiking == (kind != "ann")
    assert rule.timesteps == {"ann": 1, "lif": 3, "stock spiking": 3}.get(kind, 16)
    assert (rule.source is not None) == (kind in ("converted", "hybrid"))
    assert bool(rule.thresholds) == (kind in ("converted", "hybrid"))
    assert set(rule.tuning_steps) <= set(rule.training_steps)
    assert type(twin.classifier) is type(classifier)
    assert same


@pytest.mark.parametrize("kind", [*KINDS, "stock spiking"])
def test_one_seed_gives_one_set_of_fresh_weights(kind: str) -> None:
    rule = rule_of(stock_spiking() if kind == "stock spiking" else trained(kind))

    first, second, third = (list(rule.afresh(seed).classifier.model.parameters()) for seed in (1, 1, 2))

    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(first, third, strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_a_network_is_replaced_with_what_is_remembered_of_it(kind: str) -> None:
    rule = rule_of(trained(kind)).copied()
    names = rule.feature_layers() if kind != "ann" else None

    rule.replace_network(nn.Sequential(rule.network))

    assert isinstance(rule.network, nn.Sequential)
    if names is not None:
        assert [name.replace("net.0.", "net.", 1) for name in rule.feature_layers()] == names
