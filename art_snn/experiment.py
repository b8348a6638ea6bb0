"""A whole experiment: a validated spec, `run`, and a result that is a value."""

import platform
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from art.estimators.classification import PyTorchClassifier
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import nn

from art_snn._random import draw_seed, host_seed
from art_snn._validation import check_choice
from art_snn.attacks.poisoning import TriggerBackdoor
from art_snn.catalogue import DATASETS, NETWORKS, TRIGGERS
from art_snn.data import Dataset, load_dataset
from art_snn.estimators.classification import SpikingClassifier, SpikingModule
from art_snn.evaluations import BackdoorEvaluation, BackdoorResult
from art_snn.models import build
from art_snn.typing import Images, Indices

MODELS = ("ann", "if", "lif")
VERSIONED = ("art-snn", "adversarial-robustness-toolbox", "numpy", "scikit-learn", "spikingjelly", "torch")
N_EXAMPLES = 6

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]


class Experiment(BaseModel):
    """Everything that determines the numbers of a comparison; two runs of one spec give the same.

    Args:
        data: Name of a data set, see `art_snn.catalogue.DATASETS`.
        data_root: Its folder, where it needs one.
        models: What to compare: "ann", and spiking networks of "if" or "lif" neurons, of one topology.
        trigger: Name of a trigger, see `art_snn.catalogue.TRIGGERS`.
        size: Side of the trigger in pixels, or below 1 as a fraction of the image's side.
        percent_poison: Share of all training samples that is poisoned.
        target: Class that the trigger should call forth.
        timesteps: Of the spiking networks.
        epochs: Of each training.
        batch_size: Of each training.
        learning_rate: Of Adam.
        network: Name of a topology, see `art_snn.catalogue.NETWORKS`.
        width: Multiplier of its channels.
        seed: Decides the split, the poisoned rows, the weights and the order of batches, each on a stream of its own.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: str = "digits"
    data_root: Path | None = None
    models: tuple[str, ...] = ("ann", "if", "lif")
    trigger: str = "patch"
    size: Annotated[float, Field(gt=0)] = 2
    percent_poison: Share = 0.1
    target: Annotated[int, Field(ge=0)] = 1
    timesteps: Count = 4
    epochs: Count = 10
    batch_size: Count = 32
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    network: str = "small_cnn"
    width: Annotated[float, Field(gt=0)] = 1.0
    seed: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _names_are_known(self) -> "Experiment":
        check_choice("data", self.data, DATASETS)
        check_choice("trigger", self.trigger, TRIGGERS)
        check_choice("network", self.network, NETWORKS)
        for model in self.models or ("",):
            check_choice("models", model, MODELS)
        return self


@dataclass(frozen=True)
class Examples:
    """A few test samples, with and without trigger, and what each backdoored model says of them.

    Args:
        clean: Samples as they are, (n, ...).
        triggered: The same with the trigger.
        labels: Their classes, (n,).
        predicted: For each model, the classes of the clean and of the triggered samples, (2, n).
    """

    clean: Images
    triggered: Images
    labels: Indices
    predicted: dict[str, Indices]


@dataclass(frozen=True)
class Result:
    """What an experiment found, with what determined it: spec and versions.

    Args:
        spec: The experiment.
        versions: Of Python and of the packages that compute.
        rows: One result a model.
        examples: For the picture; not part of the JSON.
    """

    spec: Experiment
    versions: dict[str, str]
    rows: tuple[BackdoorResult, ...]
    examples: Examples = field(repr=False, compare=False)

    def as_json(self) -> dict[str, Any]:
        """Of plain types only: `{"spec": {...}, "versions": {...}, "rows": [{...}, ...]}`."""
        return {
            "spec": self.spec.model_dump(mode="json"),
            "versions": self.versions,
            "rows": [asdict(row) for row in self.rows],
        }


def run(experiment: Experiment, *, verbose: bool = True) -> Result:
    """Load the data, poison them, train and measure every model.

    Args:
        experiment: What to do.
        verbose: Whether to show a progress bar.

    Raises:
        ValueError: If a value does not fit the data, such as a target beyond the classes.
        FileNotFoundError: If a file of the data set is missing.
    """
    split, rows, weights, batches = np.random.default_rng(experiment.seed).spawn(4)
    dataset = load_dataset(experiment.data, experiment.data_root, seed=draw_seed(split))
    if experiment.target >= len(dataset.classes):
        raise ValueError(f"expected target below {len(dataset.classes)} classes, got {experiment.target}")
    attack = TriggerBackdoor(
        TRIGGERS[experiment.trigger](size=experiment.size),
        experiment.target,
        experiment.percent_poison,
        seed=draw_seed(rows),
    )
    seed = draw_seed(weights)
    evaluation = BackdoorEvaluation(
        attack, {name: make_estimator(name, experiment, dataset, seed) for name in experiment.models}
    )
    results = evaluation.evaluate(
        dataset.x_train,
        dataset.y_train,
        dataset.x_test,
        dataset.y_test,
        seed=draw_seed(batches),
        verbose=verbose,
        batch_size=experiment.batch_size,
        nb_epochs=experiment.epochs,
    )
    return Result(experiment, _versions(), tuple(results), _examples(evaluation, dataset))


def make_estimator(name: str, experiment: Experiment, dataset: Dataset, seed: int = 0) -> PyTorchClassifier:
    """One untrained classifier of the comparison: all have one topology, and the spiking ones the ANN's weights."""
    shape, nb_classes = dataset.x_train.shape[1:], len(dataset.classes)
    net: nn.Module = build(
        experiment.network,
        in_channels=shape[-3],
        nb_classes=nb_classes,
        neuron=None if name == "ann" else name,
        width=experiment.width,
        seed=seed,
    )
    estimator, model = PyTorchClassifier, net
    if name != "ann":
        estimator, model = SpikingClassifier, SpikingModule(net, experiment.timesteps)
    return estimator(
        model,
        nn.CrossEntropyLoss(),
        shape,
        nb_classes,
        optimizer=torch.optim.Adam(model.parameters(), lr=experiment.learning_rate),
        clip_values=dataset.clip_values,
    )


def _examples(evaluation: BackdoorEvaluation, dataset: Dataset) -> Examples:
    """The first test samples of other classes than the target."""
    rows = np.flatnonzero(dataset.y_test != evaluation.attack.target_class)[:N_EXAMPLES]
    clean = dataset.x_test[rows]
    triggered = evaluation.attack.trigger(clean)
    with host_seed(0):  # ART's own class draws from the global streams even to predict
        predicted = {
            name: np.stack([pair.backdoored.predict(x).argmax(1) for x in (clean, triggered)])
            for name, pair in evaluation.trained.items()
        }
    return Examples(clean, triggered, dataset.y_test[rows], predicted)


def _versions() -> dict[str, str]:
    return {"python": platform.python_version(), **{name: version(name) for name in VERSIONED}}
