"""What cells keep for plots is what networks do, by loops; statistics are asked of samples they were not fitted on."""

import json
import math

import numpy as np
import pytest
from sklearn.metrics import auc, roc_curve

from art_snn.attacks.poisoning import TriggerBackdoor
from art_snn.estimators.classification import rule_of
from art_snn.evaluations import TrainedPair, layer_evidence, threshold_evidence
from art_snn.evaluations.separation import separation
from art_snn.experiment import Experiment, building, defend, run, with_values
from art_snn.metrics import auroc, roc_points
from tests.backdoored import TARGET, TRIGGER, bars, poisoned_bars, trained
from tests.specs import spec_of
from tests.test_room import BARS

ATTACK = TriggerBackdoor(TRIGGER, TARGET, percent_poison=0.15)
X, Y = bars(60, seed=1)


def pair(kind: str) -> TrainedPair:
    return TrainedPair(trained(kind, backdoored=False), trained(kind))


# --- ROC curves ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [4, 3000])
def test_points_of_a_roc_curve_are_few_and_its_own(n: int) -> None:
    rng = np.random.default_rng(n)
    is_poison = np.arange(n) % 4 == 0
    scores = rng.normal(size=n) + is_poison

    false, true = roc_points(is_poison, scores, most=100)

    assert (false[0], true[0], false[-1], true[-1]) == (0, 0, 1, 1)
    assert 2 <= len(false) <= 100
    whole = {*zip(*(rates.tolist() for rates in roc_curve(is_poison, scores)[:2]), strict=True)}
    assert set(zip(false.tolist(), true.tolist(), strict=True)) <= whole
    assert auc(false, true) == pytest.approx(auroc(is_poison, scores), abs=0.01)  # that of thinned points


# --- separation ---------------------------------------------------------------------------------------------------


def test_what_differs_is_told_apart_and_what_does_not_is_not() -> None:
    rng = np.random.default_rng(0)
    clean, other = rng.normal(size=(2, 400, 5))

    same, apart = separation(clean, other), separation(clean, other + np.array([0, 0, 3, 0, 0]))

    assert same.auroc == pytest.approx(0.5, abs=0.1)  # 200 samples of either kind
    assert same.tpr == pytest.approx(same.fpr, abs=0.1)
    assert apart.auroc > 0.95
    assert apart.tpr > 0.8
    assert apart.fpr == pytest.approx(0.05, abs=0.05)
    assert apart.n == same.n == 200


def test_separation_is_asked_of_samples_that_nothing_was_fitted_on() -> None:
    rng = np.random.default_rng(0)
    clean = rng.normal(size=(100, 3))
    triggered = clean.copy()
    triggered[::2] += 9

    assert separation(clean, triggered).auroc == 0.5


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_separation_of_what_is_no_number_is_none(broken: float) -> None:
    clean = np.zeros((8, 2))
    triggered = clean.copy()
    triggered[3, 0] = broken

    assert math.isnan(separation(clean, triggered).auroc)
    assert math.isnan(separation(clean[:3], clean[:3]).auroc)


# --- the last spiking layer ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["lif", "converted"])
def test_traces_are_means_of_what_the_layer_does(kind: str) -> None:
    found = layer_evidence(ATTACK, pair(kind), X, Y)
    classifier = trained(kind)
    counted = X[Y != TARGET]

    assert found.layer == classifier.layer_names[-1]
    for samples, name in ((counted, "clean"), (ATTACK.poison(counted)[0], "triggered")):
        trace = found.traces["backdoored"][name]
        voltages, spikes = (
            classifier.get_activations(samples, found.layer, quantity=quantity, reduction="none")
            for quantity in ("voltage", "spikes")
        )
        assert found.n_neurons == voltages.shape[2]
        assert found.timesteps == tuple(range(1, voltages.shape[1] + 1))
        for step in range(voltages.shape[1]):
            by_sample = [voltages[i, step].mean() for i in range(len(samples))]
            firing = [(spikes[i, step] > 0).mean() for i in range(len(samples))]
            assert trace.voltage[step] == pytest.approx(np.mean(by_sample), rel=1e-3, abs=1e-6)  # four digits are kept
            assert trace.voltage_sd[step] == pytest.approx(np.std(by_sample), rel=1e-3, abs=1e-6)
            assert trace.spikes[step] == pytest.approx(np.mean(firing), rel=1e-3, abs=1e-6)
        for place, neuron in enumerate(found.neurons):
            assert trace.raster[place] == tuple(t + 1 for t in range(spikes.shape[1]) if spikes[0, t, neuron] > 0)


def test_neurons_are_shown_whose_voltages_the_trigger_moves_most() -> None:
    found = layer_evidence(ATTACK, pair("lif"), X, Y)
    classifier, counted = trained("lif"), X[Y != TARGET]
    totals = [
        classifier.get_activations(x, found.layer, quantity="voltage", reduction="sum").mean(axis=0)
        for x in (counted, ATTACK.poison(counted)[0])
    ]

    shift = np.abs(totals[1] - totals[0])
    assert set(found.neurons) == set(np.argsort(-shift)[:8].tolist())


def test_a_backdoor_shows_more_than_the_trigger_alone() -> None:
    found = layer_evidence(ATTACK, pair("lif"), X, Y)

    assert found.separation["backdoored"].auroc > 0.9
    assert found.separation["backdoored"].auroc >= found.separation["twin"].auroc
    assert found.distance["triggered"] > 0
    same = layer_evidence(ATTACK, TrainedPair(trained("lif"), trained("lif")), X, Y)
    assert same.distance == {"clean": 0, "triggered": 0}
    assert same.separation["twin"] == same.separation["backdoored"]
    assert same.traces["twin"] == same.traces["backdoored"]


def test_batches_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = layer_evidence(ATTACK, pair("lif"), X, Y)
    monkeypatch.setattr("art_snn.evaluations.voltage_evidence._MOST", 1)

    one_by_one = layer_evidence(ATTACK, pair("lif"), X, Y)

    assert one_by_one.neurons == whole.neurons
    assert one_by_one.traces["twin"]["clean"].voltage == pytest.approx(whole.traces["twin"]["clean"].voltage, rel=1e-3)


def test_of_many_time_steps_some_are_kept_and_all_spikes(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = layer_evidence(ATTACK, pair("converted"), X, Y)
    monkeypatch.setattr("art_snn.evaluations.voltage_evidence.N_POINTS", 4)

    thinned = layer_evidence(ATTACK, pair("converted"), X, Y)

    assert thinned.timesteps == (1, 6, 11, 16)
    one, all_ = (found.traces["backdoored"]["triggered"] for found in (thinned, whole))
    assert one.voltage == tuple(all_.voltage[step - 1] for step in thinned.timesteps)
    assert one.raster == all_.raster


def test_an_ann_has_no_voltages_and_no_thresholds() -> None:
    assert layer_evidence(ATTACK, pair("ann"), X, Y) is None
    assert threshold_evidence(pair("ann"), bars(), poisoned_bars(), seed=0) is None
    assert threshold_evidence(pair("lif"), bars(), poisoned_bars(), seed=0) is None


# --- thresholds ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["converted", "hybrid"])
def test_thresholds_are_those_of_a_calibration_on_either_kind_of_samples(kind: str) -> None:
    before = [dict(rule_of(classifier).thresholds) for classifier in pair(kind)]

    found = threshold_evidence(pair(kind), bars(), poisoned_bars(), seed=0)

    assert [rule_of(classifier).thresholds for classifier in pair(kind)] == before
    assert list(found) == list(before[0])
    for model, classifier in (("twin", trained(kind, backdoored=False)), ("backdoored", trained(kind))):
        for samples, (x, _) in (("clean", bars()), ("poisoned", poisoned_bars())):
            alike = rule_of(classifier).copied()
            alike.classifier.convert(x)
            assert {layer: found[layer][model][samples] for layer in found} == alike.thresholds
    assert any(one["backdoored"]["clean"] != one["backdoored"]["poisoned"] for one in found.values())


# --- in cells -----------------------------------------------------------------------------------------------------


@pytest.fixture
def spec(monkeypatch: pytest.MonkeyPatch) -> Experiment:
    monkeypatch.setattr(building, "load_dataset", lambda *_args, **_options: BARS)
    small = spec_of(models=("ann", "if", "converted"), timesteps=2, width=0.25, epochs=1)
    return Experiment(**with_values(small.given, {"measure.evidence": True}))


def test_a_cell_keeps_evidence_where_it_is_asked_for(spec: Experiment) -> None:
    found = run(spec, verbose=False).as_json()["measures"]

    assert {name: list(models) for name, models in found.items()} == {
        "voltages": ["if", "converted"],
        "thresholds": ["converted"],
    }
    assert len(json.dumps(found, allow_nan=False)) < 20_000
    without = Experiment(**with_values(spec.given, {"measure.evidence": False, "models": ["ann"]}))
    assert run(without, verbose=False).measures == {}


def test_a_cell_keeps_the_curves_of_its_detectors(spec: Experiment) -> None:
    defended = Experiment(**with_values(spec.given, {"models": ["ann"], "defences": ["strip", "spectral"]}))
    defended = Experiment(**with_values(defended.given, {"training.epochs": 8, "training.learning_rate": 5e-3}))

    found = defend(defended, verbose=False)

    curves = json.loads(json.dumps(found.as_json(), allow_nan=False))["measures"]["roc"]["ann"]
    assert set(curves) == {"strip", "spectral"}
    for row in found.detection:
        curve = curves[row.defence]
        assert auc(curve["fpr"], curve["tpr"]) == pytest.approx(row.auroc, abs=0.01)  # four digits are kept
        assert (curve["own_fpr"], curve["own_tpr"]) == (row.fpr, row.tpr)
