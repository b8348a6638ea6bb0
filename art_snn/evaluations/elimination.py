"""How far defences remove a backdoor from trained classifiers, and what they cost."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from art.defences.trainer import Trainer
from art.defences.transformer import Transformer
from art.estimators.classification import PyTorchClassifier

from art_snn._validation import check_same_length
from art_snn.attacks.poisoning import BackdoorAttack
from art_snn.defences.transformer.elimination import eliminate as eliminate
from art_snn.evaluations.answers import Answers, Exam
from art_snn.evaluations.backdoor import TrainedPair, Trial
from art_snn.evaluations.defence_evaluation import DefenceEvaluation, asked
from art_snn.evaluations.doubts import Doubts, is_invalid, is_unusable, model_doubts, sample_doubts, united
from art_snn.evaluations.figures import FIGURE
from art_snn.evaluations.resource_use import Cost, measured_cost
from art_snn.evaluations.samples import exam_of, samples_for_all
from art_snn.metrics import defence_effectiveness_rating, robust_improvement_rating
from art_snn.typing import Array, Labels

Defence = Callable[[PyTorchClassifier], Transformer | Trainer | PyTorchClassifier]


@dataclass(frozen=True, kw_only=True)
class EliminationResult:
    """What a defence does to one backdoored classifier; rates are fractions in [0, 1].

    Where a doubt is "invalid", all rates but the accuracies on clean samples are NaN. A network that a defence made
    collapse to one class is such a doubt, too: it obeys every trigger or none, which is nobody's success.

    Args:
        model: Name of the classifier.
        defence: Name of the defence.
        accuracy_before: Accuracy on clean test samples without the defence.
        accuracy_after: Accuracy on clean test samples with the defence.
        asr_before: Attack success rate (ASR) without the defence: share of triggered samples of other classes that are
            taken for the target.
        asr_after: Attack success rate with the defence.
        n_asr: Denominator of both attack success rates.
        robust_accuracy_before: Share of triggered samples of other classes that are recognised without the defence.
        robust_accuracy_after: Accuracy on clean test samples with the defence.
        der: Defence effectiveness rating; 0.5 is a defence that does nothing.
        rir: Robust improvement rating; 0.5 is a defence that does nothing.
        seconds: Duration of the defence.
        peak_memory: Bytes by which memory grew meanwhile; NaN where the system does not tell.
        doubts: Reasons not to take the row at its word.
    """

    model: str
    defence: str
    accuracy_before: float
    accuracy_after: float = math.nan
    asr_before: float = field(default=math.nan, metadata=FIGURE)
    asr_after: float = field(default=math.nan, metadata=FIGURE)
    n_asr: int
    robust_accuracy_before: float = field(default=math.nan, metadata=FIGURE)
    robust_accuracy_after: float = field(default=math.nan, metadata=FIGURE)
    der: float = field(default=math.nan, metadata=FIGURE)
    rir: float = field(default=math.nan, metadata=FIGURE)
    seconds: float = math.nan
    peak_memory: float = math.nan
    doubts: Doubts = ()


class EliminationEvaluation(DefenceEvaluation):
    """Apply each defence to each backdoored classifier, and measure both on clean and on triggered samples.

    A defence is made of a classifier: as a class such as `FinePruning` is; or what makes it is given the classifier and
    gives the new one itself, as the method `on_classifier` of a filter does.

    Args:
        attack: Whose trigger is in the classifiers.
        trained: As for all evaluations of defences; clean twins are not looked at.
        defences: By name, what makes a defence of a classifier.
        estimators: The old name of `trained`, until version 0.3.
        **options: `after`, `doubts`, `on_doubt` and `on_error`, as for all evaluations of defences.

    Attributes:
        defended: After `evaluate`, the new classifier of each (model, defence); of none whose numbers are not finite,
            on which no defence can work.

    Raises:
        ValueError: If there is no classifier or no defence.
        TypeError: If something else is given in their place.
    """

    def __init__(
        self,
        attack: BackdoorAttack,
        trained: Mapping[str, TrainedPair | PyTorchClassifier] | None = None,
        defences: Mapping[str, Defence] | None = None,
        *,
        estimators: Mapping[str, PyTorchClassifier] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(attack, estimators if trained is None else trained, defences, **options)  # type: ignore[arg-type]
        self.defended: dict[tuple[str, str], PyTorchClassifier] = {}

    def evaluate(
        self, x_clean: Array, y_clean: Labels, x_test: Array, y_test: Labels, *, verbose: bool = True
    ) -> list[EliminationResult]:
        """One result for each classifier and defence, in the order given.

        Args:
            x_clean: Clean samples for the defences, (N, ...).
            y_clean: Labels of the clean samples, indices (N,) or one-hot (N, K).
            x_test: Clean test samples, (M, ...).
            y_test: Labels of the test samples.
            verbose: Whether to show a progress bar.

        Raises:
            ValueError: If samples and labels do not fit; on an invalid result with `on_doubt="raise"`.
            Exception: What a defence raises, with `on_error="raise"`.
        """
        classifiers = [subject.backdoored for subject in self.subjects.values()]
        x_clean, x_test = (samples_for_all(*named, classifiers) for named in (("x_clean", x_clean), ("x_test", x_test)))
        check_same_length("x_clean", x_clean, "y_clean", y_clean)
        check_same_length("x_test", x_test, "y_test", y_test)
        trial = self._trial(x_test, y_test, is_test=True)
        exams, before = self._exams(trial, x_test, y_test), dict[str, Answers]()

        def about(model: str) -> dict[str, Any]:
            exam = exams[model]
            before[model] = self._answers_before(model, exam, trial)
            found = model_doubts("backdoored model", exam.y, before[model])
            return {
                "accuracy_before": before[model].accuracy(exam.y),
                "n_asr": int(exam.counted.sum()),
                "doubts": united(self.doubts.get(model, ()), found, sample_doubts(exam)),
            }

        def figures(model: str, defence: str, make: Defence, doubts: Doubts) -> dict[str, Any]:
            if is_unusable(doubts):
                return {}
            given, exam = self.subjects[model].backdoored, exams[model]
            with measured_cost() as cost:
                defended = self.defended[model, defence] = eliminate(make(given), x_clean, y_clean)
            return _measured(defence, exam, before[model], asked(defended, exam.x, exam.x_triggered), doubts, cost)

        return self._rows(EliminationResult, about, figures, verbose=verbose)

    def _exams(self, trial: Trial | None, x_test: Array, y_test: Labels) -> dict[str, Exam]:
        """The test samples with the trigger that is in each classifier; one exam for all where the attack is one."""
        if trial is not None and trial.of_data is not None:
            return dict.fromkeys(self.trained, trial.of_data.exam)
        learnt = {} if trial is None or self.after is None else self.after.exams
        others = self.trained.keys() - learnt.keys()
        own = dict.fromkeys(others, exam_of(self.attack, x_test, y_test)) if others else {}
        return {**own, **learnt}

    def _answers_before(self, model: str, exam: Exam, trial: Trial | None) -> Answers:
        """What the backdoored classifier makes of the test samples."""
        if trial is not None and self.after is not None and self._is_known(model):
            return self.after.answers[model].backdoored
        return asked(self.subjects[model].backdoored, exam.x, exam.x_triggered)


def _measured(defence: str, exam: Exam, before: Answers, after: Answers, doubts: Doubts, cost: Cost) -> dict[str, Any]:
    if not is_invalid(doubts):  # else the defence had no chance
        doubts = united(doubts, model_doubts(f"after {defence}, the model", exam.y, after))
    accuracy_before, accuracy_after = before.accuracy(exam.y), after.accuracy(exam.y)
    measured = {
        "accuracy_after": accuracy_after,
        "seconds": cost.seconds,
        "peak_memory": cost.peak_memory,
        "doubts": doubts,
    }
    if is_invalid(doubts):
        return measured
    asr_before, asr_after = exam.asr(before), exam.asr(after)
    robust_before, robust_after = exam.robust_accuracy(before), exam.robust_accuracy(after)
    return measured | {
        "asr_before": asr_before,
        "asr_after": asr_after,
        "robust_accuracy_before": robust_before,
        "robust_accuracy_after": robust_after,
        "der": defence_effectiveness_rating(asr_before, asr_after, accuracy_before, accuracy_after),
        "rir": robust_improvement_rating(robust_before, robust_after, accuracy_before, accuracy_after),
    }
