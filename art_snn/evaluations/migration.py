"""How a backdoor moves from an ANN into the spiking network that is made of it."""

from dataclasses import dataclass

from art.estimators.classification import PyTorchClassifier

from art_snn.evaluations.training import Trained
from art_snn.metrics import attack_success_rate, migration_rate
from art_snn.typing import Array, Indices


@dataclass(frozen=True, kw_only=True)
class Migration:
    """Success of one backdoor in the ANN, right after the conversion and at the end, the target class left out.

    Args:
        asr_ann: Attack success rate of the backdoored ANN.
        floor_ann: The same of the clean ANN.
        asr_converted: Of the spiking network right after the conversion.
        floor_converted: The same of the clean one.
        rate_converted: `asr_converted` as a share of `asr_ann`; NaN where that is 0.
        rate_converted_above_floor: The same with the floors taken off both; NaN where the ANN is at its floor.
        rate: Of the final network, as a share of `asr_ann`.
        rate_above_floor: The same with the floors taken off both.
        threshold_shift: By layer, how far poisoned calibration data moved the threshold, relative to that which clean
            ones give the same ANN; None where calibration was clean.

    Source: Jin et al., 2024, https://arxiv.org/abs/2409.15670, Eq. 15; floors, the rate right after conversion and the
    shift of thresholds are ours.
    """

    asr_ann: float
    floor_ann: float
    asr_converted: float
    floor_converted: float
    rate_converted: float
    rate_converted_above_floor: float
    rate: float
    rate_above_floor: float
    threshold_shift: dict[str, float] | None


def measure_migration(
    clean: Trained, backdoored: Trained, x_triggered: Array, y_test: Indices, target: int
) -> Migration | None:
    """Of a pair of converted or hybrid classifiers; None for others, whose backdoor did not come from an ANN."""
    if clean.converted is None or backdoored.converted is None:
        return None

    def success(classifier: PyTorchClassifier) -> float:
        return attack_success_rate(y_test, classifier.predict(x_triggered), target)

    floors = success(clean.final.ann), success(clean.converted), success(clean.final)
    ann, converted, final = success(backdoored.final.ann), success(backdoored.converted), success(backdoored.final)
    return Migration(
        asr_ann=ann,
        floor_ann=floors[0],
        asr_converted=converted,
        floor_converted=floors[1],
        rate_converted=migration_rate(converted, ann),
        rate_converted_above_floor=migration_rate(converted, ann, (floors[1], floors[0])),
        rate=migration_rate(final, ann),
        rate_above_floor=migration_rate(final, ann, (floors[2], floors[0])),
        threshold_shift=backdoored.threshold_shift,
    )
