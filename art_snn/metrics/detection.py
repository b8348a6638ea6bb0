"""How well scores separate poisoned from clean samples, without and with a threshold."""

import numpy as np
from sklearn.metrics import roc_auc_score, roc_curve

from art_snn._arrays import as_labels
from art_snn._validation import check_at_least, check_finite, check_fraction, check_same_length
from art_snn.typing import Array, Mask


def auroc(is_poison: Mask, scores: Array) -> float:
    """Area under the ROC curve: chance that a poisoned sample scores higher than a clean one; ties count half.

    Args:
        is_poison: True for poisoned samples, shape (N,).
        scores: Finite numbers that should be higher for poisoned samples, shape (N,).

    Returns:
        A fraction in [0, 1]; guessing gives 0.5.

    Raises:
        ValueError: If all samples are poisoned or all are clean, `is_poison` holds other values than True and False, or
            a score is not finite.

    Source: Fawcett, An introduction to ROC analysis, 2006, https://doi.org/10.1016/j.patrec.2005.10.010, section 7.

    >>> auroc(np.array([True, False, False]), np.array([2.0, 1.0, 2.0]))
    0.75
    """
    is_poison, scores = _checked(is_poison, scores)
    return float(roc_auc_score(is_poison, scores))


def fpr_at_tpr(is_poison: Mask, scores: Array, tpr: float = 0.95) -> float:
    """Share of clean samples flagged by the strictest threshold that flags at least `tpr` of the poisoned.

    Args:
        is_poison: True for poisoned samples, shape (N,).
        scores: Finite numbers that should be higher for poisoned samples, shape (N,).
        tpr: Wanted true positive rate, in (0, 1].

    Returns:
        A false positive rate in [0, 1].

    Raises:
        ValueError: For the same reasons as in `auroc`.

    Source: Fawcett, An introduction to ROC analysis, 2006, https://doi.org/10.1016/j.patrec.2005.10.010, section 5.

    >>> fpr_at_tpr(np.array([True, True, False, False]), np.array([3.0, 1.0, 2.0, 0.0]))
    0.5
    """
    is_poison, scores = _checked(is_poison, scores)
    check_fraction("tpr", tpr, zero=False)
    false_positives, true_positives, _ = roc_curve(is_poison, scores, drop_intermediate=False)
    return float(false_positives[np.argmax(true_positives >= tpr)])


def roc_points(is_poison: Mask, scores: Array, most: int = 100) -> tuple[Array, Array]:
    """Points of the ROC curve, the first and the last among them; of many, such that none is far from its neighbours.

    Few false positives are what a detector is about: distances between points count on a logarithm of their share.

    Args:
        is_poison: True for poisoned samples, shape (N,).
        scores: Finite numbers that should be higher for poisoned samples, shape (N,).
        most: Number of points, at least 2.

    Returns:
        False and true positive rates (P,) each, in [0, 1], rising from 0 to 1.

    Raises:
        ValueError: For the same reasons as in `auroc`.

    Source: Fawcett, An introduction to ROC analysis, 2006, https://doi.org/10.1016/j.patrec.2005.10.010, section 5.

    >>> false, true = roc_points(np.array([True, False, False]), np.array([2.0, 1.0, 0.0]))
    >>> false.tolist(), true.tolist()
    ([0.0, 0.0, 1.0], [0.0, 1.0, 1.0])
    """
    is_poison, scores = _checked(is_poison, scores)
    check_at_least("most", most, 2)
    false, true, _ = roc_curve(is_poison, scores)
    if len(false) <= most:
        return false, true
    lowest = 0.5 / (~is_poison).sum()
    places = np.stack([np.log(false + lowest) / -np.log(lowest), true])
    way = np.concatenate([[0], np.abs(np.diff(places)).sum(axis=0).cumsum()])
    chosen = np.unique(np.searchsorted(way, np.linspace(0, way[-1], most)))
    return false[chosen], true[chosen]


def _checked(is_poison: Mask, scores: Array) -> tuple[Mask, Array]:
    """Read both as arrays (N,): marks, True and False among them, and finite scores."""
    check_same_length("marks", is_poison, "scores", scores)
    marks, scores = as_labels("marks", is_poison), as_labels("scores", scores)
    if marks.ndim != 1 or scores.ndim != 1:
        raise ValueError(f"expected marks and scores of shape (N,), got shapes {marks.shape} and {scores.shape}")
    if not np.isin(marks, (0, 1)).all():
        raise ValueError("expected marks that are True or False, or 1 and 0, got others; scores come second")
    check_finite("scores", scores)
    if len(np.unique(marks)) != 2:
        raise ValueError("expected both poisoned and clean samples, got samples of one kind only")
    return marks.astype(bool), scores
