"""How a backdoor moves from an ANN into the spiking network that is made of it."""

import math
from dataclasses import dataclass, field

from art_snn.evaluations.answers import Exam, Pair, Rates
from art_snn.evaluations.doubts import Doubts, is_invalid, pair_doubts, united
from art_snn.evaluations.figures import FIGURE
from art_snn.evaluations.training import Trained
from art_snn.metrics import migration_rate


@dataclass(frozen=True, kw_only=True)
class Migration:
    """Success of one backdoor in the ANN, right after the conversion and at the end, the target class left out.

    Args:
        asr_ann: Attack success rate (ASR) of the backdoored ANN.
        floor_ann: ASR of the clean ANN.
        asr_converted: ASR of the spiking network right after the conversion.
        floor_converted: ASR of the clean spiking network right after its conversion.
        rate_converted: `asr_converted` as a share of `asr_ann`; NaN where that is 0.
        rate_converted_above_floor: `rate_converted` with the floors taken off both; NaN where the ANN is at its floor.
        rate: ASR of the final network as a share of `asr_ann`.
        rate_above_floor: `rate` with the floors taken off both.
        threshold_shift: By layer, how far poisoned calibration data moved the threshold, relative to that which clean
            ones give the same ANN; None where calibration was clean.
        doubts: About the ANN and about the final network; where one is invalid, all of the above but the shift is NaN.
            Where the network right after the conversion is of no use, which training may mend, that is a caution, and
            its four figures are NaN.

    Source: Jin et al., 2024, https://arxiv.org/abs/2409.15670, Eq. 15; floors, the rate right after conversion and the
    shift of thresholds are ours.
    """

    asr_ann: float = field(default=math.nan, metadata=FIGURE)
    floor_ann: float = field(default=math.nan, metadata=FIGURE)
    asr_converted: float = field(default=math.nan, metadata=FIGURE)
    floor_converted: float = field(default=math.nan, metadata=FIGURE)
    rate_converted: float = field(default=math.nan, metadata=FIGURE)
    rate_converted_above_floor: float = field(default=math.nan, metadata=FIGURE)
    rate: float = field(default=math.nan, metadata=FIGURE)
    rate_above_floor: float = field(default=math.nan, metadata=FIGURE)
    threshold_shift: dict[str, float] | None = None
    doubts: Doubts = ()


def measure_migration(clean: Trained, backdoored: Trained, exam: Exam, final: Pair, doubts: Doubts) -> Migration | None:
    """Migration in a pair of converted or hybrid classifiers; None for others, whose backdoor did not come from an ANN.

    Args:
        clean: The classifier trained on clean data.
        backdoored: The classifier trained on poisoned data.
        exam: The test samples.
        final: What both classifiers answered.
        doubts: About the row of which this is a part.
    """
    if clean.converted is None or backdoored.converted is None:
        return None
    if not is_invalid(doubts):
        anns = exam.ask_both(clean.final.ann, backdoored.final.ann)
        doubts = united(doubts, pair_doubts(exam.y, anns, "ANN of the "))
    if is_invalid(doubts):
        return Migration(threshold_shift=backdoored.threshold_shift, doubts=doubts)
    is_final = backdoored.converted is backdoored.final
    converted = final if is_final else exam.ask_both(clean.converted, backdoored.converted)
    cautions = [
        doubt._replace(grade="caution") for doubt in pair_doubts(exam.y, converted, "right after its conversion, the ")
    ]
    return Migration(
        **_of_final(exam.asrs(anns), exam.asrs(final)),
        **({} if cautions else _of_converted(exam.asrs(anns), exam.asrs(converted))),
        threshold_shift=backdoored.threshold_shift,
        doubts=united(doubts, cautions),
    )


def _of_final(anns: Rates, final: Rates) -> dict[str, float]:
    """Figures of the classifiers at the end of their training."""
    return {
        "asr_ann": anns.backdoored,
        "floor_ann": anns.clean,
        "rate": migration_rate(final.backdoored, anns.backdoored),
        "rate_above_floor": migration_rate(final.backdoored, anns.backdoored, (final.clean, anns.clean)),
    }


def _of_converted(anns: Rates, converted: Rates) -> dict[str, float]:
    """Figures of the classifiers right after the conversion."""
    floors = converted.clean, anns.clean
    return {
        "asr_converted": converted.backdoored,
        "floor_converted": converted.clean,
        "rate_converted": migration_rate(converted.backdoored, anns.backdoored),
        "rate_converted_above_floor": migration_rate(converted.backdoored, anns.backdoored, floors),
    }
