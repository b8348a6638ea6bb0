"""Training of a copy of a classifier, from fresh weights or from its own."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from art.estimators.classification import PyTorchClassifier

from art_snn._random import draw_seed, host_seed
from art_snn._validation import check_at_least, check_fraction, check_same_length, class_indices
from art_snn.estimators.classification import rule_of
from art_snn.estimators.classification.mode import mode
from art_snn.typing import Array, Labels


def refitted(
    classifier: PyTorchClassifier, x: Array, y: Labels, seed: int, fit_arguments: Mapping[str, Any]
) -> PyTorchClassifier:
    """Train a copy with fresh weights and optimiser; the seed decides weights, order and draws."""
    rule = rule_of(classifier).afresh(seed)
    with host_seed(seed), mode(rule.classifier.model, True):  # ART's own class draws from the global streams
        rule.classifier.fit(x, y, seed=seed, **fit_arguments)
    return rule.classifier


def retrained(
    classifier: PyTorchClassifier,
    x: Array,
    y: Labels,
    x_test: Array,
    y_test: Labels,
    tolerable_backdoor: float,
    max_epochs: int,
    batch_epochs: int,
    seed: int,
) -> tuple[float, PyTorchClassifier]:
    """Fine-tune a copy on corrected labels, a few epochs at a time, until its error on triggered samples is low.

    Args:
        classifier: Classifier trained on the wrong labels.
        x: Poisoned samples to train on.
        y: True labels of the samples to train on.
        x_test: Poisoned samples to test on.
        y_test: True labels of the samples to test on.
        tolerable_backdoor: Error rate on the test samples at which to stop.
        max_epochs: Largest number of epochs.
        batch_epochs: Epochs between tests.
        seed: Seed of the order of samples and of dropout.

    Returns:
        Decrease of the error rate, and the copy; 0 and the given classifier if it did not decrease.
    """
    check_same_length("x", x, "y", y)
    check_fraction("tolerable_backdoor", tolerable_backdoor)
    check_at_least("max_epochs", max_epochs, 1)
    check_at_least("batch_epochs", batch_epochs, 1)
    copy, truth = rule_of(classifier).copied().classifier, class_indices(y_test, classifier.nb_classes)
    rng = np.random.default_rng(seed)

    def error_rate() -> float:
        return float((copy.predict(x_test).argmax(axis=1) != truth).mean())

    with mode(copy.model, True), host_seed(seed):
        before = now = error_rate()
        for _ in range(0, max_epochs, batch_epochs):
            if now <= tolerable_backdoor:
                break
            copy.fit(x, y, nb_epochs=batch_epochs, seed=draw_seed(rng))
            now = error_rate()
    return (before - now, copy) if now < before else (0.0, classifier)
