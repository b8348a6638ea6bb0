"""How far each of several classifiers learns a backdoor, and what it costs on clean samples."""

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from art.estimators.classification import PyTorchClassifier
from art.evaluations.evaluation import Evaluation

from art_snn._arrays import as_numbers
from art_snn._layouts import layout_hint
from art_snn._progress import is_shown, task
from art_snn._random import Rng, draw_seed, host_seed
from art_snn._validation import check_class, check_same_length, class_indices
from art_snn.attacks.poisoning import TriggerBackdoor
from art_snn.attacks.poisoning.backdoor import PoisonedDataset
from art_snn.estimators.classification import TrainingData
from art_snn.evaluations.answers import Exam, Pair
from art_snn.evaluations.combination import PoisonCombination
from art_snn.evaluations.doubts import (
    Doubts,
    OnDoubt,
    check_on_doubt,
    fall_doubts,
    floor_doubts,
    heed,
    is_invalid,
    pair_doubts,
    poison_doubts,
    sample_doubts,
    united,
)
from art_snn.evaluations.figures import FIGURE
from art_snn.evaluations.migration import Migration, measure_migration
from art_snn.evaluations.samples import exam_of, poisoned, samples_for_all
from art_snn.evaluations.training import Seeds, Trained, TrainingPlan, check_fit_arguments, train_afresh
from art_snn.metrics import counts_for_success
from art_snn.typing import Array, Labels


@dataclass(frozen=True, kw_only=True)
class BackdoorResult:
    """What a backdoor does to one classifier; rates are fractions in [0, 1].

    Where a doubt is "invalid", as about a model that has collapsed to one class, all rates but the accuracies on clean
    samples are NaN.

    Args:
        model: Name of the classifier.
        accuracy_clean: Accuracy on clean test samples of the model that was trained on clean data, the clean twin.
        accuracy: Accuracy on clean test samples of the backdoored model.
        robust_accuracy: Share of triggered samples of other classes that are still recognised.
        asr: Attack success rate (ASR): share of triggered samples of other classes that are taken for the target.
        asr_all: Attack success rate with the samples of the target class counted, as many papers do.
        n_asr: The denominator of `asr`.
        n_asr_all: The denominator of `asr_all`.
        floor: `asr` of the clean twin: what the trigger does without a backdoor.
        seconds: Duration of both trainings and all predictions.
        migration: From the ANN to the spiking network, for converted and hybrid classifiers; else None.
        doubts: Reasons not to take the row at its word.
        training_seconds: Duration of the clean and of the poisoned training, without measurements, also where it was
            done before.
        training_peak_memory: Bytes by which memory grew at most in either training, clean and poisoned; NaN where the
            system does not tell.
        epochs: Accuracy and ASR of the backdoored model after each epoch of all steps, where the plan asks for them.
            Nothing is chosen by them.
        n_poisoned_by_class: Poisoned training samples by their true class.
        accuracy_target: Accuracy of the backdoored model on clean test samples of the target class, NaN if there are
            none; it falls where all that the model has seen of the class has the trigger.
        accuracy_clean_target: Accuracy of the clean twin on clean test samples of the target class; NaN if none.
        n_target: Number of test samples of the target class.
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
    epochs: tuple[dict[str, float], ...] = ()
    n_poisoned_by_class: tuple[int, ...] = ()
    accuracy_target: float = math.nan
    accuracy_clean_target: float = math.nan
    n_target: int = 0


class TrainedPair(NamedTuple):
    """One classifier trained twice from the same initial weights."""

    clean: PyTorchClassifier
    backdoored: PyTorchClassifier


class Trial(NamedTuple):
    """What all classifiers of one evaluation have in common."""

    x: Array
    y: Labels
    poisoned: PoisonedDataset
    exam: Exam
    cautions: Doubts  # about the samples, for all classifiers alike
    seeds: Seeds
    host: int  # seed of what host code draws from the global streams
    fit_arguments: dict[str, Any]


class BackdoorEvaluation(Evaluation):
    """Train each classifier on clean and on poisoned data, and measure both on clean and on triggered samples.

    Both trainings start from the same weights and see batches in the same order, and all classifiers see the same
    poisoned rows and the same triggered test samples. The classifiers given are not changed.

    Args:
        attack: Chooses and changes rows of the training data.
        estimators: ART's `PyTorchClassifier`s, spiking ones among them, by name.
        combination: Which steps of converted and hybrid classifiers see the poisoned data; all of them by default.
        loss_weights: (α, β) weights of the loss of poisoned and of clean samples, at least 0 and not both 0; None is
            the plain mixture.
        plans: How single classifiers are trained, by name; the others as `combination` and `loss_weights` say.
        on_doubt: Whether to "record" an invalid result, to "raise" a ValueError as soon as there is one, or
            "raise-all" to do so at cautions too.

    Attributes:
        trained: The pair of trained classifiers of each name whose result has been given.
        answers: What the two of each pair made of the test samples.
        doubts: About each pair, as its result has them.
        trial: The poisoned data and the triggered test samples, which evaluations of defences take over.

    Raises:
        ValueError: If there is no estimator, or a weight is out of range.
        TypeError: If the attack is no `TriggerBackdoor`, or an estimator no `PyTorchClassifier`.

    Source: loss weights as in Jin et al., 2024, https://arxiv.org/abs/2409.15670, Eqs 9 to 14.
    """

    def __init__(
        self,
        attack: TriggerBackdoor,
        estimators: Mapping[str, PyTorchClassifier],
        *,
        combination: PoisonCombination | None = None,
        loss_weights: tuple[float, float] | None = None,
        plans: Mapping[str, TrainingPlan] | None = None,
        on_doubt: OnDoubt = "record",
    ) -> None:
        if not isinstance(attack, TriggerBackdoor):
            raise TypeError(f"expected attack to be a TriggerBackdoor, got {attack!r}")
        if not isinstance(estimators, Mapping):
            raise TypeError(f"expected estimators by name, {{'name': classifier}}, got {estimators!r}")
        if not estimators:
            raise ValueError("expected at least one estimator, got none")
        for name, estimator in estimators.items():
            if not isinstance(estimator, PyTorchClassifier):
                raise TypeError(f"expected {name!r} to be a PyTorchClassifier, got {estimator!r}")
        plan = TrainingPlan(combination=combination or PoisonCombination(), loss_weights=loss_weights)
        self.plans = {name: (plans or {}).get(name, plan) for name in estimators}
        for one in self.plans.values():
            if one.loss_weights is not None:
                _check_weights(one.loss_weights)
        check_on_doubt(on_doubt)
        self.attack, self.estimators = attack, dict(estimators)
        self.on_doubt: OnDoubt = on_doubt
        self.trained: dict[str, TrainedPair] = {}
        self.answers: dict[str, Pair] = {}
        self.doubts: dict[str, Doubts] = {}
        self.trial: Trial | None = None

    def evaluate(
        self, x_train: Array, y_train: Labels, x_test: Array, y_test: Labels, *, seed: Rng = 0, **options: Any
    ) -> list[BackdoorResult]:
        """All that `results` gives for these arguments, in a list."""
        return list(self.results(x_train, y_train, x_test, y_test, seed=seed, **options))

    def results(
        self,
        x_train: Array,
        y_train: Labels,
        x_test: Array,
        y_test: Labels,
        *,
        seed: Rng = 0,
        verbose: bool = True,
        **fit_arguments: Any,
    ) -> Iterator[BackdoorResult]:
        """One result a classifier, in the order given, each as soon as it is measured.

        What does not fit is refused by the call itself; the trainings happen while one iterates. No classifier's result
        depends on which others there are.

        Args:
            x_train: Clean training samples, (N, ...).
            y_train: Labels of the training samples, indices (N,) or one-hot (N, K).
            x_test: Clean test samples, (M, ...).
            y_test: Labels of the test samples.
            seed: Seed of weights, order of batches and draws in training, for each classifier alike.
            verbose: Whether to show a progress bar.
            **fit_arguments: For every `fit`, such as `batch_size` and `nb_epochs`.

        Raises:
            ValueError: If data and labels do not fit each other or an estimator's classes, samples are not what an
                estimator takes, no test sample is of another class than the target's, or the attack finds no rows to
                poison; nothing has been trained then. Also on an invalid result with `on_doubt="raise"`, after the
                trainings.
            TypeError: If a `fit` argument is unknown, or samples or labels are no numbers.
        """
        check_fit_arguments("BackdoorEvaluation", fit_arguments)
        x_train, x_test = self._checked(x_train, y_train, x_test, y_test)
        weights, batches, host = (draw_seed(stream) for stream in np.random.default_rng(seed).spawn(3))
        dataset, exam = poisoned(self.attack, x_train, y_train), exam_of(self.attack, x_test, y_test)
        trial = self.trial = Trial(
            x=x_train,
            y=y_train,
            poisoned=dataset,
            exam=exam,
            cautions=united(sample_doubts(exam), poison_doubts(int(dataset.is_poison.sum()))),
            seeds=Seeds(weights, batches),
            host=host,
            fit_arguments={**fit_arguments, "verbose": is_shown(verbose)},
        )
        return (self._result(name, trial) for name in self.estimators)

    def _result(self, name: str, trial: Trial) -> BackdoorResult:
        """Train and measure one classifier."""
        started, trained, own = time.perf_counter(), list[Trained](), self.plans[name]
        clean, backdoored = self._training_data(own, trial)
        with host_seed(trial.host):  # ART's own class draws from the global streams even to predict
            for state, data in (("clean", clean), ("poisoned", backdoored)):
                with task(f"{name}, {state} data"):
                    measure = trial.exam.rates if state == "poisoned" else None
                    estimator, arguments = self.estimators[name], trial.fit_arguments
                    trained.append(train_afresh(estimator, clean, data, own, trial.seeds, arguments, measure))
            self.answers[name] = Pair(*(trial.exam.ask(one.final)._replace(failure=one.failure) for one in trained))
            measured = _measured(trained[0], trained[1], self.answers[name], trial)
        self.trained[name], self.doubts[name] = TrainedPair(trained[0].final, trained[1].final), measured["doubts"]
        heed(self.on_doubt, name, measured["doubts"])
        seconds = [sum(record.seconds for record in one.records) for one in trained]
        peaks = [max((record.peak_memory for record in one.records), default=math.nan) for one in trained]
        return BackdoorResult(
            model=name,
            seconds=time.perf_counter() - started,
            training_seconds=(seconds[0], seconds[1]),
            training_peak_memory=(peaks[0], peaks[1]),
            epochs=tuple(epoch for record in trained[1].records for epoch in record.epochs),
            n_poisoned_by_class=_by_class(trial.poisoned, self.estimators[name].nb_classes),
            **measured,
        )

    def _checked(self, x_train: Any, y_train: Labels, x_test: Any, y_test: Labels) -> tuple[Array, Array]:
        """Both sets of samples as arrays; what would otherwise fail, or mislead, after the trainings is an error."""
        x_train = samples_for_all("x_train", x_train, self.estimators.values())
        x_test = as_numbers("x_test", x_test)
        check_same_length("x_train", x_train, "y_train", y_train)
        check_same_length("x_test", x_test, "y_test", y_test)
        if (x_train.ndim, x_train.shape[1:][-3:]) != (x_test.ndim, x_test.shape[1:][-3:]):
            hint = layout_hint(x_test.shape, x_train.shape[1:])
            got = f"shapes {x_test.shape} and {x_train.shape}" + (f"; the first {hint}" if hint else "")
            raise ValueError(f"expected x_test like x_train, got {got}")
        x_test = samples_for_all("x_test", x_test, self.estimators.values())
        for estimator in self.estimators.values():
            check_class("target_class", self.attack.target_class, estimator.nb_classes)
            for y in (y_train, y_test):
                class_indices(y, estimator.nb_classes)
        if not counts_for_success(y_test, self.attack.target_class).any():
            raise ValueError(f"expected test samples of other classes than {self.attack.target_class}, got none")
        return x_train, x_test

    def _training_data(self, own: TrainingPlan, trial: Trial) -> tuple[TrainingData, TrainingData]:
        """Clean and poisoned, as one classifier is to see them."""
        (x, y, is_poison, _), weights = trial.poisoned, None
        if own.loss_weights is not None:
            weights = np.where(is_poison, *own.loss_weights).astype(np.float32)
        before, after = (own.augmentation.preparing(self.attack, trial.x, rows) for rows in (None, is_poison))
        return TrainingData(trial.x, trial.y, None, before), TrainingData(x, y, weights, after)


def _measured(clean: Trained, backdoored: Trained, pair: Pair, trial: Trial) -> dict[str, Any]:
    """All figures of a row but the seconds, and doubts."""
    exam = trial.exam
    doubts = united(pair_doubts(exam.y, pair), trial.cautions, fall_doubts(exam.y, *pair))
    derived = {} if is_invalid(doubts) else _derived(pair, exam)
    doubts = united(doubts, floor_doubts(derived.get("floor", math.nan)))
    return {
        "accuracy_clean": pair.clean.accuracy(exam.y),
        "accuracy": pair.backdoored.accuracy(exam.y),
        **derived,
        "n_asr": int(exam.counted.sum()),
        "n_asr_all": len(exam.y),
        "accuracy_target": exam.accuracy_in_target(pair.backdoored),
        "accuracy_clean_target": exam.accuracy_in_target(pair.clean),
        "n_target": int((~exam.counted).sum()),
        "migration": measure_migration(clean, backdoored, exam, pair, doubts),
        "doubts": doubts,
    }


def _derived(pair: Pair, exam: Exam) -> dict[str, float]:
    """What the trigger does to models that mean something."""
    return {
        "robust_accuracy": exam.robust_accuracy(pair.backdoored),
        "asr": exam.asr(pair.backdoored),
        "asr_all": exam.asr(pair.backdoored, "include"),
        "floor": exam.asr(pair.clean),
    }


def _by_class(poisoned: PoisonedDataset, n_classes: int) -> tuple[int, ...]:
    """Poisoned rows by their true class."""
    classes = class_indices(poisoned.y_clean, n_classes)[poisoned.is_poison]
    return tuple(np.bincount(classes, minlength=n_classes).tolist())


def _check_weights(weights: Any) -> None:
    """Two finite numbers, at least 0 and not both 0."""
    numbers = np.asarray(weights, np.float64)
    if numbers.shape != (2,) or not np.isfinite(numbers).all() or (numbers < 0).any() or not numbers.any():
        raise ValueError(
            f"expected loss_weights to be two finite numbers, at least 0 and not both 0, for poisoned and for clean "
            f"samples, got {weights!r}"
        )
