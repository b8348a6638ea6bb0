"""Which steps of a training see poisoned data: an ANN's, the calibration's, the spiking network's."""

from dataclasses import dataclass
from typing import Literal

from art_snn._validation import check_choice
from art_snn.estimators.classification import TrainingStep


@dataclass(frozen=True, kw_only=True)
class PoisonCombination:
    """For each step of a hybrid training whether its data are poisoned.

    A classifier with fewer steps heeds those it has: a converted one has no third step, and all else has one step only,
    which counts as that of the spiking network for spiking classifiers and as that of the ANN for ANNs.

    Args:
        ann: The training of the ANN.
        calibration: The samples on which thresholds are calibrated.
        snn: The training of the spiking network.
    """

    ann: bool = True
    calibration: bool = True
    snn: bool = True

    def is_poisoned(self, step: TrainingStep) -> bool:
        """Whether the data of a step are poisoned."""
        return {"ann": self.ann, "calibration": self.calibration, "snn": self.snn}[step]


def poison_combination(name: Literal["com1", "com2", "com3", "com4"]) -> PoisonCombination:
    """The combinations of the framework paper; its "SNN step" is calibration and training of the spiking network.

    Args:
        name: "com1" all clean; "com2" ANN clean, SNN step poisoned; "com3" the other way round; "com4" all poisoned.

    Raises:
        ValueError: If the name is another.

    Source: Jin et al., 2024, https://arxiv.org/abs/2409.15670, Eqs 6 to 8 (the prose around Fig. 8 has com2 and com3
    exchanged).

    >>> poison_combination("com3")
    PoisonCombination(ann=True, calibration=False, snn=False)
    """
    check_choice("name", name, ("com1", "com2", "com3", "com4"))
    ann, snn = name in ("com3", "com4"), name in ("com2", "com4")
    return PoisonCombination(ann=ann, calibration=snn, snn=snn)
