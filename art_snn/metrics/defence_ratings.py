"""Ratings that weigh what a defence gains against the accuracy that it costs."""

from art_snn._validation import check_fraction


def defence_effectiveness_rating(
    asr_before: float, asr_after: float, accuracy_before: float, accuracy_after: float
) -> float:
    """Fall of the attack success rate (ASR) minus the fall of clean accuracy; doing nothing gives 0.5.

    An ASR or an accuracy that rises counts as unchanged.

    Args:
        asr_before: ASR without the defence, in [0, 1].
        asr_after: ASR with the defence, in [0, 1].
        accuracy_before: Accuracy on clean samples without the defence, in [0, 1].
        accuracy_after: Accuracy on clean samples with the defence, in [0, 1].

    Returns:
        (max(0, fall of the ASR) - max(0, fall of accuracy) + 1) / 2, in [0, 1].

    Source: Wu et al., BackdoorBench, 2022, https://arxiv.org/abs/2206.12654 (the formula; the released code adds the
    second term).

    >>> defence_effectiveness_rating(1.0, 0.0, 0.75, 0.75), defence_effectiveness_rating(0.5, 0.5, 0.75, 0.25)
    (1.0, 0.25)
    """
    _check(asr_before=asr_before, asr_after=asr_after, accuracy_before=accuracy_before, accuracy_after=accuracy_after)
    return (max(0.0, asr_before - asr_after) - max(0.0, accuracy_before - accuracy_after) + 1) / 2


def robust_improvement_rating(
    robust_before: float, robust_after: float, accuracy_before: float, accuracy_after: float
) -> float:
    """Rise of the robust accuracy minus the fall of clean accuracy; doing nothing gives 0.5.

    A robust accuracy that falls, or an accuracy that rises, counts as unchanged.

    Args:
        robust_before: Robust accuracy without the defence, in [0, 1].
        robust_after: Robust accuracy with the defence, in [0, 1].
        accuracy_before: Accuracy on clean samples without the defence, in [0, 1].
        accuracy_after: Accuracy on clean samples with the defence, in [0, 1].

    Returns:
        (max(0, rise of the robust accuracy) - max(0, fall of accuracy) + 1) / 2, in [0, 1].

    Source: Wu et al., BackdoorBench, 2022, https://arxiv.org/abs/2206.12654 (the formula; the released code adds the
    second term).

    >>> robust_improvement_rating(0.0, 1.0, 0.75, 0.75), robust_improvement_rating(0.5, 0.5, 0.75, 0.25)
    (1.0, 0.25)
    """
    _check(
        robust_before=robust_before,
        robust_after=robust_after,
        accuracy_before=accuracy_before,
        accuracy_after=accuracy_after,
    )
    return (max(0.0, robust_after - robust_before) - max(0.0, accuracy_before - accuracy_after) + 1) / 2


def _check(**fractions: float) -> None:
    for name, value in fractions.items():
        check_fraction(name, value)
