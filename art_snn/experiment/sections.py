"""The sections of a spec: each field is declared once, and options, files, help and reference are made from it."""

import inspect
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from art.estimators.classification import PyTorchClassifier
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from art_snn._validation import check_choice
from art_snn.catalogue import (
    ATTACKS,
    DATASETS,
    ELIMINATIONS,
    ESTIMATORS,
    FILTERS,
    MODEL_DETECTORS,
    NETWORKS,
    SAMPLE_DETECTORS,
    TRIGGERS,
)
from art_snn.estimators.classification import SpikingModule
from art_snn.experiment.catalogue_parameters import Parameter, parameters_of
from art_snn.neurons import neuron_factory

DATA_FOLDER = "ART_SNN_DATA"  # the environment variable that names where data sets lie
NEURONS = ("if", "lif")
MODELS = ("ann", *NEURONS, "converted", "hybrid")  # that can be named in one word

Count = Annotated[int, Field(ge=1)]
Natural = Annotated[int, Field(ge=0)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
Entry = tuple[Any, frozenset[str]]  # what is chosen, and those of its arguments that are decided elsewhere

# Arguments that other sections decide, or that data and seeds do
_OF_DATA = frozenset({"root", "seed", "limit", "form", "cache_dir"})
_OF_NETWORK = frozenset({"neuron", "surrogate", "tau", "pool", "dataset", "seed"})
_OF_CLASSIFIER = frozenset(inspect.signature(PyTorchClassifier).parameters) | {"timesteps"}
_OF_MODULE = frozenset({"timesteps", "input_layout", "accelerate", "seed"})
_OF_NEURON = frozenset({"v_threshold", "v_reset", "detach_reset"})  # a network with others could not be saved by name
_OF_ATTACK = frozenset({"trigger", "target_class", "seed", "sensor_size", "n_bins", "split_by", "window"}) | {
    *("classifier", "autoencoder", "clip_values", "pattern", "given"),
}
_OF_TRIGGER = frozenset({"clip_values", "mask", "fitted_polarity", "cells"})


Place = tuple[str | int, ...]
Problem = tuple[Place, str, Any]  # where, what was expected, and what was found


def all_of(title: str, problems: Iterable[Problem]) -> ValidationError:
    """One error that holds all problems, each at its place."""
    details = [
        InitErrorDetails(type=PydanticCustomError("problem", "{message}", {"message": message}), loc=place, input=found)
        for place, message, found in problems
    ]
    return ValidationError.from_exception_data(title, details)


class Section(BaseModel):
    """A table of a spec; what it does not know is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Chosen(Section):
    """What is chosen from the catalogue by name: the section takes the parameters of that entry, too."""

    model_config = ConfigDict(frozen=True, extra="allow")

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...  # the parameters of what is chosen

    @classmethod
    def choices(cls) -> dict[str, dict[str, tuple[Entry, ...]]]:
        """By the field that chooses: by name what can be chosen."""
        return {}

    @classmethod
    def known(cls, field: str, name: str) -> dict[str, Parameter]:
        """The parameters that one choice brings along."""
        entries = cls.choices()[field][name]
        return {one: found for entry in entries for one, found in parameters_of(*entry).items()}

    def parameters(self, field: str) -> dict[str, Any]:
        """The parameters of what a field has chosen, with their values."""
        return {name: getattr(self, name) for name in self.known(field, getattr(self, field))}

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        chosen, known = list[str](), dict[str, Parameter]()
        for field, choices in cls.choices().items():
            name = given.get(field, cls.model_fields[field].get_default())
            if name is not None:
                check_choice(field, name, choices)
                chosen.append(name)
                known |= cls.known(field, name)
        own = {name: value for name, value in given.items() if name in cls.model_fields}
        filled = {name: one.filled_in for name, one in known.items() if name not in cls.model_fields}
        wrong = list[Problem]()
        for name, value in given.items():
            if name in filled:
                filled[name] = _checked(known[name], value, wrong)
            elif name not in own:
                wrong.append(((name,), f"to be left out for {' and '.join(chosen)}", value))
        if wrong:
            raise all_of(cls.__name__, wrong)
        return own | filled


def _checked(parameter: Parameter, value: Any, wrong: list[Problem]) -> Any:
    try:
        return parameter.checked(value)
    except ValueError as error:
        wrong.append(((parameter.name,), str(error), value))


class Normalisation(Section):
    """What is subtracted from each channel, and what the rest is divided by."""

    mean: tuple[Finite, ...] = Field(description="One number for all channels, or one for each.")
    std: tuple[Positive, ...] = Field(description="One number for all channels, or one for each.")


class Data(Chosen):
    """The data set, and how it is read."""

    name: str = Field(default="digits", description="Data set.")
    root: Path | None = Field(
        default=None, description=f"Folder of its files; by default NAME in the folder ${DATA_FOLDER}."
    )
    limit: Count | None = Field(default=None, description="The most samples of each split; by default all.")
    normalisation: Normalisation | None = Field(default=None, description="Of samples, between trigger and network.")
    normalisation_test: Normalisation | None = Field(
        default=None,
        description="The same of test samples, where a publication has another; by default that of training.",
    )

    @classmethod
    def choices(cls) -> dict[str, dict[str, tuple[Entry, ...]]]:
        """The data sets, with the options of their loaders."""
        return {"name": {name: ((loader.load, _OF_DATA),) for name, loader in DATASETS.items()}}

    @property
    def is_neuromorphic(self) -> bool:
        """Whether the samples are frames of an event camera."""
        return DATASETS[self.name].is_neuromorphic

    @property
    def folder(self) -> Path | None:
        """Where its files are; None where it needs none, or nobody says."""
        if not DATASETS[self.name].needs_root:
            return None
        base = os.environ.get(DATA_FOLDER)
        return self.root or (Path(base) / self.name if base else None)


class NetworkChoice(Chosen):
    """The topology that all models have."""

    name: str = Field(default="small_cnn", description="Topology; event_net is the data set's own.")
    pool: Literal["max", "avg"] | None = Field(
        default=None,
        description="Pooling, max or avg; by default avg where a model is converted from an ANN, else the network's.",
    )

    @classmethod
    def choices(cls) -> dict[str, dict[str, tuple[Entry, ...]]]:
        """The topologies, with the arguments of what builds them."""
        return {"name": {name: ((build, _OF_NETWORK),) for name, build in NETWORKS.items()}}


class Augmentation(Section):
    """Random changes of training images, other ones in each epoch."""

    crop: Natural = Field(
        default=0, description="Pixels of padding on each side; the image is cut out at a random place."
    )
    flip: bool = Field(
        default=False, description="Whether images are mirrored left to right, each with probability 1/2."
    )
    place: Literal["before", "after"] = Field(
        default="before", description="Whether that is before the trigger is put on, or after."
    )


class Training(Section):
    """How a model is trained."""

    optimizer: Literal["adam", "adamw", "sgd"] = Field(default="adam", description="Optimiser.")
    learning_rate: Positive = Field(default=1e-3, description="Its learning rate.")
    momentum: Share = Field(default=0.0, description="Momentum of sgd.")
    weight_decay: NotNegative = Field(default=0.0, description="Its weight decay.")
    schedule: Literal["constant", "cosine", "steps"] = Field(
        default="constant", description="Learning rate over the epochs."
    )
    milestones: tuple[Count, ...] = Field(
        default=(), description="Epochs after which steps multiply the learning rate."
    )
    factor: Positive = Field(default=0.1, description="What steps multiply it by.")
    loss: Literal["cross-entropy", "mse"] = Field(
        default="cross-entropy", description="Loss; mse takes one-hot labels."
    )
    epochs: Count = Field(default=10, description="Passes over the training data.")
    batch_size: Count = Field(default=32, description="Samples a step.")
    augmentation: Augmentation = Field(default=Augmentation(), description="Random changes of training images.")
    resize: Count | None = Field(
        default=None, description="Side in pixels to which images are brought behind the trigger."
    )
    alpha: NotNegative | None = Field(
        default=None, description="Weight α of poisoned samples in the loss; goes with beta."
    )
    beta: NotNegative | None = Field(
        default=None, description="Weight β of clean samples in the loss; goes with alpha."
    )
    record_epochs: bool = Field(
        default=False, description="Whether accuracy and success are measured after each epoch, too."
    )


class Model(Chosen):
    """One classifier: its learning rule, and the parameters of that."""

    rule: str = Field(default="ann", description="Learning rule: ann, bptt, converted or hybrid.")
    name: Annotated[str, Field(pattern=r"^[\w +-]*$")] = Field(
        default="", description="Name in tables and files; by default the neuron of bptt, else the rule."
    )
    neuron: Literal["if", "lif"] | None = Field(default=None, description="Neuron of bptt; by default lif.")
    timesteps: Count | None = Field(
        default=None, description="Time steps on images; by default 4 for bptt, 64 for converted and hybrid."
    )
    combination: Literal["com1", "com2", "com3", "com4"] = Field(
        default="com4",
        description="Which steps of the training see poison: com1 none, com2 the SNN's, com3 the ANN's, com4 both.",
    )
    training: dict[str, Any] = Field(default={}, description="Fields of training that are other ones for this model.")

    @classmethod
    def choices(cls) -> dict[str, dict[str, tuple[Entry, ...]]]:
        """The learning rules; those that train neurons bring along how these and time are set."""
        of_neurons: tuple[Entry, ...] = (SpikingModule, _OF_MODULE), (neuron_factory, _OF_NEURON)
        return {
            "rule": {
                name: ((kind, _OF_CLASSIFIER), *(of_neurons if kind.training_steps[0] == "snn" else ()))
                for name, kind in rules().items()
            }
        }

    @model_validator(mode="before")
    @classmethod
    def _by_name(cls, given: Any) -> Any:
        """A model is also named by its rule or its neuron alone, and a neuron stands for the rule that trains it."""
        given = {"rule": given} if isinstance(given, str) else given
        if isinstance(given, Mapping) and given.get("rule") in NEURONS:
            return {**given, "rule": "bptt", "neuron": given["rule"]}
        return given


class Attack(Chosen):
    """The attack, and its trigger."""

    attack: str = Field(default="trigger-backdoor", description="Attack.")
    trigger: str | None = Field(
        default=None,
        description="Trigger; by default patch on images, static on frames, power and noise for neuron-parameter; none "
        "where the attack makes its own.",
    )
    target_class: Natural = Field(default=1, description="Class that the trigger should call forth.")

    @classmethod
    def choices(cls) -> dict[str, dict[str, tuple[Entry, ...]]]:
        """Attacks and triggers."""
        return {
            "attack": {name: ((kind, _OF_ATTACK),) for name, kind in ATTACKS.items()},
            "trigger": {name: ((kind, _OF_TRIGGER),) for name, kind in TRIGGERS.items()},
        }


class DefenceChoice(Chosen):
    """One defence with its parameters."""

    name: str = Field(description="Defence.")

    @classmethod
    def choices(cls) -> dict[str, dict[str, tuple[Entry, ...]]]:
        """Defences."""
        return {"name": {name: ((made, _of_defence(made)),) for name, made in defences().items()}}

    @model_validator(mode="before")
    @classmethod
    def _by_name(cls, given: Any) -> Any:
        return {"name": given} if isinstance(given, str) else given


class OnsetLength(Section):
    """Triggers that are there for a part of the time: where they begin, and how long they last."""

    onsets: tuple[Natural, ...] = Field(description="Frames at which the trigger begins, from 0.")
    lengths: tuple[Count, ...] = Field(description="Frames for which it lasts.")


class Measure(Section):
    """What is measured beside accuracy and success."""

    over_time: tuple[Count, ...] = Field(default=(), description="Time steps after which spiking models are asked.")
    onset_length: OnsetLength | None = Field(
        default=None, description="Success by begin and length of an event trigger."
    )
    stealth: bool = Field(
        default=False, description="Whether to measure how far triggered samples are from clean ones."
    )
    cost: bool = Field(default=False, description="Whether to count operations, spikes and energy.")
    evidence: bool = Field(
        default=False,
        description="Whether to keep what plots need: ROC curves of detectors, voltages and spikes of the last spiking "
        "layer, thresholds by clean and by poisoned calibration.",
    )
    detection: bool = Field(default=False, description="Whether every detector searches that fits the data.")
    elimination: bool = Field(
        default=False, description="Whether everything is tried that removes backdoors and fits the data."
    )
    with_art: bool = Field(
        default=False, description="Whether ART's own detectors of poisoned samples search beside ours."
    )
    share_of_clean_data: Annotated[float, Field(gt=0, le=1)] = Field(
        default=0.1, description="Share of the training samples that the defender gets, where there are defences."
    )
    raise_on: Literal["invalid", "caution"] | None = Field(
        default=None, description="Grade of doubt that is an error; by default none, the row says it."
    )


class Run(Section):
    """How often, and on what."""

    seeds: tuple[Natural, ...] = Field(
        default=(0,), description="Each decides split, poisoned rows, weights and batches of a cell."
    )
    threads: Count = Field(default=1, description="Threads of one cell; numbers depend on it in their last digits.")
    device: Literal["cpu", "gpu"] = Field(default="cpu", description="Where networks are computed.")

    @field_validator("seeds", mode="after")
    @classmethod
    def _differ(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if not seeds or len(set(seeds)) < len(seeds):
            raise ValueError(f"expected seeds that differ, at least one, got {list(seeds)}")
        return seeds


def _of_defence(made: Any) -> frozenset[str]:
    """Arguments of a defence that are data, or what a command decides."""
    return frozenset(parameters_of(made)) - frozenset(made.params) | {"verbose", "generator"}


def defences() -> dict[str, Any]:
    """All defences by name."""
    return {**SAMPLE_DETECTORS, **MODEL_DETECTORS, **ELIMINATIONS, **FILTERS}


def rules() -> dict[str, Any]:
    """The learning rules by the names that a spec gives them."""
    return {"bptt" if name == "spiking" else name: kind for name, kind in ESTIMATORS.items()}
