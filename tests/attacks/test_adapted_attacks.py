"""ART's attacks through the adapters: which rows change, what counts, and that an evaluation takes them."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from art.attacks.poisoning import (
    BullseyePolytopeAttackPyTorch,
    GradientMatchingAttack,
    HiddenTriggerBackdoor,
    PoisoningAttackCleanLabelBackdoor,
    SleeperAgentAttack,
)
from art.estimators.classification import PyTorchClassifier
from torch import nn

from art_snn._random import host_seed
from art_snn.attacks.poisoning import DataAttack, PatchTrigger, StaticTrigger, TriggerBackdoor, adapted
from art_snn.estimators.classification import SpikingClassifier, SpikingModule
from art_snn.evaluations import BackdoorEvaluation
from art_snn.models import small_cnn
from art_snn.testing import check_attack_trains
from art_snn.typing import Array
from tests.backdoored import SHAPE, TARGET, K, bars, trained, untrained

SOURCE = 2
X, Y = bars(80)
X_TEST, Y_TEST = bars(40, seed=1)
GIVEN = X_TEST[Y_TEST == SOURCE][:2]
ONE_HOT = np.eye(K, dtype=np.float32)
BACKDOOR = TriggerBackdoor(PatchTrigger(2), TARGET)
BRIEF = {"max_trials": 1, "max_epochs": 2, "verbose": 0}


@cache
def proxy(kind: str) -> PyTorchClassifier:
    """The attacker's own classifier: shared, as no attack may change it."""
    if kind != "standardised":
        return trained(kind, backdoored=False)
    with host_seed(0):
        model = nn.Sequential(nn.Flatten(), nn.Linear(64, K))
    optimizer, mean_std = torch.optim.Adam(model.parameters()), (0.5, 0.5)
    classifier = PyTorchClassifier(
        model, nn.CrossEntropyLoss(), SHAPE, K, optimizer, clip_values=(0.0, 1.0), preprocessing=mean_std
    )
    with host_seed(0):
        classifier.fit(X, Y, batch_size=16, nb_epochs=4)
    return classifier


def clean_label(kind: str = "ann", **settings: Any) -> DataAttack:
    attack = PoisoningAttackCleanLabelBackdoor(BACKDOOR, proxy(kind), ONE_HOT[TARGET], pp_poison=0.5, max_iter=2)
    return adapted(attack, **settings)


def hidden_trigger(kind: str = "ann", **settings: Any) -> DataAttack:
    layer = len(proxy(kind).layer_names) - 1
    attack = HiddenTriggerBackdoor(
        proxy(kind), ONE_HOT[TARGET], ONE_HOT[SOURCE], layer, BACKDOOR, max_iter=2, poison_percent=0.5, verbose=False
    )
    return adapted(attack, **settings)


def sleeper_agent(kind: str = "standardised", **settings: Any) -> DataAttack:
    given = {"class_source": SOURCE, "class_target": TARGET, "patching_strategy": "random"} | settings.pop("given", {})
    patch = np.ones((1, 2, 2), np.float32)
    return adapted(SleeperAgentAttack(proxy(kind), 0.5, patch, [], **given, **BRIEF), **settings)


def gradient_matching(kind: str = "ann", **settings: Any) -> DataAttack:
    attack = GradientMatchingAttack(proxy(kind), 0.1, clip_values=(0.0, 1.0), **BRIEF)
    return adapted(attack, **{"target_class": TARGET, "given": GIVEN} | settings)


def bullseye(kind: str = "ann", aims_at: Array = GIVEN, **settings: Any) -> DataAttack:
    attack = BullseyePolytopeAttackPyTorch(proxy(kind), aims_at, len(proxy(kind).layer_names) - 1, max_iter=2)
    return adapted(attack, **{"target_class": TARGET, "percent_poison": 0.1} | settings)


ATTACKS = [clean_label, hidden_trigger, sleeper_agent, gradient_matching, bullseye]
Make = Callable[..., DataAttack]


@pytest.mark.parametrize("make", ATTACKS)
def test_only_rows_of_the_target_change_and_no_label(make: Make) -> None:
    dataset = make().poison_dataset(X, Y)

    changed = (dataset.x != X).any(axis=(1, 2, 3))
    assert np.array_equal(changed, dataset.is_poison)
    assert changed.any()
    assert (Y[changed] == TARGET).all()
    assert np.array_equal(dataset.y, Y)
    assert dataset.x.dtype == X.dtype


@pytest.mark.parametrize("make", ATTACKS)
def test_an_adapter_obeys_the_laws_of_attacks_that_train(make: Make) -> None:
    x, y = (X_TEST, Y_TEST) if make in (gradient_matching, bullseye) else (X, Y)
    check_attack_trains(make(), lambda: untrained("lif"), x, y, batch_size=16, nb_epochs=1)


@pytest.mark.parametrize("make", ATTACKS)
def test_the_seed_chooses_the_rows(make: Make) -> None:
    rows = [make(seed=seed).poison_dataset(X, Y).is_poison for seed in (0, 1)]

    assert not np.array_equal(*rows)


@pytest.mark.parametrize(
    ("make", "classes"), [(clean_label, {0, 2, 3}), (hidden_trigger, {SOURCE}), (sleeper_agent, {SOURCE})]
)
def test_what_counts_are_samples_of_the_source_classes_with_the_trigger(make: Make, classes: set[int]) -> None:
    shown, counted = make().trigger_test(X_TEST, Y_TEST)

    assert set(Y_TEST[counted]) == classes
    assert ((shown != X_TEST).reshape(40, -1).sum(axis=1) <= 4).all()
    assert (shown != X_TEST).any(axis=(1, 2, 3)).all()


@pytest.mark.parametrize("make", [gradient_matching, bullseye])
def test_an_attack_on_given_samples_counts_these_alone(make: Make) -> None:
    shown, counted = make().trigger_test(X_TEST, Y_TEST)

    assert np.array_equal(shown, X_TEST)
    assert np.array_equal(X_TEST[counted], GIVEN)
    with pytest.raises(ValueError, match="expected the given samples among the test samples, got another, number 0"):
        make().trigger_test(X, Y)


def test_a_fixed_patch_lies_in_the_corner_in_the_samples_own_unit() -> None:
    shown, _ = sleeper_agent(given={"patching_strategy": "fixed"}).trigger_test(X_TEST, Y_TEST)

    assert np.allclose(shown[..., -2:, -2:], 1.0)
    assert np.array_equal(shown[..., :-2, :], X_TEST[..., :-2, :])


def test_the_sleeper_agent_learns_from_as_many_samples_as_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(SleeperAgentAttack, "_initialize_poison_pytorch", lambda _, x, *__: asked.append(len(x)))
    with pytest.raises(AttributeError):  # as nothing is initialised
        sleeper_agent(n_triggers=3).poison_dataset(X, Y)

    assert asked == [3]


@pytest.mark.parametrize("make", [clean_label, hidden_trigger, gradient_matching, bullseye])
def test_the_attacker_may_have_a_spiking_network(make: Make) -> None:
    assert make("lif").poison_dataset(X, Y).is_poison.any()


@pytest.mark.parametrize("make", ATTACKS)
def test_an_evaluation_takes_it(make: Make) -> None:
    evaluation = BackdoorEvaluation(make(), {"lif": untrained("lif")})
    (row,) = evaluation.evaluate(X, Y, X_TEST, Y_TEST, verbose=False, batch_size=16, nb_epochs=4)

    exam = evaluation.exams["lif"]
    assert row.n_asr == exam.counted.sum() > 0
    assert set(row.poisoned.classes) == {TARGET}
    assert row.poisoned.n_relabelled == 0
    assert row.poisoned.largest_change > 0


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_frames_keep_whole_counts(dtype: type) -> None:
    rng = np.random.default_rng(0)
    frames, labels = rng.poisson(1.0, (24, 2, 2, 8, 8)).astype(dtype), np.arange(24) % 2
    classifier = _of_frames()
    backdoor = TriggerBackdoor(StaticTrigger(size=2, polarity="on"), 1)
    attack = PoisoningAttackCleanLabelBackdoor(backdoor, classifier, np.eye(2)[1], 0.5, eps=2, eps_step=1, max_iter=2)

    dataset = adapted(attack).poison_dataset(frames, labels)

    away = dataset.x[dataset.is_poison][..., 3:, 3:].astype(int) - frames[dataset.is_poison][..., 3:, 3:].astype(int)
    assert dataset.x.dtype == dtype
    assert (dataset.x >= 0).all()
    assert np.array_equal(dataset.x, np.rint(dataset.x))
    assert np.abs(away).max() in (1, 2)


def _of_frames() -> SpikingClassifier:
    module = SpikingModule(small_cnn(2, 2, neuron="lif", width=0.25))
    return SpikingClassifier(module, nn.CrossEntropyLoss(), (2, 2, 8, 8), 2)


def test_bullseye_of_art_never_reads_its_target() -> None:
    layer = len(proxy("ann").layer_names) - 1
    made = [
        adapted(
            BullseyePolytopeAttackPyTorch(proxy("ann"), given, layer, max_iter=2), target_class=1, percent_poison=0.1
        )
        for given in (GIVEN, 1 - GIVEN)
    ]

    assert np.array_equal(*(one.poison_dataset(X, Y).x for one in made))


def _bad(make: Callable[[], Any]) -> Callable[[], Any]:
    return make


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: adapted(PatchTrigger(2)), TypeError, "expected an attack of ART's, one of PoisoningAttackCleanLabel"),
        (lambda: clean_label(seed=-1), ValueError, "expected seed to be at least 0, got -1"),
        (lambda: bullseye(percent_poison=0), ValueError, r"expected percent_poison to be .* got 0"),
        (
            lambda: bullseye(percent_poison=0.9).poison_dataset(X, Y),
            ValueError,
            "expected percent_poison to choose at most the 20",
        ),
        (lambda: gradient_matching(given=X[:0]), ValueError, "expected at least one given sample"),
        (lambda: clean_label().poison_dataset(X, Y[:3]), ValueError, "expected as many"),
        (lambda: sleeper_agent(n_triggers=0), ValueError, "expected n_triggers to be at least 1, got 0"),
    ],
)
def test_nonsense_is_one_clear_error(make: Callable[[], Array], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()
