"""Accuracy on clean samples, and how much of it an attack costs."""

import numpy as np

from art_snn._validation import check_class, check_fraction, check_same_length, class_indices, predicted_classes
from art_snn.typing import Indices, Labels, Mask


def accuracy(y_true: Labels, y_pred: Labels) -> float:
    """Share of samples that are classified as their class.

    Args:
        y_true: Classes, indices (N,) or one-hot (N, K).
        y_pred: Classes predicted, indices (N,), or scores (N, K) of which the highest counts.

    Returns:
        A fraction in [0, 1].

    Raises:
        ValueError: If there is no sample, a score is not finite, or scores stand where the classes belong.
        TypeError: If an argument holds no numbers, or is a mask (N,) of True and False.

    Source: the definition.

    >>> accuracy([0, 1, 2, 2], [0, 1, 2, 0])
    0.75
    """
    return float(is_correct(y_true, y_pred).mean())


def is_correct(y_true: Labels, y_pred: Labels) -> Mask:
    """Mark the samples whose predicted class is the true one, shape (N,), N at least 1."""
    true, predicted = true_and_predicted(y_true, y_pred)
    hits: Mask = true == predicted
    return hits


def true_and_predicted(y_true: Labels, y_pred: Labels, target: int | None = None) -> tuple[Indices, Indices]:
    """Read both as class indices (N,), N at least 1, of the same K classes; `target`, if given, is one of them."""
    check_same_length("classes", y_true, "predictions", y_pred)
    if len(y_true) == 0:
        raise ValueError("expected at least one sample, got none")
    shapes = np.shape(y_true), np.shape(y_pred)
    widths = [shape[1] for shape in shapes if len(shape) == 2]
    if shapes[1][1:] == (1,):
        widths.pop()  # a column holds indices, not scores of one class
    nb_classes = max(widths, default=None)
    if target is not None:
        check_class("target", target, nb_classes)
    return class_indices(y_true, nb_classes, exact=True), predicted_classes(y_pred, nb_classes)


def clean_accuracy_drop(accuracy_before: float, accuracy_after: float, *, relative: bool = False) -> float:
    """Fall of the accuracy on clean samples: before minus after the attack, negative where it rose.

    Args:
        accuracy_before: Accuracy of the model trained on clean data, in [0, 1].
        accuracy_after: Accuracy of the model trained on poisoned data, in [0, 1].
        relative: Whether to divide by the accuracy before, which must then be above 0.

    Returns:
        A fraction of all samples, in [-1, 1]; with `relative`, a share of the accuracy before, at most 1.

    Source: Jin et al., 2024, https://arxiv.org/abs/2409.15670, Table 1 (absolute, sign reversed); Abad et al., Sneaky
    Spikes, NDSS 2024, https://arxiv.org/abs/2302.06279 (relative, sign reversed).

    >>> clean_accuracy_drop(0.75, 0.5)
    0.25
    """
    check_fraction("accuracy_before", accuracy_before, zero=not relative)
    check_fraction("accuracy_after", accuracy_after)
    drop = accuracy_before - accuracy_after
    return drop / accuracy_before if relative else drop
