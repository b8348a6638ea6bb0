"""Clean-label poisoning: only samples of the target class get the trigger, and no label changes."""

from typing import Any

import numpy as np
import pytest

from art_snn import testing as laws
from art_snn.attacks.poisoning import PatchTrigger, StaticTrigger, TriggerBackdoor
from art_snn.typing import Array, Events, Images, Labels
from tests.attacks import K, N

TARGET = 1


def clean_label(percent_poison: float = 0.125, **arguments: Any) -> TriggerBackdoor:
    return TriggerBackdoor(PatchTrigger(), TARGET, percent_poison, clean_label=True, **arguments)


def test_it_obeys_the_laws_of_attacks(x: Images, y: Labels) -> None:
    laws.check_attack_keeps_rows(clean_label(), x, y)
    laws.check_attack_labels(clean_label(), x, y)
    laws.check_attack_repeats_itself(lambda seed: clean_label(seed=seed), x, y)
    laws.check_attack_keeps_labels(clean_label(), x, y)


@pytest.mark.parametrize("include_target", [False, True])
def test_the_law_of_clean_labels_catches_an_attack_that_changes_labels(include_target: bool, x: Images) -> None:
    attack = TriggerBackdoor(PatchTrigger(), TARGET, 0.5, include_target=include_target)
    with pytest.raises(AssertionError):
        laws.check_attack_keeps_labels(attack, x, np.arange(N) % K)


@pytest.mark.parametrize(("share", "rows"), [(0.0, 0), (0.125, 5), (0.249, 9), (0.25, 10)])
def test_its_share_is_that_of_all_rows(share: float, rows: int, x: Images, y: Labels) -> None:
    data = clean_label(share).poison_dataset(x, y)
    assert np.bincount(np.flatnonzero(data.is_poison) % K, minlength=K).tolist() == [0, rows, 0, 0]


def test_the_poisoned_rows_have_the_trigger_and_all_labels_are_those_given(x: Images, y: Labels) -> None:
    data = clean_label().poison_dataset(x, y)
    assert np.array_equal(data.x, np.where(data.is_poison[:, None, None, None], PatchTrigger()(x), x))
    assert np.array_equal(data.y, y)
    assert data.y.dtype == y.dtype


@pytest.mark.parametrize("arguments", [{"clean_label": True}, {"include_target": True, "percent_poison": 1.0}])
def test_probabilities_of_rows_that_are_of_the_target_class_already_stay(arguments: Any, x: Images) -> None:
    y = np.where(np.eye(K)[np.arange(N) % K] == 1, 0.7, 0.1)
    data = TriggerBackdoor(**{"trigger": PatchTrigger(), "target_class": TARGET} | arguments).poison_dataset(x, y)
    of_target = np.arange(N) % K == TARGET
    assert data.is_poison[of_target].any()
    assert np.array_equal(data.y[of_target], y[of_target])


def test_the_lazily_poisoned_set_is_the_same(x: Images, y: Labels) -> None:
    eager, lazy = clean_label().poison_dataset(x, y), clean_label().poison_lazily(x, y)
    samples, labels = zip(*lazy, strict=True)
    assert np.array_equal(np.stack(samples), eager.x)
    assert np.array_equal(np.stack(labels), y)


def test_at_test_time_it_triggers_all_samples_and_labels_them_as_the_target(x: Images, y: Labels) -> None:
    given, plain = clean_label().poison(x, y), TriggerBackdoor(PatchTrigger(), TARGET).poison(x, y)
    assert all(np.array_equal(*pair) for pair in zip(given, plain, strict=True))


def test_streams_of_the_target_class_are_poisoned(streams: Events) -> None:
    attack = TriggerBackdoor(StaticTrigger(size=2), TARGET, 0.25, sensor_size=(9, 7), clean_label=True)
    data = attack.poison_dataset(streams, np.arange(8) % 4)
    assert np.flatnonzero(data.is_poison).tolist() == [1, 5]


@pytest.mark.parametrize(
    ("share", "y", "message"),
    [
        (0.275, np.arange(N) % K, "at least 11 rows to choose from, got 10 of the target class; lower percent_poison$"),
        (0.01, np.arange(N) % K, "at least one row, got 0.01 of 40 rows"),
        (0.1, np.zeros(N, int), "expected class 1 to occur"),
    ],
)
def test_a_draw_that_cannot_be_made_is_an_error(share: float, y: Array, message: str, x: Images) -> None:
    for poison in (clean_label(share).poison_dataset, clean_label(share).poison_lazily):
        with pytest.raises(ValueError, match=message):
            poison(x, y)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"source_classes": 2}, "source_classes to be None with clean_label, .*target_class alone, got 2"),
        ({"source_classes": [TARGET]}, r"source_classes to be None with clean_label, .*target_class alone, got \[1\]"),
        ({"include_target": True}, "include_target to be False with clean_label, .*target_class alone, got True"),
    ],
)
def test_other_choices_of_rows_contradict_it(other: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        clean_label(**other)
    attack = clean_label()
    with pytest.raises(ValueError, match=message):
        attack.set_params(**other)
    assert attack.get_params() == clean_label().get_params() | {"trigger": attack.trigger}


def test_choices_that_say_nothing_are_taken(x: Images, y: Labels) -> None:
    given = clean_label(source_classes=None, include_target=np.False_).poison_dataset(x, y)
    assert np.array_equal(given.is_poison, clean_label().poison_dataset(x, y).is_poison)


@pytest.mark.parametrize("value", ["yes", 1, None])
def test_it_is_true_or_false(value: Any) -> None:
    with pytest.raises(TypeError, match="expected clean_label to be True or False"):
        TriggerBackdoor(PatchTrigger(), TARGET, clean_label=value)
