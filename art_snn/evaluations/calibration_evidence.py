"""What clean and poisoned calibration samples make of the thresholds of a converted network."""

import math

from art_snn.conversion import NotCalibratedError
from art_snn.estimators.classification import LearningRule, TrainingData, rule_of
from art_snn.evaluations.backdoor import TrainedPair
from art_snn.typing import Array, Labels

Thresholds = dict[str, dict[str, dict[str, float]]]


def threshold_evidence(
    trained: TrainedPair, clean: tuple[Array, Labels], poisoned: tuple[Array, Labels], *, seed: int
) -> Thresholds | None:
    """Calibrate copies of a pair of classifiers anew, on clean and on poisoned samples; the pair stays as it is.

    Args:
        trained: A backdoored classifier and its clean twin.
        clean: Clean training samples and their labels.
        poisoned: Training samples with poison and their labels.
        seed: Seed of which samples are drawn, where a rule does not calibrate on all; the same for both kinds.

    Returns:
        By layer, by model ("backdoored" or "twin"), by samples of the calibration ("clean" or "poisoned"): the
        threshold, NaN where a layer could not be calibrated. None where the classifiers are not calibrated.
    """
    rules = {"backdoored": rule_of(trained.backdoored), "twin": rule_of(trained.clean)}
    if "calibration" not in rules["backdoored"].training_steps:
        return None
    data = {"clean": TrainingData(*clean), "poisoned": TrainingData(*poisoned)}
    found = {
        model: {kind: _calibrated(rule, samples, seed) for kind, samples in data.items()}
        for model, rule in rules.items()
    }
    layers = list(rules["backdoored"].thresholds)
    return {
        layer: {
            model: {kind: values.get(layer, math.nan) for kind, values in kinds.items()}
            for model, kinds in found.items()
        }
        for layer in layers
    }


def _calibrated(rule: LearningRule, data: TrainingData, seed: int) -> dict[str, float]:
    """Thresholds by layer; none where the ANN cannot be calibrated."""
    copied = rule.copied()
    try:
        copied.train_step("calibration", data, seed=seed)
    except NotCalibratedError:
        return {}
    return copied.thresholds
