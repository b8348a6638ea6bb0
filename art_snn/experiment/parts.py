"""The parts of an experiment, made as its spec says."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from art.estimators.classification import PyTorchClassifier
from torch import nn

from art_snn._random import Rng, draw_seed
from art_snn._validation import check_class, share_of
from art_snn.attacks.poisoning import TriggerBackdoor
from art_snn.catalogue import ESTIMATORS
from art_snn.data import Dataset, load_dataset
from art_snn.evaluations import BackdoorEvaluation
from art_snn.experiment.spec import OF_NEURONS, OF_THE_DATA, Experiment
from art_snn.lazy_rows import rows_of
from art_snn.models import MODELS, Network
from art_snn.typing import Array, Indices


def make_dataset(spec: Experiment, rng: Rng, **options: Any) -> Dataset:
    """The data, with options beside or in place of the spec's; a target beyond their classes is an error."""
    options = {"limit": spec.limit} | spec.options(OF_THE_DATA) | options
    dataset = load_dataset(spec.data, spec.data_root, seed=draw_seed(rng), **options)
    check_class("target", spec.target, len(dataset.classes))
    return dataset


def hold_out(dataset: Dataset, share: float, rng: np.random.Generator) -> tuple[Dataset, Array, Indices]:
    """The data without a share of the training samples, and these samples with their labels, in order.

    Args:
        dataset: With at least two training samples of each class that occurs.
        share: Of each class, rounded down, but at least one sample, and at most all but one; in (0, 1].
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


def make_attack(spec: Experiment, x_train: Array, rng: np.random.Generator) -> TriggerBackdoor:
    """The attack, its trigger fitted on the training samples where it needs that."""
    trigger: Any = spec.make_trigger()
    if trigger.needs_fitting:
        trigger = trigger.fit(x_train)
    return TriggerBackdoor(trigger, spec.target, spec.percent_poison, seed=draw_seed(rng))


def make_evaluation(
    spec: Experiment,
    dataset: Dataset,
    attack: TriggerBackdoor,
    weights: np.random.Generator,
    models: Collection[str],
) -> BackdoorEvaluation:
    """The attack on untrained classifiers of these names, whose weights one stream draws."""
    seed = draw_seed(weights)
    return BackdoorEvaluation(attack, {name: make_estimator(name, spec, dataset, seed) for name in models})


def make_network(spec: Experiment, dataset: Dataset, neuron: str | None = None, seed: int = 0) -> Network:
    """The topology of a spec for these data, as an ANN or of these neurons."""
    build = MODELS[spec.network]
    return build(
        in_channels=dataset.x_train.shape[-3],
        nb_classes=len(dataset.classes),
        neuron=neuron,
        pool=spec.pool,
        width=spec.width,
        seed=seed,
        **({} if build.datasets is None else {"dataset": spec.data}),
    )


def make_estimator(name: str, spec: Experiment, dataset: Dataset, seed: int = 0) -> PyTorchClassifier:
    """One untrained classifier: all of a spec have one topology and, for one seed, the same initial weights."""
    has_neurons = name in OF_NEURONS
    rule = ESTIMATORS["spiking" if has_neurons else name]
    net = make_network(spec, dataset, name if has_neurons else None, seed)
    settings: dict[str, Any] = {
        "optimizer": torch.optim.Adam(net.parameters(), lr=spec.learning_rate),
        "clip_values": dataset.clip_values,
        "timesteps": spec.timesteps,
    }
    if "calibration" in rule.training_steps:
        settings |= {"timesteps": spec.timesteps_converted, "method": spec.conversion, "scale": spec.scale}
    return rule.of_network(net, nn.CrossEntropyLoss(), dataset.x_train.shape[1:], len(dataset.classes), **settings)
