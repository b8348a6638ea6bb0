"""Backdoor attacks: which rows get the trigger, which labels they carry, what is refused."""

import numpy as np
import pytest
from art.attacks.poisoning import (
    PoisoningAttackBackdoor,
    PoisoningAttackCleanLabelBackdoor,
)
from torch import nn

from art_snn import testing as laws
from art_snn.attacks.poisoning import (
    PatchTrigger,
    PoisonedDataset,
    TriggerBackdoor,
)
from art_snn.typing import Array, Images, Labels, Trigger
from tests.attacks import N


def classes_of(y: Labels) -> Array:
    return y if y.ndim == 1 else y.argmax(axis=1)


def test_poison_keeps_the_rows_and_their_order(attack: TriggerBackdoor, x: Images, y: Labels) -> None:
    laws.check_attack_keeps_rows(attack, x, y)


def test_poison_gives_labels_in_the_form_it_got(attack: TriggerBackdoor, x: Images, y: Labels) -> None:
    laws.check_attack_labels(attack, x, y)


def in_place(x: Images) -> Images:
    """A perturbation as ART allows it."""
    x[..., -2:, -2:] = 1
    return x


@pytest.mark.parametrize("trigger", [PatchTrigger(), in_place])
def test_poison_leaves_samples_and_labels_alone(trigger: Trigger, x: Images, y: Labels) -> None:
    laws.check_attack_leaves_data_alone(TriggerBackdoor(trigger, target_class=1), x, y)


def test_art_takes_it_for_its_own_backdoor(attack: TriggerBackdoor) -> None:
    laws.check_attack_is_arts(attack, PoisoningAttackBackdoor)


class Rogue(PoisoningAttackBackdoor):
    """Breaks every law of attacks."""

    attack_params = ["perturbation", "seed"]  # noqa: RUF012
    _estimator_requirements = (nn.Module,)

    def __init__(self, **kwargs) -> None:
        self.draws = 0
        self._estimator = None
        self.perturbation = PatchTrigger()

    def poison(self, x, y=None, broadcast=False, **kwargs):
        x += 1
        return x[::-1], np.full((len(x),), 7.0)

    def poison_dataset(self, x, y):
        self.draws += 1
        return PoisonedDataset(x, y, np.arange(len(x)) == self.draws, y)


@pytest.mark.parametrize(
    "law",
    [
        laws.check_attack_keeps_rows,
        laws.check_attack_labels,
        laws.check_attack_leaves_data_alone,
        laws.check_attack_rejects_unknown,
        lambda attack, x, y: laws.check_attack_repeats_itself(lambda seed: attack, x, y),
        lambda attack, x, y: laws.check_attack_repeats_itself(lambda seed: TriggerBackdoor(PatchTrigger(), 1), x, y),
        lambda attack, x, y: laws.check_attack_is_arts(attack, PoisoningAttackBackdoor),
        lambda attack, x, y: laws.check_attack_is_arts(attack, PoisoningAttackCleanLabelBackdoor),
        lambda attack, x, y: laws.check_attack_params(attack),
    ],
)
def test_each_law_of_attacks_catches_one_that_breaks_it(law, x: Images, y: Labels) -> None:
    with pytest.raises(AssertionError):
        law(Rogue(), x, y)


def test_poison_triggers_every_row_and_labels_it_as_the_target(x: Images, y: Labels) -> None:
    trigger = PatchTrigger(size=3)

    x_poison, y_poison = TriggerBackdoor(trigger, 1).poison(x, y)

    assert np.array_equal(x_poison, trigger(x))
    assert (classes_of(y_poison) == 1).all()


def test_poison_without_labels_gives_indices(attack: TriggerBackdoor, x: Images) -> None:
    assert attack.poison(x)[1].tolist() == [1] * N


def test_poison_broadcasts_one_label_to_writable_rows(attack: TriggerBackdoor, x: Images) -> None:
    _, y_poison = attack.poison(x[:2], np.array([0.0, 0.0, 1.0]), broadcast=True)
    y_poison[0, 2] = 5

    assert y_poison.tolist() == [[0, 1, 5], [0, 1, 0]]


def test_a_poisoned_set_differs_from_the_clean_one_in_the_poisoned_rows_only(x: Images, y: Labels) -> None:
    trigger = PatchTrigger(size=3)

    data = TriggerBackdoor(trigger, 1, percent_poison=0.25).poison_dataset(x, y)

    assert data.is_poison.dtype == bool
    assert data.is_poison.sum() == 10
    assert np.array_equal(data.x[data.is_poison], trigger(x[data.is_poison]))
    assert np.array_equal(data.x[~data.is_poison], x[~data.is_poison])
    assert (classes_of(data.y)[data.is_poison] == 1).all()
    assert np.array_equal(data.y[~data.is_poison], y[~data.is_poison])
    assert np.array_equal(data.y_clean, y)
    assert data.y.shape == y.shape
    assert data.y.dtype == y.dtype


def test_poisoning_a_set_leaves_the_clean_one_alone(attack: TriggerBackdoor, x: Images, y: Labels) -> None:
    x_before, y_before = x.copy(), y.copy()

    data = attack.poison_dataset(x, y)
    for array in (data.x, data.y, data.y_clean):
        array[:] = 0

    assert np.array_equal(x, x_before)
    assert np.array_equal(y, y_before)


def test_rows_of_the_target_class_are_drawn_only_when_asked_for(x: Images, y: Labels) -> None:
    without = TriggerBackdoor(PatchTrigger(), 1, percent_poison=0.75).poison_dataset(x, y)
    everything = TriggerBackdoor(PatchTrigger(), 1, percent_poison=1.0, include_target=True).poison_dataset(x, y)

    assert not without.is_poison[classes_of(y) == 1].any()
    assert everything.is_poison.all()


@pytest.mark.parametrize("sources", [2, [2], (2,), np.array([2])], ids=repr)
def test_only_source_classes_are_poisoned(sources, x: Images, y: Labels) -> None:
    data = TriggerBackdoor(PatchTrigger(), 1, source_classes=sources).poison_dataset(x, y)

    assert set(classes_of(y)[data.is_poison]) == {2}
    assert data.is_poison.sum() == 4


@pytest.mark.parametrize(("share", "rows"), [(0.0, 0), (0.1, 4), (0.199, 7), (1 / 40, 1)])
def test_the_number_of_rows_is_the_share_of_all_rounded_down(share: float, rows: int, x: Images, y: Labels) -> None:
    assert TriggerBackdoor(PatchTrigger(), 1, share).poison_dataset(x, y).is_poison.sum() == rows


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"percent_poison": 0.01}, "at least one row, got 0.01 of 40 rows"),
        ({"percent_poison": 0.8}, "at least 32 rows to choose from, got 30"),
        ({"percent_poison": 0.5, "source_classes": 0}, "at least 20 rows to choose from, got 10"),
        ({"percent_cover": 0.01, "source_classes": 0}, "percent_cover to come to at least one row, got 0.01 of 40"),
        (
            {"percent_cover": 0.75, "source_classes": 0},
            "at least 30 rows to choose from, got 20 outside source_classes",
        ),
        ({"target_class": 9}, "expected class 9 to occur"),
        ({"source_classes": [2, 8]}, "expected class 8 to occur"),
    ],
)
def test_a_draw_that_cannot_be_made_is_an_error(keywords: dict, message: str, x: Images, y: Labels) -> None:
    attack = TriggerBackdoor(**{"trigger": PatchTrigger(), "target_class": 1} | keywords)

    with pytest.raises(ValueError, match=message):
        attack.poison_dataset(x, y)


@pytest.mark.parametrize(
    ("keywords", "error", "message"),
    [
        ({"trigger": "patch"}, TypeError, "trigger to be a function of arrays, got 'patch'"),
        ({"trigger": [PatchTrigger()]}, TypeError, "trigger to be a function of arrays"),
        ({"target_class": -1}, ValueError, "target_class to be at least 0"),
        ({"target_class": 1.0}, TypeError, "target_class to be a whole number"),
        ({"percent_poison": "0.1"}, TypeError, "percent_poison to be a number, got '0.1'"),
        ({"seed": -1}, ValueError, "seed to be at least 0"),
        ({"percent_poison": 10}, ValueError, "percent_poison to be a fraction"),
        ({"sensor_size": (34, 34, 1)}, ValueError, "sensor_size to be"),
        ({"n_bins": 0}, ValueError, "n_bins to be at least 1"),
        ({"split_by": "frames"}, ValueError, "split_by to be 'count', 'time' or a duration in µs, got 'frames'"),
        ({"window": (5, 5)}, ValueError, r"window to be \(start, stop\) in µs with start < stop, .*got \(5, 5\)"),
        ({"window": 5}, TypeError, r"window to be \(start, stop\) in µs in whole numbers, got 5"),
    ],
)
def test_wrong_parameters_are_errors_when_the_attack_is_made(keywords: dict, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        TriggerBackdoor(**{"trigger": PatchTrigger(), "target_class": 1} | keywords)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.zeros((0, 1, 4, 4)), None), "at least one sample"),
        ((np.zeros((2, 1, 4, 4)), np.zeros(3)), "got 3 labels for 2 samples"),
        ((np.zeros((2, 1, 4, 4)), np.eye(2)[:, :1]), "K above target class 1"),
    ],
)
def test_poison_says_what_it_expected(attack: TriggerBackdoor, arguments: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        attack.poison(*arguments)


@pytest.mark.parametrize(
    ("trigger", "got"),
    [
        (lambda x: x / 255.0 + 0.1, r"shape \(40, 1, 6, 6\) and dtype float64"),
        (lambda x: x[:0], r"shape \(0, 1, 6, 6\) and dtype uint8"),
        (lambda x: None, "None"),
    ],
)
def test_a_trigger_that_changes_shape_or_dtype_is_an_error(trigger: Trigger, got: str, y: Labels) -> None:
    x, attack = np.zeros((N, 1, 6, 6), np.uint8), TriggerBackdoor(trigger, 1, percent_poison=1, include_target=True)

    for poison in (attack.poison, attack.poison_dataset):
        with pytest.raises(ValueError, match=rf"of shape \(40, 1, 6, 6\) and dtype uint8 as it got, got {got}"):
            poison(x, y)
    with pytest.raises(ValueError, match="expected the trigger to give back an array of shape"):
        attack.poison_lazily(x[:1], y[1:2])[0]


def test_set_params_replaces_the_trigger_that_art_sees(attack: TriggerBackdoor) -> None:
    attack.set_params(trigger=PatchTrigger(size=4))

    assert attack.perturbation == attack.trigger == PatchTrigger(size=4)
