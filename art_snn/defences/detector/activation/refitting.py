"""Training a classifier afresh, or on, without touching the one given."""

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
    """A copy with fresh weights and optimiser, trained on other data; the seed decides weights, order and draws."""
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
    """A copy trained on with corrected labels, a few epochs at a time, until it obeys the trigger rarely enough.

    Args:
        classifier: Trained on the wrong labels.
        x: Samples that bore a wrong label.
        y: Their true labels.
        x_test: More of them, to test on.
        y_test: Their true labels.
        tolerable_backdoor: Share of wrong answers to the latter at which to stop.
        max_epochs: Epochs in all.
        batch_epochs: Epochs between tests.
        seed: Decides order and draws.

    Returns:
        By how much the share of wrong answers fell, and the copy; 0 and the classifier given where it did not fall.
    """
    check_same_length("x", x, "y", y)
    check_fraction("tolerable_backdoor", tolerable_backdoor)
    check_at_least("max_epochs", max_epochs, 1)
    check_at_least("batch_epochs", batch_epochs, 1)
    copy, truth = rule_of(classifier).copied().classifier, class_indices(y_test, classifier.nb_classes)
    rng = np.random.default_rng(seed)

    def missed() -> float:
        return float((copy.predict(x_test).argmax(axis=1) != truth).mean())

    with mode(copy.model, True), host_seed(seed):
        before = now = missed()
        for _ in range(0, max_epochs, batch_epochs):
            if now <= tolerable_backdoor:
                break
            copy.fit(x, y, nb_epochs=batch_epochs, seed=draw_seed(rng))
            now = missed()
    return (before - now, copy) if now < before else (0.0, classifier)
