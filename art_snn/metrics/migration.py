"""How much of a backdoor moves from the ordinary to the spiking network."""

import math

from art_snn._validation import check_fraction


def migration_rate(asr_snn: float, asr_ann: float, floors: tuple[float, float] | None = None) -> float:
    """Success rate of a backdoor in the SNN as a share of that in the ANN, over the same triggered samples.

    The published rate is raw: two clean models "migrate" the share of samples that they happen to take for the target.
    With `floors`, what the clean models do on the same samples is taken off both rates first.

    Args:
        asr_snn: Attack success rate of the SNN, in [0, 1].
        asr_ann: Attack success rate of the ANN, in [0, 1].
        floors: (of the SNN, of the ANN): success rates of the same models trained on clean data.

    Returns:
        A ratio, 1 where both obey alike. It exceeds 1 where the SNN obeys more, and with floors it is negative where
        the SNN stays below its own floor. Undefined, hence NaN, where the ANN holds no backdoor: its rate is 0, or
        with floors not above its floor.

    Source: Jin et al., 2024, https://arxiv.org/abs/2409.15670, Eq. 15 (raw, as a percentage); the correction is ours.

    >>> migration_rate(0.45, 0.9), migration_rate(0.5, 0.9, floors=(0.1, 0.1)), migration_rate(0.0, 0.0)
    (0.5, 0.5, nan)
    """
    floor_snn, floor_ann = floors or (0.0, 0.0)
    for name, value in (("asr_snn", asr_snn), ("asr_ann", asr_ann), ("floors", floor_snn), ("floors", floor_ann)):
        check_fraction(name, value)
    if asr_ann <= floor_ann:
        return math.nan
    return (asr_snn - floor_snn) / (asr_ann - floor_ann)
