"""Attacks that take part in the training: what an evaluation asks of them, and what it tells."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from art.estimators.classification import PyTorchClassifier

from art_snn.attacks.poisoning import (
    AttackRecord,
    BackdoorAttack,
    DataAttack,
    PatchTrigger,
    PoisonedRows,
    StaticTrigger,
    TriggerBackdoor,
)
from art_snn.attacks.poisoning.poisoned import poisoned_rows
from art_snn.defences.trainer import CleanFineTuning
from art_snn.estimators.classification import TrainingData, rule_of
from art_snn.evaluations import (
    Augmentation,
    BackdoorEvaluation,
    DetectionEvaluation,
    EliminationEvaluation,
    TrainingPlan,
    over_time,
)
from art_snn.events import stack_streams
from art_snn.testing import check_attack_trains
from art_snn.typing import Array, Labels, Mask
from tests.backdoored import KINDS, TARGET, bars, untrained
from tests.recordings import stream

X, Y = bars(120)
X_TEST, Y_TEST = bars(60, seed=1)
FIT = {"batch_size": 16, "nb_epochs": 2}


@dataclass(frozen=True)
class OwnCorner:
    """Trains on patches in a corner that the seed of the training chooses."""

    target_class: int = TARGET
    corner: str | None = None
    renews: bool = False

    def train(
        self, estimator: PyTorchClassifier, x: Array, y: Labels, *, seed: int = 0, **fit_arguments: Any
    ) -> tuple[PyTorchClassifier, AttackRecord]:
        corner = ["top-left", "bottom-left"][seed % 2]
        attack = TriggerBackdoor(PatchTrigger(2, corner), self.target_class, 0.2)
        dataset, rule = attack.poison_dataset(x, y), rule_of(estimator)
        rule.train_step(rule.training_steps[0], TrainingData(dataset.x, dataset.y), seed=seed, **fit_arguments)
        trained = rule.copied().classifier if self.renews else estimator
        return trained, AttackRecord(OwnCorner(self.target_class, corner), poisoned_rows(x, dataset))

    def trigger_test(self, x: Array, y: Labels) -> tuple[Array, Mask]:
        assert self.corner is not None, "asked before it was trained"
        return PatchTrigger(2, self.corner)(x), y == 0


class Triggerless:
    """An attack on data whose trigger cannot be put on anew."""

    target_class = TARGET

    def __init__(self) -> None:
        inner = TriggerBackdoor(PatchTrigger(2), TARGET, 0.2)
        self.train, self.trigger_test, self.poison_dataset = inner.train, inner.trigger_test, inner.poison_dataset


def evaluated(attack: BackdoorAttack, kind: str, **options: Any) -> BackdoorEvaluation:
    evaluation = BackdoorEvaluation(attack, {kind: untrained(kind)}, **options)
    evaluation.rows = evaluation.evaluate(X, Y, X_TEST, Y_TEST, verbose=False, **FIT)
    return evaluation


def test_a_data_attack_trains_by_itself_as_an_evaluation_does() -> None:
    attack = TriggerBackdoor(PatchTrigger(2), TARGET, 0.2)
    evaluation = evaluated(attack, "hybrid")
    seeds = evaluation.trial.seeds
    fresh = rule_of(untrained("hybrid")).afresh(seeds.weights).classifier

    trained, record = attack.train(fresh, X, Y, seed=seeds.batches, verbose=False, **FIT)

    expected = evaluation.trained["hybrid"].backdoored.model.state_dict()
    assert trained is fresh
    assert all(torch.equal(value, expected[name]) for name, value in trained.model.state_dict().items())
    assert record == (attack, evaluation.rows[0].poisoned, None)


@pytest.mark.parametrize("kind", KINDS)
def test_each_classifier_is_asked_about_what_it_has_learned(kind: str) -> None:
    evaluation = evaluated(OwnCorner(), kind)
    (row,), attack, exam = evaluation.rows, evaluation.attacks[kind], evaluation.exams[kind]
    shown = PatchTrigger(2, attack.corner)(X_TEST)

    assert evaluation.attack == OwnCorner()  # which the training has not changed
    assert np.array_equal(exam.x_triggered, shown)
    assert row.n_asr == exam.counted.sum() == (Y_TEST == 0).sum()
    assert row.n_asr_all == (Y_TEST == 0).sum() + (Y_TEST == TARGET).sum()
    obeyed = evaluation.answers[kind].backdoored.triggered.argmax(1)
    assert exam.asr(evaluation.answers[kind].backdoored) == np.mean(obeyed[Y_TEST == 0] == TARGET)
    assert len(row.poisoned.rows) == sum(row.n_poisoned_by_class) == 24
    assert row.training_seconds[1] > 0


@pytest.mark.parametrize("kind", ["lif", "converted"])
def test_the_clean_twin_is_that_of_any_attack(kind: str) -> None:
    twins = [evaluated(one, kind).trained[kind].clean for one in (OwnCorner(), TriggerBackdoor(np.copy, TARGET, 0.2))]

    weights = [twin.model.state_dict() for twin in twins]
    assert all(torch.equal(value, weights[1][name]) for name, value in weights[0].items())


def test_a_classifier_that_is_converted_afterwards_is_trained_in_place() -> None:
    assert evaluated(OwnCorner(renews=True), "lif").rows[0].model == "lif"
    with pytest.raises(TypeError, match=r"expected OwnCorner.* to train in place what is converted afterwards"):
        evaluated(OwnCorner(renews=True), "converted")


@pytest.mark.parametrize(
    ("plan", "name"),
    [
        (TrainingPlan(loss_weights=(1.0, 1.0)), "loss_weights"),
        (TrainingPlan(augmentation=Augmentation(1)), "augmentation"),
        (TrainingPlan(record_epochs=True), "record_epochs"),
    ],
)
def test_what_an_attack_decides_is_not_planned(plan: TrainingPlan, name: str) -> None:
    with pytest.raises(ValueError, match=f"expected no {name} with an attack that takes part in the training"):
        evaluated(OwnCorner(), "lif", plans={"lif": plan})


def test_defences_take_over_what_each_classifier_has_learned() -> None:
    evaluation = evaluated(OwnCorner(), "lif")
    pair = evaluation.trained
    eliminations = EliminationEvaluation(evaluation.attack, pair, {"tuned": CleanFineTuning}, after=evaluation)
    (row,) = eliminations.evaluate(X, Y, X_TEST, Y_TEST, verbose=False)

    assert row.n_asr == (Y_TEST == 0).sum()
    with pytest.raises(TypeError, match="expected an attack that poisons data, got OwnCorner"):
        DetectionEvaluation(evaluation.attack, pair, {"any": CleanFineTuning}, after=evaluation).evaluate(X, Y)
    assert over_time(evaluation.attacks["lif"], pair["lif"], X_TEST, Y_TEST, [3]).n_asr == row.n_asr


class Leaking(OwnCorner):
    """Remembers how often it was trained."""

    def train(self, estimator: PyTorchClassifier, x: Array, y: Labels, *, seed: int = 0, **fit_arguments: Any) -> Any:
        before = vars(type(self)).get("calls", 0)
        type(self).calls = before + 1
        return super().train(estimator, x, y, seed=seed + before, **fit_arguments)


class CountsTheTarget(OwnCorner):
    """Takes samples of the target class for successes."""

    def train(self, *given: Any, **named: Any) -> Any:
        trained, record = super().train(*given, **named)
        return trained, record._replace(attack=CountsTheTarget(self.target_class, record.attack.corner))

    def trigger_test(self, x: Array, y: Labels) -> tuple[Array, Mask]:
        return super().trigger_test(x, y)[0], y == TARGET


@pytest.mark.parametrize(
    ("attack", "message"),
    [
        (Leaking(), "the same seed gives other weights: something was left from the training before"),
        (CountsTheTarget(), "samples of the target class count for success"),
    ],
)
def test_the_law_catches_an_attack_that_leaks_or_miscounts(attack: BackdoorAttack, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_attack_trains(attack, lambda: untrained("ann"), X, Y, batch_size=16, nb_epochs=1)


def test_a_plan_that_an_attack_cannot_follow_is_refused_before_anything_is_trained() -> None:
    planned = {"lif": TrainingPlan(augmentation=Augmentation(1, place="before"))}
    with pytest.raises(ValueError, match="expected an attack with a trigger for augmentation before it is put on"):
        BackdoorEvaluation(Triggerless(), {"lif": untrained("lif")}, plans=planned)
    after = {"lif": TrainingPlan(augmentation=Augmentation(1, place="after"))}
    assert evaluated(Triggerless(), "lif", plans=after).rows[0].model == "lif"


def test_changes_are_counted_row_by_row() -> None:
    x = np.zeros((4, 1, 4, 4), np.float32)
    dataset = TriggerBackdoor(PatchTrigger(2, blend=0.5), 1, 0.5, include_target=True, seed=3).poison_dataset(
        x, np.array([1, 1, 0, 0])
    )
    found = poisoned_rows(x, dataset)

    rows = np.flatnonzero(dataset.is_poison)
    assert found.rows == tuple(rows)
    assert found.classes == tuple(dataset.y_clean[rows])
    assert found.n_relabelled == sum(dataset.y_clean[rows] != 1)
    assert (found.largest_change, found.mean_change, found.n_events) == (0.5, 0.125, None)


def test_event_streams_tell_how_many_events_they_have_more() -> None:
    streams = stack_streams([stream(seed=seed, width=8, height=8) for seed in range(6)])
    trigger = StaticTrigger(size=2, polarity="on")
    dataset = TriggerBackdoor(trigger, 0, 0.5, sensor_size=(8, 8), n_bins=2).poison_dataset(streams, np.arange(6) % 2)
    found = poisoned_rows(streams, dataset)

    more = [len(dataset.x[row]) - len(streams[row]) for row in found.rows]
    assert found.n_events == sum(more)
    assert np.isnan([found.largest_change, found.mean_change]).all()


def test_nothing_changed_is_a_change_of_zero() -> None:
    x, y = X[:8], Y[:8]
    dataset = TriggerBackdoor(PatchTrigger(2), TARGET, 0.0).poison_dataset(x, y)

    assert poisoned_rows(x, dataset) == PoisonedRows(
        rows=(), classes=(), n_relabelled=0, largest_change=0.0, mean_change=0.0
    )


def test_an_attack_says_by_its_methods_what_it_is() -> None:
    trigger = TriggerBackdoor(PatchTrigger(2), TARGET)

    assert isinstance(trigger, DataAttack)
    assert isinstance(OwnCorner(), BackdoorAttack)
    assert not isinstance(OwnCorner(), DataAttack)
    assert not isinstance(PatchTrigger(2), BackdoorAttack)


@pytest.mark.parametrize("attack", [OwnCorner(), TriggerBackdoor(PatchTrigger(2), TARGET, 0.2)])
@pytest.mark.parametrize("kind", ["ann", "lif"])
def test_the_laws_of_attacks_that_train_hold(attack: BackdoorAttack, kind: str) -> None:
    check_attack_trains(attack, lambda: untrained(kind), X, Y, batch_size=16, nb_epochs=1)
