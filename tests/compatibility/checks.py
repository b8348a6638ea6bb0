"""What a case must show before a row says that something works."""

from typing import Any

import numpy as np

from tests.compatibility.subjects import K, Subject


def check_examples(subject: Subject, given: np.ndarray, crafted: Any) -> None:
    """Examples of the same shape, finite, within the clip values, and not the ones given."""
    crafted = np.asarray(crafted)
    assert crafted.shape == given.shape, f"examples of shape {crafted.shape} for {given.shape}"
    assert np.isfinite(crafted).all(), "examples are not finite"
    low, high = subject.clip_values
    assert crafted.min() >= low - 1e-3, "examples are below the clip values"
    assert crafted.max() <= high + 1e-3, "examples are above the clip values"
    assert np.abs(crafted - given).max() > 1e-4, "examples are the samples given"


def check_predictions(predictions: Any, n: int) -> None:
    """Finite scores (N, K), not all alike."""
    assert predictions.shape == (n, K), f"predictions of shape {predictions.shape}"
    assert np.isfinite(predictions).all(), "predictions are not finite"
    assert np.ptp(predictions, axis=0).max() > 0, "all samples get the same prediction"


def check_learnt(subject: Subject, classifier: Any, least: float = 0.25) -> None:
    """More of the test samples are right than by chance, which is a tenth."""
    accuracy = subject.accuracy(classifier)
    assert accuracy >= least, f"accuracy of {accuracy:.2f} after training"
