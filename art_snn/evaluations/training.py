"""Training a copy of a classifier afresh, step by step, each step on clean or on poisoned data."""

import copy
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Protocol

import torch
from art.estimators.classification import PyTorchClassifier
from torch import nn

from art_snn._validation import check_unknown
from art_snn.attacks.poisoning import AttackRecord, BackdoorAttack, DataAttack
from art_snn.conversion import NotCalibratedError, threshold_shift
from art_snn.estimators.classification import LearningRule, TrainingData, TrainingStep, rule_of
from art_snn.evaluations.augmentation import Augmentation
from art_snn.evaluations.combination import PoisonCombination
from art_snn.evaluations.resource_use import measured_cost

FIT_ARGUMENTS = ("batch_size", "nb_epochs", "training_mode", "drop_last")  # a scheduler would serve one optimiser only

# From an optimiser and the number of epochs to what moves its learning rate after each
Schedule = Callable[[torch.optim.Optimizer, int], torch.optim.lr_scheduler.LRScheduler]
Measure = Callable[[PyTorchClassifier], dict[str, float]]


class StepRecord(NamedTuple):
    """What came of one step of a training, beside the weights.

    Args:
        seconds: That it took, without what was measured meanwhile.
        epochs: What was measured after each epoch and in which step, where that was asked for.
        peak_memory: Bytes by which memory grew at most meanwhile; NaN where the system does not tell.
    """

    seconds: float = 0.0
    epochs: tuple[dict[str, Any], ...] = ()
    peak_memory: float = math.nan


class Once(Protocol):
    """Takes a step of a training, or gives a module the weights of the same step that was taken before."""

    def __call__(
        self,
        step: TrainingStep,
        poisoned: tuple[TrainingStep, ...],
        is_measured: bool,
        module: nn.Module,
        take: Callable[[], StepRecord],
    ) -> StepRecord:
        """What came of the step.

        Args:
            step: The step.
            poisoned: The steps so far, this one included, whose data are poisoned.
            is_measured: Whether anything is measured after each epoch.
            module: What it trains.
            take: Takes it.
        """


@dataclass(frozen=True, kw_only=True)
class TrainingPlan:
    """How one classifier is trained, on clean and on poisoned data alike.

    Args:
        combination: Which steps see poisoned data.
        loss_weights: (α, β), weights of the loss of poisoned and of clean samples; None is the plain mixture.
        augmentation: Random changes of training images.
        schedule: What moves the learning rate; None keeps it.
        record_epochs: Whether accuracy and success are measured after each epoch.
        fit_arguments: For every `fit`, before those of the evaluation.
        once: Takes a step, or restores it; None takes it.
    """

    combination: PoisonCombination = field(default_factory=PoisonCombination)
    loss_weights: tuple[float, float] | None = None
    augmentation: Augmentation = field(default_factory=Augmentation)
    schedule: Schedule | None = None
    record_epochs: bool = False
    fit_arguments: Mapping[str, Any] = field(default_factory=dict)
    once: Once | None = None


class Trained(NamedTuple):
    """A classifier after training, and what came of it on the way.

    Args:
        final: The classifier.
        converted: Where thresholds were calibrated, the classifier as it was right afterwards: `final` itself, or a
            copy where a further step trained it; else None.
        threshold_shift: By layer, how far poisoned calibration data moved the threshold; where they were used.
        failure: Why the ANN could not be converted, if it could not: it diverged, or a layer of it is silent.
        records: What came of each step, but for calibrations.
    """

    final: PyTorchClassifier
    converted: PyTorchClassifier | None = None
    threshold_shift: dict[str, float] | None = None
    failure: str | None = None
    records: tuple[StepRecord, ...] = ()

    @property
    def seconds(self) -> float:
        """Duration of all steps."""
        return sum(record.seconds for record in self.records)

    @property
    def peak_memory(self) -> float:
        """Bytes by which memory grew at most in a step; NaN where the system does not tell."""
        return max((record.peak_memory for record in self.records), default=math.nan)


class Seeds(NamedTuple):
    """What decides a training: one stream of weights, one of everything else."""

    weights: int
    batches: int


def check_fit_arguments(owner: str, fit_arguments: Mapping[str, Any]) -> None:
    """No typo among them: ART's own class would swallow it and train with its defaults."""
    check_unknown(owner, fit_arguments.keys() - set(FIT_ARGUMENTS))


def check_plan(plan: TrainingPlan, attack: BackdoorAttack) -> None:
    """Refuse what cannot be done under an attack, before anything is trained.

    Raises:
        ValueError: If the plan says how poisoned samples are trained on, and the attack takes part in the training; or
            that triggers are put on after an augmentation, and the attack has none that can be put on anew.
    """
    if isinstance(attack, DataAttack):
        is_put_on_anew = hasattr(attack, "trigger") and not getattr(attack, "needs_classifier", False)
        if plan.augmentation and plan.augmentation.place == "before" and not is_put_on_anew:
            raise ValueError(
                f"expected an attack with a trigger for augmentation before it is put on, got {attack!r}; augment after"
            )
        return
    set_too = {
        "loss_weights": plan.loss_weights is not None,
        "augmentation": bool(plan.augmentation),
        "record_epochs": plan.record_epochs,
    }
    if unfit := [name for name, is_set in set_too.items() if is_set]:
        raise ValueError(f"expected no {unfit[0]} with an attack that takes part in the training, got {plan}")


def train_afresh(
    estimator: PyTorchClassifier,
    clean: TrainingData,
    poisoned: TrainingData,
    plan: TrainingPlan,
    seeds: Seeds,
    fit_arguments: Mapping[str, Any],
    measure: Measure | None = None,
) -> Trained:
    """Train a copy of a classifier, from weights and in an order that the seeds decide.

    Args:
        estimator: Any `PyTorchClassifier`; it is not changed.
        clean: Clean training data.
        poisoned: Training data with poison.
        plan: How the classifier is trained.
        seeds: Seeds of weights and batches.
        fit_arguments: For the steps of `fit`, such as `batch_size` and `nb_epochs`.
        measure: What is asked of the classifier after each epoch.
    """
    rule = rule_of(estimator).afresh(seeds.weights)
    return _stepwise(rule, rule.training_steps, (clean, poisoned), plan, seeds, fit_arguments, measure)


def train_under(
    attack: BackdoorAttack,
    estimator: PyTorchClassifier,
    clean: TrainingData,
    plan: TrainingPlan,
    seeds: Seeds,
    fit_arguments: Mapping[str, Any],
) -> tuple[Trained, AttackRecord]:
    """Let an attack train a copy of a classifier; of several steps it takes the first, and the others see clean data.

    Args:
        attack: An attack that takes part in the training.
        estimator: Any `PyTorchClassifier`; it is not changed.
        clean: Clean training data.
        plan: How the classifier is trained.
        seeds: Seeds of weights and batches.
        fit_arguments: For the steps of `fit`, such as `batch_size` and `nb_epochs`.

    Returns:
        The classifier, and what the attack says of its training.

    Raises:
        TypeError: If the attack gives back another classifier although further steps are to follow.
    """
    rule = rule_of(estimator).afresh(seeds.weights)
    first, *others = rule.training_steps
    part = (rule.source or rule).classifier
    arguments = _arguments(rule, first, plan, fit_arguments)
    with measured_cost() as cost:
        trained, record = attack.train(part, clean.x, clean.y, seed=seeds.batches, **arguments)
    if others and trained is not part:
        raise TypeError(f"expected {attack!r} to train in place what is converted afterwards, got another classifier")
    own = StepRecord(cost.seconds, (), cost.peak_memory)
    rule = rule if others else rule_of(trained)
    unshared = replace(plan, once=None)  # it begins where the attack has led, which no other training does
    rest = _stepwise(rule, others, (clean, clean), unshared, seeds, fit_arguments, None)
    return rest._replace(records=(own, *rest.records)), record


def _stepwise(
    rule: LearningRule,
    steps: Sequence[TrainingStep],
    both: tuple[TrainingData, TrainingData],
    plan: TrainingPlan,
    seeds: Seeds,
    fit_arguments: Mapping[str, Any],
    measure: Measure | None,
) -> Trained:
    """Take steps of a training, on clean or on poisoned data as planned."""
    converted, shift, (clean, poisoned) = None, None, both
    so_far, records = list[TrainingStep](), list[StepRecord]()
    for step in steps:
        is_poisoned = poisoned is not clean and plan.combination.is_poisoned(step)
        data = poisoned if is_poisoned else clean
        so_far += [step] * is_poisoned
        if step != "calibration":
            take = _taking(rule, step, data, plan, seeds.batches, fit_arguments, measure)
            once = _taken if plan.once is None else plan.once
            is_measured = plan.record_epochs and measure is not None
            records.append(once(step, tuple(so_far), is_measured, rule.module_of(step), take))
            continue
        try:
            shift = _calibrate(rule, clean, data, seeds.batches)
        except NotCalibratedError as error:  # what is wrong with the ANN is a finding, and other models wait
            rule.forget_calibration()
            return Trained(rule.classifier, rule.classifier, failure=str(error), records=tuple(records))
        converted = rule.classifier if step == rule.training_steps[-1] else rule.copied().classifier
    return Trained(rule.classifier, converted, shift, records=tuple(records))


def _taken(
    _step: object, _poisoned: object, _measured: object, _module: object, take: Callable[[], StepRecord]
) -> StepRecord:
    return take()


def _arguments(
    rule: LearningRule, step: TrainingStep, plan: TrainingPlan, fit_arguments: Mapping[str, Any]
) -> dict[str, Any]:
    """Arguments of `fit` in a step, a fresh scheduler among them where one is planned."""
    arguments = {**plan.fit_arguments, **fit_arguments}
    n_epochs = rule.n_epochs(step) or arguments.get("nb_epochs")
    optimizer = rule.optimizer_of(step)
    if n_epochs is not None:
        arguments["nb_epochs"] = n_epochs
        if plan.schedule is not None and optimizer is not None:
            arguments["scheduler"] = plan.schedule(optimizer, n_epochs)
    return arguments


def _taking(
    rule: LearningRule,
    step: TrainingStep,
    data: TrainingData,
    plan: TrainingPlan,
    seed: int,
    fit_arguments: Mapping[str, Any],
    measure: Measure | None,
) -> Callable[[], StepRecord]:
    """What takes a step."""
    epochs, measuring = list[dict[str, Any]](), 0.0

    def after_epoch(_: int) -> None:
        nonlocal measuring
        if measure is not None:
            started = time.perf_counter()
            trained = rule if step == "snn" or rule.source is None else rule.source
            epochs.append({"step": step, **measure(trained.classifier)})
            measuring += time.perf_counter() - started

    def take() -> StepRecord:
        arguments = _arguments(rule, step, plan, fit_arguments)
        if plan.record_epochs and measure is not None:
            arguments["after_epoch"] = after_epoch
        with measured_cost() as cost:
            rule.train_step(step, data, seed=seed, **arguments)
        return StepRecord(cost.seconds - measuring, tuple(epochs), cost.peak_memory)

    return take


def _calibrate(rule: LearningRule, clean: TrainingData, data: TrainingData, seed: int) -> dict[str, float] | None:
    """Calibrate; where the data are poisoned, also tell how far that moved the thresholds."""
    rule.train_step("calibration", clean, seed=seed)
    if data is clean:
        return None
    calibrated_clean = copy.deepcopy(rule.network)
    rule.train_step("calibration", data, seed=seed)
    return threshold_shift(calibrated_clean, rule.network)
