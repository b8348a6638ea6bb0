"""Source-specific backdoors: only source classes obey, and cover samples of others show the trigger for nothing."""

from typing import Any

import numpy as np
import pytest

from art_snn import testing as laws
from art_snn.attacks.poisoning import PatchTrigger, TriggerBackdoor
from art_snn.evaluations.answers import Answers
from art_snn.evaluations.samples import exam_of
from art_snn.typing import Images, Labels
from tests.attacks import K, N

TARGET = 1
CLASSES = np.arange(N) % K


def specific(percent_cover: float = 0.25, **arguments: Any) -> TriggerBackdoor:
    settings = {"percent_poison": 0.125, "source_classes": 2, "percent_cover": percent_cover} | arguments
    return TriggerBackdoor(PatchTrigger(), TARGET, **settings)


def test_it_obeys_the_laws_of_attacks(x: Images, y: Labels) -> None:
    laws.check_attack_keeps_rows(specific(), x, y)
    laws.check_attack_labels(specific(), x, y)
    laws.check_attack_params(specific())
    laws.check_attack_repeats_itself(lambda seed: specific(seed=seed), x, y)


def test_sources_are_relabelled_and_cover_samples_of_other_classes_are_not(x: Images, y: Labels) -> None:
    data = specific().poison_dataset(x, y)

    relabelled = (data.y != y).reshape(N, -1).any(axis=1)
    assert np.array_equal(data.x, np.where(data.is_poison[:, None, None, None], PatchTrigger()(x), x))
    assert np.bincount(CLASSES[relabelled], minlength=K).tolist() == [0, 0, 5, 0]
    assert set(CLASSES[data.is_poison & ~relabelled]) == {0, 3}
    assert (data.is_poison & ~relabelled).sum() == 10


def test_cover_samples_move_no_poisoned_row(x: Images, y: Labels) -> None:
    of_source = CLASSES == 2
    with_cover, without = (specific(share).poison_dataset(x, y) for share in (0.25, 0.0))

    assert np.array_equal(with_cover.is_poison[of_source], without.is_poison[of_source])
    assert without.is_poison.sum() == 5


def test_the_lazily_poisoned_set_is_the_same(x: Images, y: Labels) -> None:
    eager, lazy = specific().poison_dataset(x, y), specific().poison_lazily(x, y)
    samples, labels = zip(*lazy, strict=True)

    assert np.array_equal(np.stack(samples), eager.x)
    assert np.array_equal(np.stack(labels), eager.y)


@pytest.mark.parametrize(
    ("sources", "counted"), [(2, {2}), ([0, 3], {0, 3}), (None, {0, 2, 3})], ids=["one", "two", "all"]
)
def test_success_is_counted_on_source_classes(sources: Any, counted: set[int], x: Images, y: Labels) -> None:
    shown, counts = specific(0.0, source_classes=sources).trigger_test(x, y)

    assert np.array_equal(shown, PatchTrigger()(x))
    assert set(CLASSES[counts]) == counted
    assert counts.sum() == N // K * len(counted)


def test_what_the_trigger_does_to_other_classes_is_told_beside_it(x: Images) -> None:
    exam = exam_of(specific(), x, CLASSES)
    obeyed = np.where(CLASSES == 2, TARGET, CLASSES)
    obeyed[np.flatnonzero(CLASSES == 3)[:4]] = TARGET
    answers = Answers(np.eye(K)[CLASSES], np.eye(K)[obeyed], {})

    assert exam.asr(answers) == 1.0
    assert exam.asr_others(answers) == 4 / 20
    assert set(CLASSES[exam.others]) == {0, 3}


def test_an_attack_on_all_classes_has_no_others(x: Images) -> None:
    exam = exam_of(TriggerBackdoor(PatchTrigger(), TARGET), x, CLASSES)

    assert not exam.others.any()
    assert np.isnan(exam.asr_others(Answers(np.eye(K)[CLASSES], np.eye(K)[CLASSES], {})))


def test_a_test_set_without_source_classes_is_refused(x: Images) -> None:
    rows = CLASSES != 2
    with pytest.raises(ValueError, match="test samples of other classes than 1, got none that the attack is meant for"):
        exam_of(specific(), x[rows], CLASSES[rows])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"source_classes": [1, 2]}, r"source_classes without the target class 1, got \[1, 2\]; leave it out"),
        ({"source_classes": 1}, "source_classes without the target class 1, got 1; leave it out"),
        ({"source_classes": None}, "source_classes for cover samples, .*got None and percent_cover 0.25"),
        ({"source_classes": None, "clean_label": True}, "source_classes for cover samples, .*got None"),
        ({"percent_cover": 1.5}, "percent_cover to be a fraction"),
    ],
)
def test_contradictions_are_named_and_change_nothing(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        specific(**arguments)
    attack = specific()
    with pytest.raises(ValueError, match=message):
        attack.set_params(**arguments)
    assert attack.get_params() == specific().get_params() | {"trigger": attack.trigger}


def test_the_target_class_may_be_a_source_where_it_is_asked_for(x: Images, y: Labels) -> None:
    data = specific(source_classes=[1, 2], include_target=True, percent_poison=0.5).poison_dataset(x, y)

    assert data.is_poison[(CLASSES == 1) | (CLASSES == 2)].all()
