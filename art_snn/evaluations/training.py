"""Training a copy of a classifier afresh, step by step, each step on clean or on poisoned data."""

import copy
from collections.abc import Mapping
from typing import Any, NamedTuple

from art.estimators.classification import PyTorchClassifier

from art_snn._validation import check_unknown
from art_snn.conversion import NotCalibratedError, threshold_shift
from art_snn.estimators.classification import LearningRule, TrainingData, rule_of
from art_snn.evaluations.combination import PoisonCombination

FIT_ARGUMENTS = ("batch_size", "nb_epochs", "training_mode", "drop_last")  # a scheduler would serve one optimiser only


class Trained(NamedTuple):
    """A classifier after training, and what it was on the way.

    Args:
        final: The classifier.
        converted: Where thresholds were calibrated, the classifier as it was right afterwards: `final` itself, or a
            copy where a further step trained it; else None.
        threshold_shift: By layer, how far poisoned calibration data moved the threshold; where they were used.
        failure: Why the ANN could not be converted, if it could not: it diverged, or a layer of it is silent.
    """

    final: PyTorchClassifier
    converted: PyTorchClassifier | None = None
    threshold_shift: dict[str, float] | None = None
    failure: str | None = None


class Seeds(NamedTuple):
    """What decides a training: one stream of weights, one of everything else."""

    weights: int
    batches: int


def check_fit_arguments(owner: str, fit_arguments: Mapping[str, Any]) -> None:
    """No typo among them: ART's own class would swallow it and train with its defaults."""
    check_unknown(owner, fit_arguments.keys() - set(FIT_ARGUMENTS))


def train_afresh(
    estimator: PyTorchClassifier,
    clean: TrainingData,
    poisoned: TrainingData,
    combination: PoisonCombination,
    seeds: Seeds,
    fit_arguments: Mapping[str, Any],
) -> Trained:
    """Train a copy of a classifier, from weights and in an order that the seeds decide.

    Args:
        estimator: Any `PyTorchClassifier`; it is not changed.
        clean: Clean training data.
        poisoned: The same with poison.
        combination: Which of the two each step sees.
        seeds: Of weights and batches.
        fit_arguments: For the steps of `fit`, such as `batch_size` and `nb_epochs`.
    """
    rule, converted, shift = rule_of(estimator).afresh(seeds.weights), None, None
    for step in rule.training_steps:
        data = poisoned if combination.is_poisoned(step) else clean
        if step != "calibration":
            own = rule.n_epochs(step)
            arguments = {**fit_arguments, **({} if own is None else {"nb_epochs": own})}
            rule.train_step(step, data, seed=seeds.batches, **arguments)
            continue
        try:
            shift = _calibrate(rule, clean, data, seeds.batches)
        except NotCalibratedError as error:  # what is wrong with the ANN is a finding, and other models wait
            rule.forget_calibration()
            return Trained(rule.classifier, rule.classifier, failure=str(error))
        converted = rule.classifier if step == rule.training_steps[-1] else rule.copied().classifier
    return Trained(rule.classifier, converted, shift)


def _calibrate(rule: LearningRule, clean: TrainingData, data: TrainingData, seed: int) -> dict[str, float] | None:
    """Calibrate; where the data are poisoned, also tell how far that moved the thresholds."""
    rule.train_step("calibration", clean, seed=seed)
    if data is clean:
        return None
    calibrated_clean = copy.deepcopy(rule.network)
    rule.train_step("calibration", data, seed=seed)
    return threshold_shift(calibrated_clean, rule.network)
