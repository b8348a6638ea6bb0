"""How far defences remove a backdoor from trained classifiers, and what they cost."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from art.defences.trainer import Trainer
from art.defences.transformer import Transformer
from art.estimators.classification import PyTorchClassifier
from art.evaluations.evaluation import Evaluation

from art_snn._progress import progress
from art_snn._random import host_seed
from art_snn._validation import check_same_length, class_indices
from art_snn.attacks.poisoning import TriggerBackdoor
from art_snn.estimators.classification.mode import mode
from art_snn.evaluations.cost import Cost, measured_cost
from art_snn.evaluations.inputs import samples_for_all
from art_snn.metrics import (
    accuracy,
    attack_success_rate,
    counts_for_success,
    defence_effectiveness_rating,
    robust_accuracy,
    robust_improvement_rating,
)
from art_snn.typing import Array, Indices, Labels

Defence = Callable[[PyTorchClassifier], Transformer | Trainer | PyTorchClassifier]


@dataclass(frozen=True, kw_only=True)
class EliminationResult:
    """What a defence does to one backdoored classifier; rates are fractions in [0, 1].

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
    """

    model: str
    defence: str
    accuracy_before: float
    accuracy_after: float
    asr_before: float
    asr_after: float
    n_asr: int
    robust_accuracy_before: float
    robust_accuracy_after: float
    der: float
    rir: float
    seconds: float
    peak_memory: float


class EliminationEvaluation(Evaluation):
    """Apply each defence to each backdoored classifier, and measure both on clean and on triggered samples.

    Args:
        attack: Whose trigger is in the classifiers.
        estimators: Backdoored classifiers by name; they are not changed.
        defences: By name, what makes a defence of a classifier: a class such as `FinePruning`, or a
            `functools.partial` of it with parameters; or what makes the new classifier itself, such as the method
            `on_classifier` of a filter.

    Attributes:
        defended: After `evaluate`, the new classifier of each (model, defence).
    """

    def __init__(
        self,
        attack: TriggerBackdoor,
        estimators: Mapping[str, PyTorchClassifier],
        defences: Mapping[str, Defence],
    ) -> None:
        if not (estimators and defences):
            raise ValueError(f"expected estimators and defences, got {len(estimators)} and {len(defences)}")
        self.attack, self.estimators, self.defences = attack, dict(estimators), dict(defences)
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
            ValueError: If samples and labels do not fit.
        """
        x_clean = samples_for_all("x_clean", x_clean, self.estimators.values())
        x_test = samples_for_all("x_test", x_test, self.estimators.values())
        check_same_length("x_clean", x_clean, "y_clean", y_clean)
        check_same_length("x_test", x_test, "y_test", y_test)
        test = _TestSamples(x_test, self.attack.poison(x_test)[0], class_indices(y_test), self.attack.target_class)
        results = []
        with progress(verbose=verbose, total=len(self.estimators) * len(self.defences), unit="defence") as bar:
            for model, estimator in self.estimators.items():
                before = test.rates(estimator)
                for name, make in self.defences.items():
                    bar.set_description(f"{name}, {model}")
                    with measured_cost() as cost:
                        defended = eliminate(make(estimator), x_clean, y_clean)
                    self.defended[model, name] = defended
                    results.append(_result(model, name, before, test.rates(defended), test.n_asr, cost))
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


class _Rates(NamedTuple):
    accuracy: float
    asr: float
    robust: float


class _TestSamples(NamedTuple):
    """Clean and triggered test samples with their classes."""

    x: Array
    x_triggered: Array
    y: Indices
    target: int

    @property
    def n_asr(self) -> int:
        return int(counts_for_success(self.y, self.target).sum())

    def rates(self, classifier: PyTorchClassifier) -> _Rates:
        """What the classifier, which keeps its mode, makes of them."""
        with mode(classifier.model, False), host_seed(0):  # ART's own predict draws from the global stream
            clean, triggered = classifier.predict(self.x), classifier.predict(self.x_triggered)
        return _Rates(
            accuracy(self.y, clean),
            attack_success_rate(self.y, triggered, self.target),
            robust_accuracy(self.y, triggered, self.target),
        )


def _result(model: str, defence: str, before: _Rates, after: _Rates, n_asr: int, cost: Cost) -> EliminationResult:
    return EliminationResult(
        model=model,
        defence=defence,
        accuracy_before=before.accuracy,
        accuracy_after=after.accuracy,
        asr_before=before.asr,
        asr_after=after.asr,
        n_asr=n_asr,
        robust_accuracy_before=before.robust,
        robust_accuracy_after=after.robust,
        der=defence_effectiveness_rating(before.asr, after.asr, before.accuracy, after.accuracy),
        rir=robust_improvement_rating(before.robust, after.robust, before.accuracy, after.accuracy),
        seconds=cost.seconds,
        peak_memory=cost.peak_memory,
    )
