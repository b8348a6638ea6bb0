"""How far each of several classifiers learns a backdoor, and what it costs on clean samples."""

import math
import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from art.estimators.classification import PyTorchClassifier
from art.evaluations.evaluation import Evaluation

from art_snn._arrays import as_numbers
from art_snn._layouts import layout_hint
from art_snn._progress import is_shown, task
from art_snn._random import Rng, draw_seed, host_seed
from art_snn._validation import check_class, check_same_length, class_indices
from art_snn.attacks.poisoning import AttackRecord, BackdoorAttack, DataAttack, PoisonedDataset, PoisonedRows
from art_snn.attacks.poisoning.poisoned import poisoned_rows
from art_snn.estimators.classification import TrainingData
from art_snn.evaluations.answers import Answers, Exam, Pair
from art_snn.evaluations.backdoor_result import BackdoorResult
from art_snn.evaluations.combination import PoisonCombination
from art_snn.evaluations.doubts import (
    UNUSABLE,
    Doubts,
    OnDoubt,
    check_on_doubt,
    fall_doubts,
    floor_doubts,
    heed,
    is_invalid,
    model_doubts,
    pair_doubts,
    poison_doubts,
    sample_doubts,
    united,
)
from art_snn.evaluations.migration import measure_migration
from art_snn.evaluations.samples import exam_of, poisoned, samples_for_all
from art_snn.evaluations.training import (
    Seeds,
    Trained,
    TrainingPlan,
    check_fit_arguments,
    check_plan,
    train_afresh,
    train_under,
)
from art_snn.metrics import counts_for_success
from art_snn.typing import Array, Labels


class TrainedPair(NamedTuple):
    """One classifier trained twice from the same initial weights."""

    clean: PyTorchClassifier
    backdoored: PyTorchClassifier


class Attacked(NamedTuple):
    """What an attack on data makes of them, once for all classifiers.

    Args:
        poisoned: The training data with poison in them.
        record: The attack, and which rows it changed.
        exam: The test samples with and without the trigger.
    """

    poisoned: PoisonedDataset
    record: AttackRecord
    exam: Exam


class Trial(NamedTuple):
    """What all classifiers of one evaluation have in common.

    Args:
        train: Clean training samples, (N, ...), and their labels.
        test: Clean test samples, (M, ...), and their labels.
        of_data: What an attack on data alone has made of both sets; None where an attack trains each classifier by
            itself, so that its trigger is known only afterwards.
        seeds: Seeds of the trainings.
        host: Seed of what host code draws from the global streams.
        fit_arguments: Arguments of every `fit`, by name.
    """

    train: tuple[Array, Labels]
    test: tuple[Array, Labels]
    of_data: Attacked | None
    seeds: Seeds
    host: int
    fit_arguments: dict[str, Any]


class BackdoorEvaluation(Evaluation):
    """Train each classifier on clean and on poisoned data, and measure both on clean and on triggered samples.

    Both trainings start from the same weights and see batches in the same order, and all classifiers see the same
    poisoned rows and the same triggered test samples. The classifiers given are not changed.

    Args:
        attack: A `TriggerBackdoor`, one of ART's that is `adapted`, or an attack that takes part in the training: that
            trains each classifier by itself, in the first of its steps, and further steps see clean data.
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
        attacks: The attack as each classifier has learned it; that given, where it works on data alone.
        exams: The test samples with the trigger that each classifier has learned.
        trial: What all classifiers have in common, which evaluations of defences take over.

    Raises:
        ValueError: If there is no estimator, a weight is out of range, or a plan does not suit the attack.
        TypeError: If the attack is none, or an estimator no `PyTorchClassifier`.

    Source: loss weights as in Jin et al., 2024, https://arxiv.org/abs/2409.15670, Eqs 9 to 14.
    """

    def __init__(
        self,
        attack: BackdoorAttack,
        estimators: Mapping[str, PyTorchClassifier],
        *,
        combination: PoisonCombination | None = None,
        loss_weights: tuple[float, float] | None = None,
        plans: Mapping[str, TrainingPlan] | None = None,
        on_doubt: OnDoubt = "record",
    ) -> None:
        if not isinstance(attack, BackdoorAttack):
            raise TypeError(
                f"expected attack to be a TriggerBackdoor or another with train, trigger_test and target_class, got "
                f"{attack!r}"
            )
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
            check_plan(one, attack)
            if one.loss_weights is not None:
                _check_weights(one.loss_weights)
        check_on_doubt(on_doubt)
        self.attack, self.estimators = attack, dict(estimators)
        self.attacks: dict[str, BackdoorAttack] = {}
        self.exams: dict[str, Exam] = {}
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
        trial = self.trial = Trial(
            train=(x_train, y_train),
            test=(x_test, y_test),
            of_data=self._attacked(x_train, y_train, x_test, y_test),
            seeds=Seeds(weights, batches),
            host=host,
            fit_arguments={**fit_arguments, "verbose": is_shown(verbose)},
        )
        return (self._result(name, trial) for name in self.estimators)

    def _result(self, name: str, trial: Trial) -> BackdoorResult:
        """Train and measure one classifier."""
        started = time.perf_counter()
        with host_seed(trial.host):  # ART's own class draws from the global streams even to predict
            with task(f"{name}, clean data"):
                clean = self._trained_clean(name, trial)
            with task(f"{name}, poisoned data"):
                backdoored, (attack, changed, control) = self._trained_under_attack(name, trial)
            exam = exam_of(attack, *trial.test) if trial.of_data is None else trial.of_data.exam
            pair = Pair(*(exam.ask(one.final)._replace(failure=one.failure) for one in (clean, backdoored)))
            harmless = None if control is None else exam.ask(control(clean.final))
            measured = _measured(clean, backdoored, pair, harmless, exam, len(changed.rows))
        self.attacks[name], self.exams[name], self.answers[name] = attack, exam, pair
        self.trained[name], self.doubts[name] = TrainedPair(clean.final, backdoored.final), measured["doubts"]
        heed(self.on_doubt, name, measured["doubts"])
        return BackdoorResult(
            model=name,
            seconds=time.perf_counter() - started,
            training_seconds=(clean.seconds, backdoored.seconds),
            training_peak_memory=(clean.peak_memory, backdoored.peak_memory),
            epochs=tuple(epoch for record in backdoored.records for epoch in record.epochs),
            n_poisoned_by_class=_by_class(changed, self.estimators[name].nb_classes),
            poisoned=changed,
            **measured,
        )

    def _attacked(self, x: Array, y: Labels, x_test: Array, y_test: Labels) -> Attacked | None:
        """What is the same for all classifiers, where the attack is one on data."""
        if not isinstance(self.attack, DataAttack):
            return None
        dataset = poisoned(self.attack, x, y)
        record = AttackRecord(self.attack, poisoned_rows(x, dataset))
        return Attacked(dataset, record, exam_of(self.attack, x_test, y_test))

    def _trained_clean(self, name: str, trial: Trial) -> Trained:
        """The clean twin."""
        data, plan = self._clean_data(name, trial), self.plans[name]
        return train_afresh(self.estimators[name], data, data, plan, trial.seeds, trial.fit_arguments)

    def _trained_under_attack(self, name: str, trial: Trial) -> tuple[Trained, AttackRecord]:
        """The backdoored classifier."""
        clean, plan, own = self._clean_data(name, trial), self.plans[name], (trial.seeds, trial.fit_arguments)
        if trial.of_data is None:
            return train_under(self.attack, self.estimators[name], clean, plan, *own)
        (x, y, is_poison, _), record, exam = trial.of_data
        weights = None if plan.loss_weights is None else np.where(is_poison, *plan.loss_weights).astype(np.float32)
        data = TrainingData(x, y, weights, plan.augmentation.preparing(self.attack, trial.train[0], is_poison))
        return train_afresh(self.estimators[name], clean, data, plan, *own, exam.rates), record

    def _clean_data(self, name: str, trial: Trial) -> TrainingData:
        """Clean training data, as one classifier is to see them."""
        x, y = trial.train
        return TrainingData(x, y, None, self.plans[name].augmentation.preparing(self.attack, x, None))

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


def _measured(
    clean: Trained, backdoored: Trained, pair: Pair, control: Answers | None, exam: Exam, n_poisoned: int
) -> dict[str, Any]:
    """All figures of a row but the seconds, and doubts."""
    cautions = united(sample_doubts(exam), poison_doubts(n_poisoned))
    doubts = united(pair_doubts(exam.y, pair), cautions, fall_doubts(exam.y, *pair))
    doubts = united(doubts, () if control is None else _control_doubts(exam, control))
    derived = {} if is_invalid(doubts) else _derived(pair if control is None else Pair(control, pair.backdoored), exam)
    doubts = united(doubts, floor_doubts(derived.get("floor", math.nan)))
    return {
        "accuracy_clean": pair.clean.accuracy(exam.y),
        "accuracy": pair.backdoored.accuracy(exam.y),
        "accuracy_control": math.nan if control is None else control.accuracy(exam.y),
        **derived,
        "n_asr": int(exam.counted.sum()),
        "n_asr_all": int(exam.counted_among("include").sum()),
        "n_others": int(exam.others.sum()),
        "accuracy_target": exam.accuracy_in_target(pair.backdoored),
        "accuracy_clean_target": exam.accuracy_in_target(pair.clean),
        "n_target": int((exam.y == exam.target).sum()),
        "migration": measure_migration(clean, backdoored, exam, pair, doubts),
        "doubts": doubts,
    }


def _control_doubts(exam: Exam, control: Answers) -> Doubts:
    """Where a model without poison collapses, the floor says so; that is a finding."""
    found = model_doubts("control", exam.y, control)
    return tuple(doubt if doubt.code in UNUSABLE else doubt._replace(grade="caution") for doubt in found)


def _derived(pair: Pair, exam: Exam) -> dict[str, float]:
    """What the trigger does to models that mean something."""
    return {
        "robust_accuracy": exam.robust_accuracy(pair.backdoored),
        "asr": exam.asr(pair.backdoored),
        "asr_all": exam.asr(pair.backdoored, "include"),
        "asr_others": exam.asr_others(pair.backdoored),
        "floor": exam.asr(pair.clean),
    }


def _by_class(poisoned: PoisonedRows, n_classes: int) -> tuple[int, ...]:
    """Poisoned rows by their true class."""
    return tuple(np.bincount(np.asarray(poisoned.classes, np.int64), minlength=n_classes).tolist())


def _check_weights(weights: Any) -> None:
    """Two finite numbers, at least 0 and not both 0."""
    numbers = np.asarray(weights, np.float64)
    if numbers.shape != (2,) or not np.isfinite(numbers).all() or (numbers < 0).any() or not numbers.any():
        raise ValueError(
            f"expected loss_weights to be two finite numbers, at least 0 and not both 0, for poisoned and for clean "
            f"samples, got {weights!r}"
        )
