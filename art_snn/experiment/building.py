"""The parts of an experiment, made as its spec says."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from art.estimators.classification import PyTorchClassifier
from art.preprocessing.standardisation_mean_std.pytorch import StandardisationMeanStdPyTorch
from torch import nn

from art_snn._progress import is_shown, task
from art_snn._random import Rng, draw_seed, host_seed
from art_snn._validation import check_class, share_of
from art_snn.attacks.poisoning import BackdoorAttack
from art_snn.catalogue import NETWORKS, TRIGGERS, build_attack, takes_trigger
from art_snn.data import Dataset, load_dataset
from art_snn.estimators.classification import TrainingData
from art_snn.evaluations import Augmentation, BackdoorEvaluation, TrainingPlan, poison_combination
from art_snn.evaluations.doubts import OnDoubt
from art_snn.evaluations.training import Once, Schedule, Seeds, train_afresh
from art_snn.experiment.resizing import Resizing
from art_snn.experiment.sections import Model, Normalisation, Training, rules
from art_snn.experiment.spec import Experiment
from art_snn.lazy_rows import rows_of
from art_snn.models import Network, build
from art_snn.typing import Array, Indices, Trigger

_ON_DOUBT: dict[str | None, OnDoubt] = {None: "record", "invalid": "raise", "caution": "raise-all"}
_LOSSES = {"cross-entropy": nn.CrossEntropyLoss, "mse": nn.MSELoss}


Keeper = Callable[[Model], Once]


class Streams(NamedTuple):
    """What the seed of a cell decides, each on a stream of its own."""

    split: np.random.Generator
    rows: np.random.Generator
    weights: np.random.Generator
    batches: np.random.Generator
    held_out: np.random.Generator
    surrogate: np.random.Generator


def streams(spec: Experiment) -> Streams:
    """The streams of a cell."""
    return Streams(*np.random.default_rng(spec.seed).spawn(len(Streams._fields)))


def read_data(spec: Experiment, rng: Rng, **options: Any) -> Dataset:
    """The data, with options beside or in place of the spec's."""
    options = {"limit": spec.data.limit} | spec.data.parameters("name") | options
    return load_dataset(spec.data.name, spec.data.folder, seed=draw_seed(rng), **options)


def make_dataset(spec: Experiment, rng: Rng, **options: Any) -> Dataset:
    """The same for a whole experiment; a target beyond their classes is an error."""
    dataset = read_data(spec, rng, **options)
    check_class("target_class", spec.attack.target_class, len(dataset.classes))
    return dataset


def hold_out(dataset: Dataset, share: float, rng: np.random.Generator) -> tuple[Dataset, Array, Indices]:
    """The data without a share of the training samples, and these samples with their labels, in order.

    Args:
        dataset: With at least two training samples of each class that occurs.
        share: Share of each class to hold out, in (0, 1], rounded down; at least one sample and at most all but one.
        rng: Draws them.

    Raises:
        ValueError: If a class has one sample only.
    """
    labels, is_held = dataset.y_train, np.zeros(len(dataset.y_train), bool)
    for label, n in zip(*np.unique(labels, return_counts=True), strict=True):
        if n < 2:
            raise ValueError(f"expected at least 2 training samples of class {label}, got 1: one is held out")
        is_held[
            rng.choice(np.flatnonzero(labels == label), np.clip(share_of(share, int(n)), 1, n - 1), replace=False)
        ] = True
    rest = replace(dataset, x_train=rows_of(dataset.x_train, ~is_held), y_train=labels[~is_held])
    return rest, rows_of(dataset.x_train, is_held), labels[is_held]


def make_trigger(spec: Experiment) -> Trigger:
    """The trigger; one that needs it is yet to be fitted.

    Raises:
        ValueError: If the attack makes its own.
    """
    if spec.attack.trigger is None:
        raise ValueError(
            f"expected an attack that is made with a trigger, got {spec.attack.attack!r}: what it shows is known only "
            "after a training"
        )
    trigger: Trigger = TRIGGERS[spec.attack.trigger](**spec.attack.parameters("trigger"))
    return trigger


def fit_trigger(spec: Experiment, dataset: Dataset, drawn: Streams, *, verbose: bool = True) -> Trigger:
    """The trigger, fitted on the training samples where it needs that.

    One that needs a classifier gets that of an attacker who knows data and topology, but not the victim's weights: it
    is trained on the clean samples from weights of its own.
    """
    trigger: Any = make_trigger(spec)
    if not trigger.needs_fitting:
        return trigger  # type: ignore[no-any-return]
    if not trigger.needs_classifier:
        return trigger.fit(dataset.x_train)  # type: ignore[no-any-return]
    with task("surrogate"):
        surrogate = _surrogate(spec, dataset, drawn.surrogate, verbose=verbose)
        return trigger.fit(dataset.x_train, surrogate, verbose=verbose)  # type: ignore[no-any-return]


def _surrogate(spec: Experiment, dataset: Dataset, rng: np.random.Generator, *, verbose: bool) -> PyTorchClassifier:
    """The attacker's network, trained on clean samples from weights of its own."""
    model = spec.surrogate
    if model is None:
        raise ValueError("expected an attack or a trigger that needs a network of the attacker's, got none")
    weights, batches, host = (draw_seed(stream) for stream in rng.spawn(3))
    data = TrainingData(dataset.x_train, dataset.y_train)
    plan = replace(make_plan(spec, model), record_epochs=False)
    estimator = make_estimator(model, spec, dataset, weights)
    with host_seed(host):
        return train_afresh(estimator, data, data, plan, Seeds(weights, batches), {"verbose": is_shown(verbose)}).final


def make_attack(spec: Experiment, dataset: Dataset, drawn: Streams, *, verbose: bool = True) -> BackdoorAttack:
    """The attack: fitted on training samples, on a network of the attacker's, or aimed at test samples, as it needs."""
    settings: dict[str, Any] = {"target_class": spec.attack.target_class, "seed": draw_seed(drawn.rows)}
    if takes_trigger(spec.attack.attack):
        settings["trigger"] = fit_trigger(spec, dataset, drawn, verbose=verbose)
    attack: Any = build_attack(spec.attack.attack, settings, spec.attack.parameters("attack"))
    if getattr(attack, "needs_classifier", False):
        with task("surrogate"):
            attack = attack.with_classifier(_surrogate(spec, dataset, drawn.surrogate, verbose=verbose))
    if hasattr(attack, "aimed_at"):
        attack = attack.aimed_at(dataset.x_test, dataset.y_test)
    if hasattr(attack, "fit"):
        attack = attack.fit(dataset.x_train, dataset.y_train, verbose=verbose)
    ready: BackdoorAttack = attack
    return ready


def make_evaluation(
    spec: Experiment,
    dataset: Dataset,
    attack: BackdoorAttack,
    weights: np.random.Generator,
    models: Iterable[Model],
    keeper: Keeper | None = None,
) -> BackdoorEvaluation:
    """The attack on untrained classifiers, whose weights one stream draws.

    Args:
        spec: The experiment.
        dataset: Data of the experiment.
        attack: Attack of the experiment.
        weights: Draws the seed that all models share.
        models: Models that are wanted.
        keeper: From a model to what takes steps of its training once; None takes each.
    """
    models, seed = tuple(models), draw_seed(weights)
    if spec.run.device == "gpu" and not torch.cuda.is_available():
        raise ValueError("expected a GPU for run.device = 'gpu', got none on this machine")
    return BackdoorEvaluation(
        attack,
        {model.name: make_estimator(model, spec, dataset, seed) for model in models},
        plans={model.name: make_plan(spec, model, None if keeper is None else keeper(model)) for model in models},
        on_doubt=_ON_DOUBT[spec.measure.raise_on],
    )


def make_network(spec: Experiment, dataset: Dataset, model: Model | None = None, seed: int = 0) -> Network:
    """The topology of a spec for these data: an ANN, or with the neurons of a model that trains some."""
    neurons: dict[str, Any] = {}
    if model is not None and rules()[model.rule].training_steps[0] == "snn":
        neurons = {"neuron": model.neuron, **{name: getattr(model, name) for name in ("surrogate", "tau")}}
    return build(
        spec.network.name,
        in_channels=dataset.x_train.shape[-3],
        nb_classes=len(dataset.classes),
        pool=spec.network.pool or "max",
        seed=seed,
        **spec.network.parameters("name"),
        **neurons,
        **({} if NETWORKS[spec.network.name].datasets is None else {"dataset": spec.data.name}),
    )


def make_estimator(model: Model, spec: Experiment, dataset: Dataset, seed: int = 0) -> PyTorchClassifier:
    """One untrained classifier: all of a spec have one topology and, for one seed, the same initial weights."""
    rule, training = rules()[model.rule], spec.training_of(model)
    net = make_network(spec, dataset, model, seed)
    settings = {name: value for name, value in model.parameters("rule").items() if name not in ("surrogate", "tau")}
    if rule.training_steps[0] != "snn" and "surrogate" in model.parameters("rule"):
        settings["surrogate"] = getattr(model, "surrogate")  # noqa: B009  # of a hybrid one's own neurons
    return rule.of_network(
        net,
        _LOSSES[training.loss](),
        dataset.x_train.shape[1:],
        len(dataset.classes),
        optimizer=make_optimizer(training, net),
        clip_values=dataset.clip_values,
        timesteps=model.timesteps,
        device_type=spec.run.device,
        **_preprocessing(spec, training),
        **settings,
    )


def make_optimizer(training: Training, net: nn.Module) -> torch.optim.Optimizer:
    """Over all parameters of a network."""
    common: dict[str, Any] = {"lr": training.learning_rate, "weight_decay": training.weight_decay}
    if training.optimizer == "sgd":
        return torch.optim.SGD(net.parameters(), momentum=training.momentum, **common)
    kind = torch.optim.Adam if training.optimizer == "adam" else torch.optim.AdamW
    return kind(net.parameters(), **common)


def make_plan(spec: Experiment, model: Model, once: Once | None = None) -> TrainingPlan:
    """How a model is trained."""
    training = spec.training_of(model)
    weights = None if training.alpha is None or training.beta is None else (training.alpha, training.beta)
    return TrainingPlan(
        combination=poison_combination(model.combination),
        loss_weights=weights,
        augmentation=Augmentation(**dict(training.augmentation)),
        schedule=_schedule(training),
        record_epochs=training.record_epochs,
        fit_arguments={"batch_size": training.batch_size, "nb_epochs": training.epochs},
        once=once,
    )


def _schedule(training: Training) -> Schedule | None:
    if training.schedule == "cosine":
        return torch.optim.lr_scheduler.CosineAnnealingLR
    if training.schedule == "steps":
        return partial(_in_steps, milestones=training.milestones, factor=training.factor)
    return None


def _in_steps(
    optimizer: torch.optim.Optimizer, _: int, milestones: tuple[int, ...], factor: float
) -> torch.optim.lr_scheduler.LRScheduler:
    return torch.optim.lr_scheduler.MultiStepLR(optimizer, list(milestones), factor)


def _preprocessing(spec: Experiment, training: Training) -> dict[str, Any]:
    """What stands between samples with their triggers and the network, as arguments of a classifier."""
    train, test, side = spec.data.normalisation, spec.data.normalisation_test, training.resize
    if side is None and (test is None or test == train):
        return {} if train is None else {"preprocessing": _mean_std(train)}
    found: list[Any] = []
    if side is not None:
        found.append(Resizing(side))
    for one, is_of_training in ((train, True), (test or train, False)):
        if one is not None:
            where = {"apply_fit": is_of_training, "apply_predict": not is_of_training}
            found.append(StandardisationMeanStdPyTorch(*_mean_std(one), **where))
    return {"preprocessing_defences": found}


def _mean_std(one: Normalisation) -> tuple[Any, Any]:
    mean, std = (values[0] if len(values) == 1 else np.asarray(values, np.float32) for values in (one.mean, one.std))
    return mean, std
