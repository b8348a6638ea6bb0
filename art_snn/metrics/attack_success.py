"""How many triggered samples are classified as the target, and how many still as their own class."""

from typing import Literal

import numpy as np

from art_snn._validation import check_at_least, check_choice, class_indices
from art_snn.metrics.accuracy import true_and_predicted
from art_snn.typing import Indices, Labels, Mask

TargetSamples = Literal["exclude", "include", "clean"]


def attack_success_rate(
    y_true: Labels, y_triggered: Labels, target: int, target_samples: TargetSamples = "exclude"
) -> float:
    """Attack success rate (ASR): share of triggered samples that are classified as `target`.

    Samples whose true class is `target` cannot show success. Publications treat them in three ways: "exclude" leaves
    them out (BackdoorBench); "include" triggers and counts them (Sneaky Spikes), so that even a perfect clean model
    scores their share; "clean" counts them without the trigger (Flashy Backdoor), which adds about as much. "include"
    and "clean" compute the same; for "clean" you put the predictions for clean samples into those rows of
    `y_triggered`.

    Args:
        y_true: Classes before the attack, indices (N,) or one-hot (N, K).
        y_triggered: Classes predicted for the triggered samples, indices (N,) or scores (N, K).
        target: Class that triggered samples should be classified as.
        target_samples: Treatment of samples of class `target`: "exclude", "include" or "clean".

    Returns:
        A fraction in [0, 1], of the samples that `counts_for_success` selects.

    Raises:
        ValueError: If no sample is left to count, a score is not finite, `target` is no class of the scores, or
            `y_true` holds scores, as when the first two arguments are swapped.
        TypeError: If an argument holds no numbers, or is a mask (N,) of True and False.

    Source: Gu et al., BadNets, 2017, https://arxiv.org/abs/1708.06733, section 4; Abad et al., Sneaky Spikes, NDSS
    2024, https://arxiv.org/abs/2302.06279; Riaño et al., Flashy Backdoor, 2024, https://arxiv.org/abs/2411.03022.

    >>> attack_success_rate(np.array([0, 1, 2]), np.array([0, 0, 2]), target=0)
    0.5
    >>> attack_success_rate(np.array([0, 1, 2, 2]), np.array([0, 0, 2, 0]), target=0, target_samples="include")
    0.75
    """
    check_at_least("target", target, 0)
    true, predicted = true_and_predicted(y_true, y_triggered, target)
    counted = _counted(true, target, target_samples)
    return float((predicted[counted] == target).mean())


def counts_for_success(y_true: Labels, target: int, target_samples: TargetSamples = "exclude") -> Mask:
    """Mark the samples, shape (N,), that `attack_success_rate` counts: their number is its denominator.

    >>> int(counts_for_success(np.array([0, 1, 2]), target=0).sum())
    2
    """
    check_at_least("target", target, 0)
    check_choice("target_samples", target_samples, ("exclude", "include", "clean"))
    counted: Mask = class_indices(y_true, exact=True) != target
    return counted if target_samples == "exclude" else np.ones_like(counted)


def robust_accuracy(y_true: Labels, y_triggered: Labels, target: int | None = None) -> float:
    """Share of triggered samples that are still classified as their own class.

    Args:
        y_true: Classes before the attack, indices (N,) or one-hot (N, K).
        y_triggered: Classes predicted for the triggered samples, indices (N,) or scores (N, K).
        target: Class whose samples are left out, because there success and recognition look alike; None counts all.

    Returns:
        A fraction in [0, 1]; for the same `target` at most 1 - `attack_success_rate`.

    Raises:
        ValueError: If no sample is left to count.

    Source: Wu et al., BackdoorBench, 2022, https://arxiv.org/abs/2206.12654.

    >>> robust_accuracy(np.array([0, 1, 2]), np.array([0, 0, 2]), target=0)
    0.5
    """
    true, predicted = true_and_predicted(y_true, y_triggered, target)
    counted = slice(None) if target is None else _counted(true, target, "exclude")
    return float((predicted == true)[counted].mean())


def _counted(true: Indices, target: int, target_samples: TargetSamples) -> Mask:
    counted = counts_for_success(true, target, target_samples)
    if not counted.any():
        raise ValueError(f"expected at least one sample of another class than target {target}, got none")
    return counted
