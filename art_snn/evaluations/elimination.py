"""How far defences remove a backdoor from trained classifiers, and what they cost."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from art.defences.trainer import Trainer
from art.defences.transformer import Transformer
from art.estimators.classification import PyTorchClassifier
from art.evaluations.evaluation import Evaluation

from art_snn._progress import progress
from art_snn._random import host_seed
from art_snn._validation import check_same_length, class_indices
from art_snn.attacks.poisoning import TriggerBackdoor
from art_snn.estimators.classification.mode import mode
from art_snn.evaluations.answers import Answers, Exam
from art_snn.evaluations.cost import Cost, measured_cost
from art_snn.evaluations.doubts import (
    Doubts,
    OnDoubt,
    check_on_doubt,
    heed,
    is_invalid,
    is_unusable,
    model_doubts,
    sample_doubts,
    united,
)
from art_snn.evaluations.inputs import samples_for_all
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
        accuracy_after: With it.
        asr_before: Attack success rate without the defence, samples of the target class left out.
        asr_after: With it.
        n_asr: Denominator of both.
        robust_accuracy_before: Share of triggered samples of other classes that are recognised without the defence.
        robust_accuracy_after: With it.
        der: Defence effectiveness rating; 0.5 is a defence that does nothing.
        rir: Robust improvement rating, likewise.
        seconds: That the defence took.
        peak_memory: Bytes by which memory grew meanwhile; NaN where the system does not tell.
        doubts: Reasons not to take the row at its word.
    """

    DERIVED: ClassVar = (
        "asr_before",
        "asr_after",
        "robust_accuracy_before",
        "robust_accuracy_after",
        "der",
        "rir",
    )

    model: str
    defence: str
    accuracy_before: float
    accuracy_after: float = math.nan
    asr_before: float = math.nan
    asr_after: float = math.nan
    n_asr: int
    robust_accuracy_before: float = math.nan
    robust_accuracy_after: float = math.nan
    der: float = math.nan
    rir: float = math.nan
    seconds: float = math.nan
    peak_memory: float = math.nan
    doubts: Doubts = ()


class EliminationEvaluation(Evaluation):
    """Apply each defence to each backdoored classifier, and measure both on clean and on triggered samples.

    Args:
        attack: Whose trigger is in the classifiers.
        estimators: Backdoored classifiers by name; they are not changed.
        defences: By name, what makes a defence of a classifier: a class such as `FinePruning`, or a
            `functools.partial` of it with parameters; or what makes the new classifier itself, such as the method
            `on_classifier` of a filter.
        doubts: By name what else is known of a classifier, as `BackdoorResult.doubts` says it.
        on_doubt: Whether to "record" an invalid result, or to "raise" a ValueError as soon as there is one.

    Attributes:
        defended: After `evaluate`, the new classifier of each (model, defence); of none whose numbers are not finite,
            on which no defence can work.

    Raises:
        ValueError: If there is no classifier or no defence.
    """

    def __init__(
        self,
        attack: TriggerBackdoor,
        estimators: Mapping[str, PyTorchClassifier],
        defences: Mapping[str, Defence],
        *,
        doubts: Mapping[str, Doubts] | None = None,
        on_doubt: OnDoubt = "record",
    ) -> None:
        check_on_doubt(on_doubt)
        if not (estimators and defences):
            raise ValueError(f"expected estimators and defences, got {len(estimators)} and {len(defences)}")
        self.attack, self.estimators, self.defences = attack, dict(estimators), dict(defences)
        self.doubts, self.on_doubt = dict(doubts or {}), on_doubt
        self.defended: dict[tuple[str, str], PyTorchClassifier] = {}

    def evaluate(
        self, x_clean: Array, y_clean: Labels, x_test: Array, y_test: Labels, *, verbose: bool = True
    ) -> list[EliminationResult]:
        """One result for each classifier and defence, in the order given.

        Args:
            x_clean: Clean samples for the defences, (N, ...).
            y_clean: Their labels, indices (N,) or one-hot (N, K).
            x_test: Clean test samples, (M, ...).
            y_test: Their labels.
            verbose: Whether to show a progress bar.

        Raises:
            ValueError: If samples and labels do not fit; on an invalid result with `on_doubt="raise"`.
        """
        x_clean = samples_for_all("x_clean", x_clean, self.estimators.values())
        x_test = samples_for_all("x_test", x_test, self.estimators.values())
        check_same_length("x_clean", x_clean, "y_clean", y_clean)
        check_same_length("x_test", x_test, "y_test", y_test)
        exam = Exam(x_test, self.attack.poison(x_test)[0], class_indices(y_test), self.attack.target_class)
        cautions = united(sample_doubts(exam))
        results, n_asr = [], int(exam.counted.sum())
        with progress(verbose=verbose, total=len(self.estimators) * len(self.defences), unit="defence") as bar:
            for model, estimator in self.estimators.items():
                before = _asked(estimator, exam)
                found = model_doubts("backdoored model", exam.y, before)
                doubts = united(self.doubts.get(model, ()), found, cautions)
                heed(self.on_doubt, model, doubts)
                row: dict[str, Any] = {"model": model, "accuracy_before": before.accuracy(exam.y), "doubts": doubts}
                for name, make in self.defences.items():
                    bar.set_description(f"{name}, {model}")
                    measured = {}
                    if not is_unusable(doubts):
                        with measured_cost() as cost:
                            defended = eliminate(make(estimator), x_clean, y_clean)
                        self.defended[model, name] = defended
                        measured = _measured(name, exam, before, _asked(defended, exam), doubts, cost)
                    results.append(EliminationResult(defence=name, n_asr=n_asr, **(row | measured)))
                    heed(self.on_doubt, model, results[-1].doubts)
                    bar.update()
        return results


def eliminate(defence: Transformer | Trainer | PyTorchClassifier, x: Array, y: Labels) -> PyTorchClassifier:
    """The new classifier that a defence makes of its own, whichever of ART's two interfaces it has.

    Args:
        defence: A transformer or a trainer, of this package or ART's; or the new classifier itself.
        x: Clean samples, (N, ...).
        y: Their labels.
    """
    if isinstance(defence, PyTorchClassifier):
        return defence
    if isinstance(defence, Trainer):
        defence.fit(x, y)
        return defence.get_classifier()
    return defence(x, y=y)


def _asked(classifier: PyTorchClassifier, exam: Exam) -> Answers:
    """What a classifier, which keeps its mode, makes of the test samples."""
    with mode(classifier.model, False), host_seed(0):  # ART's own predict draws from the global stream
        return exam.ask(classifier)


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
