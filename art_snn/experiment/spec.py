"""`Experiment`: everything that determines the numbers of a comparison, checked before anything runs."""

import dataclasses
import inspect
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from art_snn._validation import check_choice
from art_snn.catalogue import DATASETS, NETWORKS, TRIGGERS
from art_snn.conversion import Method

MODELS = ("ann", "if", "lif", "converted", "hybrid")
FROM_ANN = ("converted", "hybrid")
OF_THE_TRIGGER = ("size", "position", "polarity")

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0)]


class Experiment(BaseModel):
    """What to compare, on what, under which attack; two runs of one spec give the same numbers.

    What is left out is filled in, so that a written spec says all: size, position and polarity with the trigger's own
    defaults, `timesteps_converted` with `timesteps` where that is given.

    Args:
        data: Name of a data set, see `art_snn.catalogue.DATASETS`.
        data_root: Its folder, where it needs one.
        n_bins: Time bins of a neuromorphic data set.
        split_by: What its bins have in common, a "count" of events or a length of "time".
        limit: Samples of each split that are read of it; None for all.
        models: "ann"; "if" and "lif", spiking networks of these neurons trained by backpropagation; "converted" and
            "hybrid", made from the ANN. All have one topology; with one of the last two it has average pooling.
        trigger: Name of a trigger, see `art_snn.catalogue.TRIGGERS`.
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
        network: Name of a topology, see `art_snn.catalogue.NETWORKS`.
        width: Multiplier of its channels.
        seed: Decides the split, the poisoned rows, the weights and the order of batches, each on a stream of its own.

    Raises:
        ValueError: If a value is out of its range (pydantic's `ValidationError`, whose first error says what was
            expected).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: str = "digits"
    data_root: Path | None = None
    n_bins: Count = 16
    split_by: Literal["count", "time"] = "count"
    limit: Count | None = None
    models: tuple[str, ...] = ("ann", "if", "lif")
    trigger: str = "patch"
    size: Positive | None = None
    position: str | None = None
    polarity: str | None = None
    percent_poison: Share = 0.1
    target: Annotated[int, Field(ge=0)] = 1
    timesteps: Count = 4
    timesteps_converted: Count = 64
    conversion: Method = "max"
    scale: Positive = 1.0
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
        trigger = TRIGGERS.get(filled.get("trigger", "patch"))
        if trigger is not None:
            defaults = {field.name: field.default for field in dataclasses.fields(trigger)}
            filled = {name: defaults[name] for name in OF_THE_TRIGGER if name in defaults} | filled
        return {"timesteps_converted": filled["timesteps"]} | filled if "timesteps" in filled else filled

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        check_choice("data", self.data, DATASETS)
        check_choice("trigger", self.trigger, TRIGGERS)
        check_choice("network", self.network, NETWORKS)
        for model in self.models or ("",):
            check_choice("models", model, MODELS)
        accepted = {field.name for field in dataclasses.fields(TRIGGERS[self.trigger])}
        for name in OF_THE_TRIGGER:
            if getattr(self, name) is not None and name not in accepted:
                raise ValueError(f"expected no {name} for trigger={self.trigger!r}, got {getattr(self, name)!r}")
        if self.is_neuromorphic and set(self.models) & set(FROM_ANN):
            raise ValueError(f"expected models to be ann, if or lif for frames, got {', '.join(self.models)}")
        return self

    @property
    def is_neuromorphic(self) -> bool:
        """Whether the samples are frames of an event camera."""
        return "n_bins" in inspect.signature(DATASETS[self.data]).parameters

    @property
    def pool(self) -> Literal["max", "avg"]:
        """Of all networks: average where one of them is to be converted, which maxima cannot be."""
        return "avg" if set(self.models) & set(FROM_ANN) else "max"
