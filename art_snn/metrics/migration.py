"""How much of a backdoor migrates from the ANN to the SNN."""

import math

from art_snn._validation import check_fraction


def migration_rate(asr_snn: float, asr_ann: float, floors: tuple[float, float] | None = None) -> float:
    """Attack success rate (ASR) of the SNN as a share of the ANN's, over the same triggered samples.

    The published rate is raw: it exceeds 0 even for two clean models, which take some samples for the target by chance.
    `floors` corrects for that: a floor is the ASR of the clean twin, the same model trained on clean data.

    Args:
        asr_snn: Attack success rate of the SNN, in [0, 1].
        asr_ann: Attack success rate of the ANN, in [0, 1].
        floors: ASR of the SNN's and the ANN's clean twins, subtracted first; None gives the raw rate.

    Returns:
        A ratio: 1 if both obey alike, more if the SNN obeys more, negative if the SNN stays below its floor. NaN if the
        ANN holds no backdoor: its ASR is 0, or not above its floor.

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
