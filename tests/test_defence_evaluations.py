"""What the three evaluations of defences have in common, and that of detectors of models."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from art.estimators.classification import PyTorchClassifier

from art_snn import testing as laws
from art_snn.attacks.poisoning import TriggerBackdoor
from art_snn.data import Dataset
from art_snn.defences.detector import ModelReport, SpikeSpectralDefence
from art_snn.defences.trainer import CleanFineTuning
from art_snn.evaluations import (
    BackdoorEvaluation,
    DetectionEvaluation,
    Doubt,
    EliminationEvaluation,
    Failure,
    ModelDetectionEvaluation,
    TrainedPair,
)
from art_snn.experiment import building, defend
from art_snn.experiment.result import plain
from art_snn.typing import Array
from tests.backdoored import TARGET, bars, trained, untrained
from tests.detecting import ATTACK
from tests.eliminating import CLEAN, TEST
from tests.specs import spec_of

PAIR = TrainedPair(trained("lif", backdoored=False), trained("lif"))
TRAIN = bars()
INVALID = (Doubt("one-class", "invalid", "made up"),)


class Suspecting:
    """A detector of models that suspects the class before the target most, and accuses backdoored models alone."""

    def __init__(self, classifier: PyTorchClassifier) -> None:
        self._is_backdoored = classifier is PAIR.backdoored

    def detect_backdoor(self, x: Array, y: Array) -> ModelReport:
        assert len(x) == len(y) == 40
        return ModelReport(self._is_backdoored, TARGET - 1, 0.01, np.array([2.0, 1.0, 0.0, 0.5]))


def without_costs(row: Any) -> dict[str, Any]:
    written: dict[str, Any] = plain(row)
    return written | {"seconds": 0, "peak_memory": 0}


def unasked(*_: object) -> Any:
    pytest.fail("a defence was asked")


def broken(*_: object) -> Any:
    raise RuntimeError("a tensor\nof another shape")


KINDS: dict[str, tuple[type, Callable[..., Any], tuple[Array, ...]]] = {
    "samples": (DetectionEvaluation, SpikeSpectralDefence, TRAIN),
    "models": (ModelDetectionEvaluation, Suspecting, CLEAN),
    "eliminations": (EliminationEvaluation, partial(CleanFineTuning, nb_epochs=1), (*CLEAN, *TEST)),
}
ALL = pytest.mark.parametrize(("evaluation", "make", "data"), KINDS.values(), ids=KINDS)


@ALL
def test_one_failing_defence_costs_one_row(evaluation: type, make: Callable[..., Any], data: tuple[Array, ...]) -> None:
    defences = {"broken": broken, "whole": make}
    two = {"lif": PAIR, "again": PAIR}
    recording = evaluation(ATTACK, two, defences, on_error="record")
    for _ in range(2):
        rows = recording.evaluate(*data, verbose=False)
    assert [(row.model, row.defence) for row in rows] == [("lif", "whole"), ("again", "whole")]
    assert recording.failures == [
        Failure(model=model, defence="broken", error="RuntimeError: a tensor of another shape") for model in two
    ]
    with pytest.raises(RuntimeError, match="another shape") as raised:
        evaluation(ATTACK, two, defences).evaluate(*data, verbose=False)
    assert raised.value.__notes__ == ["in the defence 'broken' of the model 'lif'"]


@ALL
def test_a_row_does_not_depend_on_what_is_evaluated_beside_it(
    evaluation: type, make: Callable[..., Any], data: tuple[Array, ...]
) -> None:
    alone = evaluation(ATTACK, {"lif": PAIR}, {"whole": make}).evaluate(*data, verbose=False)
    among = evaluation(ATTACK, {"a": PAIR, "lif": PAIR}, {"broken": broken, "whole": make}, on_error="record")
    assert without_costs(alone[0]) == without_costs(among.evaluate(*data, verbose=False)[1])


@ALL
def test_a_classifier_without_a_clean_twin_will_do(
    evaluation: type, make: Callable[..., Any], data: tuple[Array, ...]
) -> None:
    rows = evaluation(ATTACK, {"pair": PAIR, "alone": PAIR.backdoored}, {"whole": make}).evaluate(*data, verbose=False)
    pair, alone = (plain(row) for row in rows)
    of_the_twin = {"false_alarm_rate", "accused_when_clean", "is_clean_accused", "target_when_clean"} & set(pair)
    assert {alone[name] for name in of_the_twin} <= {None}
    skipped = {"model", "seconds", "peak_memory", *of_the_twin}
    assert all(alone[name] == value for name, value in pair.items() if name not in skipped)


@ALL
def test_what_means_nothing_is_not_defended_or_raises_whatever_becomes_of_errors(
    evaluation: type, make: Callable[..., Any], data: tuple[Array, ...]
) -> None:
    options = {"doubts": {"lif": INVALID}, "on_error": "record"}
    recording = evaluation(ATTACK, {"lif": PAIR}, {"whole": make}, **options)
    (row,) = recording.evaluate(*data, verbose=False)
    laws.check_result_owns_its_doubts(row)
    assert (row.doubts[0], getattr(row, "evidence", None), recording.failures) == (INVALID[0], None, [])
    with pytest.raises(ValueError, match="expected model 'lif' to mean something, got made up"):
        evaluation(ATTACK, {"lif": PAIR}, {"x": unasked}, on_doubt="raise", **options).evaluate(*data, verbose=False)


@ALL
@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"trained": {}}, ValueError, "expected classifiers and defences, got 0 and 1"),
        ({"defences": {}}, ValueError, "expected classifiers and defences, got 1 and 0"),
        ({"trained": PAIR}, TypeError, "expected trained by name"),
        ({"trained": {"lif": "lif"}}, TypeError, "expected 'lif' to be a PyTorchClassifier or a TrainedPair"),
        ({"trained": {"lif": (*PAIR, *PAIR)}}, TypeError, "expected 'lif' to be a PyTorchClassifier or a TrainedPair"),
        ({"defences": [SpikeSpectralDefence]}, TypeError, "expected defences by name"),
        ({"defences": {"x": "strip"}}, TypeError, "expected defence 'x' to be a class or a function that makes one"),
        ({"on_error": "skip"}, ValueError, "expected on_error to be one of 'raise', 'record'"),
        ({"on_doubt": "skip"}, ValueError, "expected on_doubt to be one of"),
    ],
)
def test_what_is_no_trained_model_or_defence_is_refused(
    evaluation: type,
    make: Callable[..., Any],
    data: tuple[Array, ...],
    changes: dict[str, Any],
    error: type[Exception],
    message: str,
) -> None:
    given = {"attack": ATTACK, "trained": {"lif": PAIR}, "defences": {"whole": make}}
    with pytest.raises(error, match=message):
        evaluation(**(given | changes))


def test_a_model_is_accused_and_the_place_of_the_target_is_told() -> None:
    (row,) = ModelDetectionEvaluation(ATTACK, {"lif": PAIR}, {"own": Suspecting}).evaluate(*CLEAN, verbose=False)
    assert (row.model, row.defence, row.is_accused, row.is_clean_accused) == ("lif", "own", True, False)
    assert (row.target_class, row.target_when_clean, row.p_value) == (TARGET - 1, TARGET - 1, 0.01)
    assert row.evidence.target_rank == 2
    assert row.seconds > 0
    assert row.doubts == ()
    assert "evidence" not in json.loads(json.dumps(plain(row)))


def test_a_model_that_was_never_trained_is_doubted_on_the_clean_samples() -> None:
    pair = TrainedPair(untrained("lif"), untrained("lif"))
    (row,) = ModelDetectionEvaluation(ATTACK, {"lif": pair}, {"own": broken}).evaluate(*CLEAN, verbose=False)
    assert row.is_accused is None
    assert row.doubts[0].text.startswith("on clean samples, the clean model: ")


def test_the_old_name_of_trained_models_is_taken_by_eliminations() -> None:
    old = EliminationEvaluation(ATTACK, estimators={"lif": PAIR.backdoored}, defences={"x": broken})
    assert old.trained == EliminationEvaluation(ATTACK, {"lif": PAIR.backdoored}, {"x": broken}).trained


# --- after a first evaluation ---------------------------------------------------------------------------------------


class Counted(TriggerBackdoor):
    """Counts the sets that it poisons and the samples that it triggers."""

    n_sets = n_triggered = 0

    def poison_dataset(self, x: Array, y: Array) -> Any:
        self.n_sets += 1
        return super().poison_dataset(x, y)

    def poison(self, x: Array, *args: Any, **kwargs: Any) -> Any:
        self.n_triggered += len(x)
        return super().poison(x, *args, **kwargs)


@pytest.fixture
def first() -> BackdoorEvaluation:
    attack = Counted(ATTACK.trigger, TARGET, ATTACK.percent_poison)
    evaluation = BackdoorEvaluation(attack, {"ann": untrained("ann")})
    evaluation.evaluate(*TRAIN, *TEST, batch_size=16, nb_epochs=8, verbose=False)
    return evaluation


def test_after_the_first_evaluation_nothing_is_poisoned_again(first: BackdoorEvaluation) -> None:
    (alone,) = DetectionEvaluation(
        first.attack, first.trained, {"x": SpikeSpectralDefence}, doubts=first.doubts
    ).evaluate(*TRAIN, verbose=False)
    assert first.attack.n_sets == 2
    (after,) = DetectionEvaluation(first.attack, first.trained, {"x": SpikeSpectralDefence}, after=first).evaluate(
        *TRAIN, verbose=False
    )
    assert first.attack.n_sets == 2
    assert without_costs(after) == without_costs(alone)


def test_after_the_first_evaluation_no_undefended_model_is_asked_again(
    first: BackdoorEvaluation, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = {"x": partial(CleanFineTuning, nb_epochs=1)}
    (alone,) = EliminationEvaluation(first.attack, first.trained, make, doubts=first.doubts).evaluate(*CLEAN, *TEST)
    before = first.attack.n_triggered
    monkeypatch.setattr(first.trained["ann"].backdoored, "predict", lambda *_, **__: pytest.fail("it was asked"))
    (after,) = EliminationEvaluation(first.attack, first.trained, make, after=first).evaluate(*CLEAN, *TEST)
    assert first.attack.n_triggered == before
    assert without_costs(after) == without_costs(alone)


def test_other_samples_and_other_classifiers_are_not_taken_for_those_of_the_first_evaluation(
    first: BackdoorEvaluation,
) -> None:
    other = {"ann": trained("ann")}
    make = {"x": partial(CleanFineTuning, nb_epochs=1)}
    fresh, after = (
        EliminationEvaluation(first.attack, other, make, **options).evaluate(*CLEAN, *TEST, verbose=False)
        for options in ({}, {"after": first})
    )
    assert without_costs(after[0]) == without_costs(fresh[0])
    x, y = bars(60, seed=5)
    (row,) = DetectionEvaluation(first.attack, first.trained, {"x": SpikeSpectralDefence}, after=first).evaluate(x, y)
    assert row.n_poison + row.n_clean == 60


def test_defending_poisons_the_training_set_and_triggers_the_test_set_once(monkeypatch: pytest.MonkeyPatch) -> None:
    data = Dataset(*bars(), *bars(80, seed=1), classes=tuple("abcd"), clip_values=(0.0, 1.0), title="bars")
    monkeypatch.setattr(building, "load_dataset", lambda *_, **__: data)
    attacks: list[Counted] = []
    build = lambda _, given, parameters: attacks.append(Counted(**given, **parameters)) or attacks[-1]  # noqa: E731
    monkeypatch.setattr(building, "build_attack", build)
    names = ("spectral", "activation", "channel-lipschitz-pruning", "fine-tuning")
    spec = spec_of(models=("ann", "if"), timesteps=2, width=0.25, epochs=6, set={"defences": list(names)})
    found = defend(spec, verbose=False)
    (attack,) = attacks
    assert (attack.n_sets, attack.n_triggered) == (1, 80)
    assert len(found.detection) == len(found.elimination) == 4
    assert not found.failures
