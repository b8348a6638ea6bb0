"""Every entry of the catalogue, built from its example arguments, obeys the laws of its kind; so does a new one.

Other files run a law again only on what is not built here: other settings, rules, networks or data types.
"""

import copy
import inspect
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
from art.attacks import PoisoningAttack
from art.estimators.classification import PyTorchClassifier

from art_snn import catalogue
from art_snn import testing as laws
from art_snn.attacks.poisoning import NeuromorphicTrigger
from art_snn.evaluations import eliminate
from art_snn.events import make_events
from art_snn.testing.examples import example_arguments
from art_snn.typing import Array, Trigger

RNG = np.random.default_rng(0)
K = 3
Y = np.arange(30) % K
X = RNG.uniform(0, 0.2, (30, 1, 8, 8)).astype(np.float32)
X[np.arange(30), :, 2 * Y] += 0.7  # a bright row, whose place is the class
SHORT = {"nb_epochs": 2, "steps": 10}
X_FRAMES = RNG.poisson(0.5, (30, 4, 2, 8, 8)).astype(np.uint8)
FRAMES = RNG.poisson(0.6, (3, 6, 2, 24, 30)).astype(np.uint8)


def _over(kind: dict[str, type]) -> Any:
    return pytest.mark.parametrize("name", kind)


def _trigger(name: str) -> Trigger:
    trigger = catalogue.TRIGGERS[name](**example_arguments(name))
    return trigger.fit(_samples(trigger)) if trigger.needs_fitting else trigger


def _samples(trigger: Any) -> Array:
    return FRAMES if isinstance(trigger, NeuromorphicTrigger) else X


def _classifier(name: str) -> PyTorchClassifier:
    return catalogue.ESTIMATORS[name](**example_arguments(name))


def _defence(kind: dict[str, type], name: str, *replaced: Any, **parameters: Any) -> Any:
    """From its example arguments, the first of them replaced by these; it shall not take long."""
    example = example_arguments(name)
    accepted = inspect.signature(kind[name]).parameters
    short = {parameter: value for parameter, value in SHORT.items() if parameter in accepted}
    return kind[name](**example | short | dict(zip(example, replaced, strict=False)) | parameters)


@_over(catalogue.TRIGGERS)
def test_triggers(name: str) -> None:
    trigger = _trigger(name)
    x = _samples(trigger)
    laws.check_trigger_keeps_shape_and_dtype(trigger, x)
    laws.check_trigger_leaves_input_alone(trigger, x)
    laws.check_trigger_repeats_itself(trigger, x)
    laws.check_trigger_treats_samples_alone(trigger, x)
    most = x.sum(axis=1).max() if getattr(trigger, "keeps_counts", False) else max(1, x.max())
    laws.check_trigger_stays_within(trigger, x, 0, most)
    laws.check_trigger_changes_something(trigger, x)
    laws.check_trigger_is_a_value(trigger, x)
    laws.check_trigger_rejects_axes(trigger, x)
    laws.check_trigger_rejects_layouts(trigger, x)
    laws.check_trigger_rejects_what_is_no_array(trigger, x)
    laws.check_trigger_rejects_nan(trigger, x)
    laws.check_trigger_ignores_memory(trigger, x)
    laws.check_trigger_gives_a_tensor_for_a_tensor(trigger, x)


@_over({name: kind for name, kind in catalogue.TRIGGERS.items() if "size" in inspect.signature(kind).parameters})
def test_triggers_that_have_a_size(name: str) -> None:
    trigger = replace(_trigger(name), size=2)
    x: Array = FRAMES * 0 + 7 if isinstance(trigger, NeuromorphicTrigger) else X * 0 + 0.5
    laws.check_trigger_marks_a_square(trigger, x, 2)


@_over({name: kind for name, kind in catalogue.TRIGGERS.items() if getattr(kind, "keeps_counts", False)})
def test_triggers_that_keep_counts(name: str) -> None:
    laws.check_trigger_keeps_counts(_trigger(name), FRAMES)


@_over({name: kind for name, kind in catalogue.TRIGGERS.items() if issubclass(kind, NeuromorphicTrigger)})
def test_triggers_on_events(name: str) -> None:
    x, y = RNG.integers(0, 30, 200), RNG.integers(0, 24, 200)
    events = make_events(x=x, y=y, t=np.sort(RNG.integers(0, 60_000, 200)), p=RNG.integers(0, 2, 200))
    laws.check_trigger_agrees_on_events(_trigger(name), events, (30, 24), 6, (0, 60_000))


@_over({name: kind for name, kind in catalogue.ATTACKS.items() if catalogue.poisons_data(name)})
def test_attacks(name: str) -> None:
    make = partial(catalogue.ATTACKS[name], **example_arguments(name))
    laws.check_attack_keeps_rows(make(), X, Y)
    laws.check_attack_labels(make(), X, Y)
    laws.check_attack_leaves_data_alone(make(), X, Y)
    laws.check_attack_rejects_unknown(make(), X, Y)
    laws.check_attack_is_arts(make(), PoisoningAttack)
    laws.check_attack_params(make())
    laws.check_attack_repeats_itself(lambda seed: make(seed=seed), X, Y)
    laws.check_attack_rejects_labels(make(), X, Y)
    laws.check_attack_gives_no_other_type(make(), X, Y)


@pytest.mark.slow
@_over({name: kind for name, kind in catalogue.ATTACKS.items() if not catalogue.poisons_data(name)})
def test_attacks_that_train(name: str) -> None:
    x = X.repeat(2, axis=2).repeat(2, axis=3)
    example = example_arguments("spiking") | {"input_shape": x.shape[1:]}

    def untrained() -> PyTorchClassifier:
        return catalogue.ESTIMATORS["spiking"](**copy.deepcopy(example))

    attack = catalogue.ATTACKS[name](**example_arguments(name))
    laws.check_attack_trains(attack, untrained, x, Y, batch_size=15, nb_epochs=1)
    learnt: Any = attack.train(untrained(), x, Y, batch_size=15, nb_epochs=1)[1].attack
    laws.check_attack_keeps_rows(learnt, x, Y)
    laws.check_attack_labels(learnt, x, Y)
    laws.check_attack_leaves_data_alone(learnt, x, Y)
    laws.check_attack_rejects_unknown(learnt, x, Y)
    laws.check_attack_is_arts(learnt, PoisoningAttack)
    laws.check_attack_params(learnt)
    laws.check_attack_rejects_labels(learnt, x, Y)
    laws.check_attack_gives_no_other_type(learnt, x, Y)


@pytest.mark.slow
@_over(catalogue.ESTIMATORS)
def test_estimators(name: str) -> None:
    laws.check_fit_follows_the_seed(partial(_classifier, name), X, Y)
    classifier = _classifier(name)
    classifier.fit(X, Y, batch_size=10, nb_epochs=30, seed=0)  # until norms know the data
    laws.check_tells_samples_apart(classifier, X)
    laws.check_answers_alike_twice(classifier, X)
    laws.check_ignores_batch_size(classifier, X)
    laws.check_follows_the_order(classifier, X)
    laws.check_restores_the_mode(classifier, partial(classifier.predict, X))


@pytest.fixture(scope="module")
def trained() -> PyTorchClassifier:
    classifier = _classifier("spiking")
    classifier.fit(X, Y, batch_size=10, nb_epochs=30, seed=0)
    return classifier


@pytest.mark.slow
@_over(catalogue.SAMPLE_DETECTORS)
def test_detectors_of_samples(name: str, trained: PyTorchClassifier) -> None:
    make: Callable[..., Any] = partial(_defence, catalogue.SAMPLE_DETECTORS, name)
    classifier, x = trained, X
    if catalogue.SAMPLE_DETECTORS[name].needs_frames:
        classifier, x = example_arguments(name)["classifier"], X_FRAMES
    detector = make(classifier, x, Y)
    laws.check_detector_answers(detector)
    laws.check_detector_evaluates(detector, Y == 0)
    laws.check_detector_repeats_itself(make, classifier, x, Y)
    laws.check_detector_scores_samples_alone(detector, x[:5])
    laws.check_detector_leaves_classifier_and_data_alone(make, classifier, x, Y)
    laws.check_detector_params(detector)


@pytest.mark.slow
@_over(catalogue.MODEL_DETECTORS)
def test_detectors_of_models(name: str, trained: PyTorchClassifier) -> None:
    make: Callable[..., Any] = partial(_defence, catalogue.MODEL_DETECTORS, name, trained)
    laws.check_model_detector_reports(make(), X, Y)
    laws.check_model_detector_repeats_itself(make, X, Y)
    laws.check_model_detector_leaves_classifier_alone(make(), X, Y)
    laws.check_model_detector_params(make())


@pytest.mark.slow
@_over(catalogue.ELIMINATIONS)
def test_eliminations(name: str, trained: PyTorchClassifier) -> None:
    def new(given: PyTorchClassifier) -> PyTorchClassifier:
        return eliminate(_defence(catalogue.ELIMINATIONS, name, given), X, Y)

    laws.check_elimination_gives_a_new_classifier(new, trained)
    laws.check_elimination_leaves_the_given_alone(new, trained)
    laws.check_elimination_keeps_the_mode(new, trained)
    laws.check_elimination_repeats_itself(new, trained)
    laws.check_elimination_params(_defence(catalogue.ELIMINATIONS, name, trained))
