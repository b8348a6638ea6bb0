"""Whom detectors of backdoored models accuse, rightly and wrongly, and what they cost."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from art.estimators.classification import PyTorchClassifier
from pydantic import InstanceOf

from art_snn._validation import check_same_length
from art_snn.defences.detector import ModelReport
from art_snn.evaluations.defence_evaluation import DefenceEvaluation
from art_snn.evaluations.doubts import Doubts, is_invalid
from art_snn.evaluations.figures import FIGURE
from art_snn.evaluations.resource_use import measured_cost
from art_snn.evaluations.samples import samples_for_all
from art_snn.typing import Array, Labels


class ModelDetector(Protocol):
    """What examines a classifier: a defence of this package, or one like it."""

    def detect_backdoor(self, x: Array, y: Labels) -> ModelReport: ...


MakeDetector = Callable[[PyTorchClassifier], ModelDetector]


@dataclass(frozen=True, eq=False)
class ModelEvidence:
    """What a detector of models found in a backdoored classifier, and in its clean twin where there is one.

    Args:
        target_class: Target of the attack.
        report: The detector's report on the backdoored classifier.
        report_when_clean: The detector's report on the clean twin.
    """

    target_class: int
    report: ModelReport
    report_when_clean: ModelReport | None

    @property
    def target_rank(self) -> int:
        """Place of the attack's target among the classes of the backdoored one by suspicion; 1 is the first."""
        scores = self.report.scores
        return 1 + int((scores > scores[self.target_class]).sum())


@dataclass(frozen=True, kw_only=True)
class ModelDetectionResult:
    """What a detector of models says of one backdoored classifier, and of its clean twin where there is one.

    Where a doubt about the classifiers is "invalid", the detector was not asked, and what it would say is None or NaN.

    Args:
        model: Name of the classifier.
        defence: Name of the defence.
        is_accused: Whether it accuses the backdoored classifier.
        target_class: The class that it finds most suspicious there.
        p_value: Where it estimates one.
        is_clean_accused: Whether it accuses the clean twin: a false alarm.
        target_when_clean: The class that it finds most suspicious there.
        seconds: Duration of the examination of the backdoored classifier.
        peak_memory: Bytes by which memory grew meanwhile; NaN where the system does not tell.
        doubts: Reasons not to take the row at its word.
        evidence: Both reports; no part of what is written or compared.
    """

    model: str
    defence: str
    is_accused: bool | None = field(default=None, metadata=FIGURE)
    target_class: int | None = field(default=None, metadata=FIGURE)
    p_value: float | None = field(default=None, metadata=FIGURE)
    is_clean_accused: bool | None = field(default=None, metadata=FIGURE)
    target_when_clean: int | None = field(default=None, metadata=FIGURE)
    seconds: float = math.nan
    peak_memory: float = math.nan
    doubts: Doubts = ()
    evidence: InstanceOf[ModelEvidence] | None = field(default=None, repr=False, compare=False)


class ModelDetectionEvaluation(DefenceEvaluation):
    """Let each detector of models examine each backdoored classifier, and its clean twin.

    A detector is made of a classifier, as a class such as `NeuralCleanse` is.

    Args:
        attack: Whose target the detectors should find.
        trained: As for all evaluations of defences; without a clean twin there is no false alarm to be seen.
        defences: By name, what makes a detector of a classifier.
        **options: `after`, `doubts`, `on_doubt` and `on_error`, as for all evaluations of defences; a classifier
            without known doubts is asked about the clean samples.

    Raises:
        ValueError: If there is no classifier or no defence.
        TypeError: If something else is given in their place.
    """

    def evaluate(self, x_clean: Array, y_clean: Labels, *, verbose: bool = True) -> list[ModelDetectionResult]:
        """One result for each classifier and detector, in the order given.

        Args:
            x_clean: Clean samples for the detectors, (N, ...).
            y_clean: Labels of the clean samples, indices (N,) or one-hot (N, K).
            verbose: Whether to show a progress bar.

        Raises:
            ValueError: If samples and labels do not fit; on an invalid result with `on_doubt="raise"`, before the
                detectors are asked.
            Exception: What a detector raises, with `on_error="raise"`.
        """
        x_clean = samples_for_all("x_clean", x_clean, [subject.backdoored for subject in self.subjects.values()])
        check_same_length("x_clean", x_clean, "y_clean", y_clean)

        def about(model: str) -> dict[str, Any]:
            return {"doubts": self._doubts_about(model, x_clean, y_clean, "clean")}

        def figures(model: str, _: str, make: MakeDetector, doubts: Doubts) -> dict[str, Any]:
            if is_invalid(doubts):
                return {}
            backdoored, clean = self.subjects[model]
            with measured_cost() as cost:
                found = make(backdoored).detect_backdoor(x_clean, y_clean)
            alarm = None if clean is None else make(clean).detect_backdoor(x_clean, y_clean)
            return {
                "is_accused": found.is_backdoored,
                "target_class": found.target_class,
                "p_value": found.p_value,
                "is_clean_accused": None if alarm is None else alarm.is_backdoored,
                "target_when_clean": None if alarm is None else alarm.target_class,
                "seconds": cost.seconds,
                "peak_memory": cost.peak_memory,
                "evidence": ModelEvidence(self.attack.target_class, found, alarm),
            }

        return self._rows(ModelDetectionResult, about, figures, verbose=verbose)
