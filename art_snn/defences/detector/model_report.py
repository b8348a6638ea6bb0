"""What a detector says of a model."""

from dataclasses import dataclass

import numpy as np

from art_snn.typing import Array


@dataclass(frozen=True, eq=False)
class ModelReport:
    """Whether a model holds a backdoor, and on what grounds.

    Args:
        is_backdoored: The verdict at the detector's threshold.
        target_class: The most suspicious class, accused only if `is_backdoored`.
        p_value: Chance of so extreme a class in a model without backdoor; None where the detector does not estimate it.
        scores: Suspicion of each class, (K,); higher is more suspicious.
        anomaly: What the threshold is compared with, higher is more suspicious: it ranks models.
    """

    is_backdoored: bool
    target_class: int
    p_value: float | None
    scores: Array
    anomaly: float | None = None

    def __post_init__(self) -> None:
        scores = np.array(self.scores, dtype=np.float64)
        scores.setflags(write=False)
        object.__setattr__(self, "scores", scores)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ModelReport) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[object, ...]:
        return self.is_backdoored, self.target_class, self.p_value, self.scores.tobytes(), self.anomaly
