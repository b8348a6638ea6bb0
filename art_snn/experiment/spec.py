"""`Experiment`: everything that determines the numbers of a comparison, checked before anything runs."""

from collections.abc import Collection
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from art_snn._validation import check_choice, check_fraction
from art_snn.catalogue import DATASETS, NETWORKS, TRIGGERS
from art_snn.conversion import Method, check_method
from art_snn.typing import Trigger

OF_NEURONS = ("if", "lif")
FROM_ANN = ("converted", "hybrid")
MODELS = ("ann", *OF_NEURONS, *FROM_ANN)
OF_THE_DATA = ("n_bins", "split_by", "on_bad", "saturate", "partial")
OF_THE_TRIGGER = ("size", "position", "polarity")
OF_CONVERSION = {"timesteps_converted": 64, "conversion": "max", "scale": 1.0}

Count = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Experiment(BaseModel):
    """What to compare, on what, under which attack; two runs of one spec give the same numbers.

    What is left out is filled in, so that a written spec says all: options of data and trigger with their own defaults,
    `timesteps_converted` with `timesteps` where that is given. What would have no effect is None, and an error
    where it is given.

    Args:
        data: Name of a data set, see `art_snn.catalogue.DATASETS`.
        data_root: Its folder, where it needs one.
        n_bins: Time bins of a neuromorphic data set.
        split_by: What its bins have in common, a "count" of events or a length of "time".
        on_bad: What to make of a damaged recording, an "error" or "skip".
        saturate: Whether a count above 255 becomes 255 instead of an error.
        partial: Whether to do without missing training files of CIFAR-10.
        limit: Samples of each split that are used of it; None for all.
        models: "ann"; "if" and "lif", spiking networks of these neurons trained by backpropagation; "converted" and
            "hybrid", made from the ANN. All have one topology; with one of the last two it has average pooling.
        trigger: Name of a trigger, see `art_snn.catalogue.TRIGGERS`; "patch" on images, "static" on frames.
        size: Side of the trigger in pixels, or below 1 as a fraction of the sample's.
        position: Of the trigger, by name.
        polarity: Of a trigger of events.
        percent_poison: Share of all training samples that is poisoned.
        target: Class that the trigger should call forth.
        timesteps: Of spiking networks on images.
        timesteps_converted: The same of converted and hybrid ones, which need more.
        conversion: Method of calibration, see `art_snn.conversion.convert`.
        scale: Factor on the thresholds of converted and hybrid networks.
        epochs: Of each training.
        batch_size: Of each training.
        learning_rate: Of Adam.
        network: Name of a topology, see `art_snn.catalogue.NETWORKS`; "event_net" is the data set's own.
        width: Multiplier of its channels.
        seed: Decides the split, the poisoned rows, the weights and the order of batches, each on a stream of its own.

    Raises:
        ValueError: If a value is out of its range (pydantic's `ValidationError`, whose first error says what was
            expected).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: str = "digits"
    data_root: Path | None = None
    n_bins: Count | None = None
    split_by: Literal["count", "time"] | None = None
    on_bad: Literal["error", "skip"] | None = None
    saturate: bool | None = None
    partial: bool | None = None
    limit: Count | None = None
    models: tuple[str, ...] = ("ann", "if", "lif")
    trigger: str = "patch"
    size: Positive | None = None
    position: str | None = None
    polarity: str | None = None
    percent_poison: float = 0.1
    target: Annotated[int, Field(ge=0)] = 1
    timesteps: Count | None = None
    timesteps_converted: Count | None = None
    conversion: Method | None = None
    scale: Positive | None = None
    epochs: Count = 10
    batch_size: Count = 32
    learning_rate: Positive = 1e-3
    network: str = "small_cnn"
    width: Positive = 1.0
    seed: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, given: dict[str, Any]) -> dict[str, Any]:
        filled = {name: value for name, value in given.items() if value is not None}
        data, models = (filled.get(name, cls.model_fields[name].default) for name in ("data", "models"))
        if data not in tuple(DATASETS) or not isinstance(models, tuple | list):
            return filled  # and let the checks say so
        trigger = filled.setdefault(
            "trigger", "static" if DATASETS[data].is_neuromorphic else cls.model_fields["trigger"].default
        )
        if trigger not in tuple(TRIGGERS):
            return filled
        defaults: dict[str, Any] = OF_CONVERSION | {
            "timesteps_converted": filled.get("timesteps", OF_CONVERSION["timesteps_converted"])
        }
        if set(models) & set(OF_NEURONS):
            defaults["timesteps"] = 4
        for options, names in ((DATASETS[data].options, OF_THE_DATA), (_trigger_options(trigger), OF_THE_TRIGGER)):
            defaults |= {name: options[name] for name in names if name in options}
        idle = _idle(data, trigger, models)
        return {name: value for name, value in defaults.items() if name not in idle} | filled

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        check_choice("data", self.data, DATASETS)
        check_choice("trigger", self.trigger, TRIGGERS)
        check_choice("network", self.network, NETWORKS)
        for model in self.models or ("",):
            check_choice("models", model, MODELS)
        if len(set(self.models)) < len(self.models):
            raise ValueError(f"expected models that differ, got {', '.join(self.models)}")
        fitting = [name for name, build in NETWORKS.items() if self.data in (build.datasets or DATASETS)]
        check_choice(f"network for {self.data}", self.network, fitting)
        written = self.model_dump(mode="json")
        for name, owner in _idle(self.data, self.trigger, self.models).items():
            if written[name] is not None:
                raise ValueError(f"expected no {name} for {owner}={written[owner]!r}, got {written[name]!r}")
        if self.data_root is None and DATASETS[self.data].needs_root:
            raise ValueError(f"expected data_root, the folder that holds the files of {self.data!r}, got None")
        if self.is_neuromorphic and set(self.models) & set(FROM_ANN):
            raise ValueError(f"expected models to be ann, if or lif for frames, got {', '.join(self.models)}")
        self._check_attack()
        if self.conversion is not None and self.scale is not None:
            check_method(self.conversion, self.scale, percentile=100)
        return self

    def _check_attack(self) -> None:
        check_fraction("percent_poison", self.percent_poison)
        kind = "frames" if self.is_neuromorphic else "images"
        fitting = [name for name, made in TRIGGERS.items() if made.needs_frames is self.is_neuromorphic]
        check_choice(f"trigger for {kind}", self.trigger, fitting)
        self.make_trigger()

    def make_trigger(self) -> Trigger:
        """The trigger as these options say; a smart one is yet to be fitted."""
        trigger: Trigger = TRIGGERS[self.trigger](**self.options(OF_THE_TRIGGER))
        return trigger

    def options(self, names: Collection[str]) -> dict[str, Any]:
        """Those of these options that have an effect."""
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    @property
    def is_neuromorphic(self) -> bool:
        """Whether the samples are frames of an event camera."""
        return DATASETS[self.data].is_neuromorphic

    @property
    def pool(self) -> Literal["max", "avg"]:
        """Of all networks: average where one of them is to be converted, which maxima cannot be."""
        return "avg" if set(self.models) & set(FROM_ANN) else "max"


def _trigger_options(trigger: str) -> dict[str, Any]:
    """What can be said of a trigger, with the defaults."""
    return {field.name: field.default for field in fields(TRIGGERS[trigger])}


def _idle(data: str, trigger: str, models: Collection[str]) -> dict[str, str]:
    """Options without an effect, each with the field that takes it away."""
    loader = DATASETS[data]
    idle = {name: "trigger" for name in OF_THE_TRIGGER if name not in _trigger_options(trigger)}
    if not set(models) & set(FROM_ANN):
        idle |= dict.fromkeys(OF_CONVERSION, "models")
    if set(models) <= {"ann"}:
        idle["timesteps"] = "models"
    if loader.is_neuromorphic:
        idle["timesteps"] = "data"
    if not loader.needs_root:
        idle["data_root"] = "data"
    return idle | {name: "data" for name in OF_THE_DATA if name not in loader.options}
