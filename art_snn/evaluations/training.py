"""Training a copy of a classifier afresh, step by step, each step on clean or on poisoned data."""

import copy
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from art.estimators.classification import PyTorchClassifier

from art_snn._random import host_seed
from art_snn._validation import check_unknown
from art_snn.conversion import NotCalibratedError, threshold_shift
from art_snn.conversion.spiking import scaled_neurons
from art_snn.estimators.classification import AnnClassifier, ConvertedClassifier, HybridClassifier, SpikingClassifier
from art_snn.evaluations.combination import PoisonCombination
from art_snn.typing import Array, Labels

FIT_ARGUMENTS = ("batch_size", "nb_epochs", "training_mode", "drop_last")  # a scheduler would serve one optimiser only


class Trained(NamedTuple):
    """A classifier after training, and what it was on the way.

    Args:
        final: The classifier.
        converted: For hybrid ones, a copy from right after the conversion; for converted ones `final`; else None.
        threshold_shift: By layer, how far poisoned calibration data moved the threshold; where they were used.
        failure: Why the ANN could not be converted, if it could not: it diverged, or a layer of it is silent.
    """

    final: PyTorchClassifier
    converted: ConvertedClassifier | None = None
    threshold_shift: dict[str, float] | None = None
    failure: str | None = None


class Step(NamedTuple):
    """The data of one training step."""

    x: Array
    y: Labels
    sample_weights: Array | None = None


class Seeds(NamedTuple):
    """What decides a training: one stream of weights, one of everything else."""

    weights: int
    batches: int


def check_fit_arguments(owner: str, fit_arguments: Mapping[str, Any]) -> None:
    """No typo among them: ART's own class would swallow it and train with its defaults."""
    check_unknown(owner, fit_arguments.keys() - set(FIT_ARGUMENTS))


def train_afresh(
    estimator: PyTorchClassifier,
    clean: Step,
    poisoned: Step,
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
        fit_arguments: For `fit` and `fit_ann`, such as `batch_size` and `nb_epochs`.
    """
    with host_seed(seeds.weights):  # ART's own class draws fresh weights
        clone = estimator.clone_for_refitting()
    if isinstance(clone, AnnClassifier | SpikingClassifier):
        clone.reset(seeds.weights)
    if isinstance(clone, ConvertedClassifier):
        try:
            return _train_converted(clone, clean, poisoned, combination, seeds, fit_arguments)
        except NotCalibratedError as error:  # what is wrong with the ANN is a finding, and other models wait
            return _not_converted(clone, str(error))
    sees_poison = combination.snn if isinstance(clone, SpikingClassifier) else combination.ann
    _fit(clone, "fit", poisoned if sees_poison else clean, seeds, fit_arguments)
    return Trained(clone)


def _not_converted(clone: ConvertedClassifier, failure: str) -> Trained:
    """Thresholds that nobody knows are NaN, and so is whatever the network answers."""
    for neuron in scaled_neurons(clone.model.net).values():
        neuron.threshold.data.fill_(math.nan)
    return Trained(clone, clone, failure=failure)


def _train_converted(
    clone: ConvertedClassifier,
    clean: Step,
    poisoned: Step,
    combination: PoisonCombination,
    seeds: Seeds,
    fit_arguments: Mapping[str, Any],
) -> Trained:
    _fit(clone, "fit_ann", poisoned if combination.ann else clean, seeds, fit_arguments)
    clone.convert(clone.calibration_samples(clean.x, seeds.batches))
    shift = None
    if combination.calibration and poisoned is not clean:
        calibrated_clean = copy.deepcopy(clone.model.net)
        clone.convert(clone.calibration_samples(poisoned.x, seeds.batches))
        shift = threshold_shift(calibrated_clean, clone.model.net)
    if not isinstance(clone, HybridClassifier):
        return Trained(clone, clone, shift)
    converted = copy.deepcopy(clone)
    snn_arguments = {**fit_arguments, "nb_epochs": clone.nb_epochs_snn}
    _fit(clone, "fit_snn", poisoned if combination.snn else clean, seeds, snn_arguments)
    return Trained(clone, converted, shift)


def _fit(clone: Any, method: str, data: Step, seeds: Seeds, fit_arguments: Mapping[str, Any]) -> None:
    """Call a method of training; ART's own class, which knows no weights of samples, is not given any."""
    weights = {} if data.sample_weights is None else {"sample_weights": data.sample_weights}
    if weights and not isinstance(clone, AnnClassifier | SpikingClassifier):
        raise TypeError(f"expected classifiers of art_snn for loss_weights, got {type(clone).__name__}")
    with host_seed(seeds.batches):  # ART's own class draws the order of batches
        getattr(clone, method)(data.x, data.y, seed=seeds.batches, **weights, **fit_arguments)
