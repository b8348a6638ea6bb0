"""What a backdoor does to one classifier, as a value."""

import math
from dataclasses import dataclass, field
from typing import Any

from art_snn.attacks.poisoning import PoisonedRows
from art_snn.evaluations.doubts import Doubts
from art_snn.evaluations.figures import FIGURE
from art_snn.evaluations.migration import Migration


@dataclass(frozen=True, kw_only=True)
class BackdoorResult:
    """What a backdoor does to one classifier; rates are fractions in [0, 1].

    Where a doubt is "invalid", as about a model that has collapsed to one class, all rates but the accuracies on clean
    samples are NaN.

    Args:
        model: Name of the classifier.
        accuracy_clean: Accuracy on clean test samples of the model that was trained on clean data, the clean twin.
        accuracy: Accuracy on clean test samples of the backdoored model.
        robust_accuracy: Share of the triggered samples of `asr` that are still recognised.
        asr: Attack success rate (ASR): share of triggered samples of other classes, or of the source classes where the
            attack has some, that are taken for the target.
        asr_all: Attack success rate with the samples of the target class counted, as many papers do.
        n_asr: The denominator of `asr`.
        n_asr_all: The denominator of `asr_all`.
        floor: `asr` of the clean twin, or of the control: what the trigger does without a backdoor.
        seconds: Duration of both trainings and all predictions.
        migration: From the ANN to the spiking network, for converted and hybrid classifiers; else None.
        doubts: Reasons not to take the row at its word.
        training_seconds: Duration of the clean and of the poisoned training, without measurements, also where it was
            done before.
        training_peak_memory: Bytes by which memory grew at most in either training, clean and poisoned; NaN where the
            system does not tell.
        epochs: Accuracy and ASR of the backdoored model after each epoch of all steps, and its step ("ann" or "snn"),
            where the plan asks for them. Nothing is chosen by them.
        n_poisoned_by_class: Poisoned training samples by their true class.
        accuracy_target: Accuracy of the backdoored model on clean test samples of the target class, NaN if there are
            none; it falls where all that the model has seen of the class has the trigger.
        accuracy_clean_target: Accuracy of the clean twin on clean test samples of the target class; NaN if none.
        n_target: Number of test samples of the target class.
        poisoned: Which training samples were changed, and by how much.
        accuracy_control: Accuracy of the control, the clean twin after everything that the attack does without poison,
            such as moving thresholds; NaN where it does nothing of the kind.
        asr_others: Share of the samples that are neither of the target nor of a source class that are taken for the
            target, as the attacker shows them; NaN where all classes are sources.
        n_others: The denominator of `asr_others`.
    """

    model: str
    accuracy_clean: float
    accuracy: float
    robust_accuracy: float = field(default=math.nan, metadata=FIGURE)
    asr: float = field(default=math.nan, metadata=FIGURE)
    asr_all: float = field(default=math.nan, metadata=FIGURE)
    n_asr: int
    n_asr_all: int
    floor: float = field(default=math.nan, metadata=FIGURE)
    seconds: float
    migration: Migration | None = field(default=None, metadata=FIGURE)
    doubts: Doubts = ()
    training_seconds: tuple[float, float] = (math.nan, math.nan)
    training_peak_memory: tuple[float, float] = (math.nan, math.nan)
    epochs: tuple[dict[str, Any], ...] = ()
    n_poisoned_by_class: tuple[int, ...] = ()
    accuracy_target: float = math.nan
    accuracy_clean_target: float = math.nan
    n_target: int = 0
    poisoned: PoisonedRows | None = None
    accuracy_control: float = math.nan
    asr_others: float = field(default=math.nan, metadata=FIGURE)
    n_others: int = 0
