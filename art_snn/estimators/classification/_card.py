"""The card of a saved classifier, which says what it is but for its weights: checked before anything is made of it."""

import inspect
import math
from collections.abc import Callable, Iterable
from typing import Annotated, Any, Literal, Self, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError, create_model, model_validator
from torch import nn

from art_snn._validation import check_choice
from art_snn.estimators.classification._encoding import Layout
from art_snn.models import MODELS
from art_snn.typing import Array

LOSSES = {loss.__name__: loss for loss in (nn.CrossEntropyLoss, nn.MSELoss, nn.NLLLoss, nn.MultiMarginLoss)}
LONGEST = 500  # characters of a message: a card can hold any number

MOST_TIMESTEPS = 10_000

Checked = TypeVar("Checked")
Numbers = float | list[float] | list[list[float]] | list[list[list[float]]] | list[list[list[list[float]]]]


class Strict(BaseModel):
    """Of exactly these fields, each of exactly its type, numbers finite."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class NetworkRecipe(Strict):
    """What `art_snn.models.build` makes the network of."""

    name: str
    arguments: dict[str, Any]

    @model_validator(mode="after")
    def _is_known(self) -> Self:
        """A network of this package's, with arguments of the types that it takes."""
        check_choice("name", self.name, MODELS)
        checked(lambda: arguments_of(MODELS[self.name]).model_validate(self.arguments))
        return self


class ModuleSettings(Strict):
    """The arguments of a `SpikingModule`, without its network."""

    timesteps: Annotated[int, Field(ge=1, le=MOST_TIMESTEPS)] | None
    encoding: Literal["direct", "poisson"]
    readout: Literal["mean", "sum", "last"]
    input_layout: Layout | None
    seed: Annotated[int, Field(ge=0, lt=2**64)]


class Card(Strict):
    """What a classifier is, but for its weights, which `sha256` ties to it."""

    format: Literal["art-snn classifier 2"] = "art-snn classifier 2"
    kind: str
    sha256: str
    network: NetworkRecipe | None
    module: ModuleSettings | None
    loss: str | None
    input_shape: Annotated[tuple[PositiveInt, ...], Field(min_length=1, max_length=4)]
    nb_classes: Annotated[int, Field(ge=2)]
    channels_first: bool
    clip_values: tuple[Numbers, Numbers] | None
    preprocessing: tuple[Numbers, Numbers] | None
    settings: dict[str, Any]

    @property
    def numbers_a_sample(self) -> int:
        """How many numbers a network sees of a sample over all its time steps."""
        static = self.module is not None and len(self.input_shape) < 4 and self.module.input_layout != "N(TC)HW"
        steps = self.module.timesteps or 1 if self.module is not None and static else 1
        return math.prod(self.input_shape) * steps

    @model_validator(mode="after")
    def _is_meant_for_samples(self) -> Self:
        """Clip values and preprocessing that samples of the input shape can have."""
        for name in ("clip_values", "preprocessing"):
            for array in arrays(getattr(self, name)) or ():
                _check_applies(name, array, self.input_shape)
        if (clip := arrays(self.clip_values)) and not (clip[0] < clip[1]).all():
            raise ValueError("expected clip_values (smallest, largest), got a largest that is not above the smallest")
        if standard := arrays(self.preprocessing):
            if standard[0].shape != standard[1].shape:
                raise ValueError(f"expected a mean and a std of one shape, got {[a.shape for a in standard]}")
            if not (standard[1] > 0).all():
                raise ValueError(f"expected a std above 0 in preprocessing, got {standard[1].min()}")
        return self


def read_card(text: str, kind: type, settings: Iterable[str]) -> Card:
    """The card of a classifier of a class, whose constructor takes these settings besides what every card holds.

    Raises:
        ValueError: If it is no card, or another class's.
    """
    card = checked(lambda: Card.model_validate_json(text))
    if card.kind != kind.__name__:
        raise ValueError(f"expected a {kind.__name__}, got a {card.kind}: load it with that class")
    checked(lambda: arguments_of(kind, settings).model_validate(card.settings))
    return card


def checked(validate: Callable[[], Checked]) -> Checked:
    """What pydantic makes of something; what it finds wrong first is a ValueError of a few lines."""
    try:
        return validate()
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False)[0]
        message = found["msg"].removeprefix("Value error, ")
        place = ".".join(map(str, found["loc"]))
        raise ValueError((f"{message} at {place}, got {found['input']!r}" if place else message)[:LONGEST]) from error


def arguments_of(maker: Callable[..., Any], names: Iterable[str] | None = None) -> type[Strict]:
    """What checks arguments of a function or a class against its annotations: all of them, or those of these names."""
    makers: list[Any] = [maker]
    if isinstance(maker, type):  # what a child passes on untyped, its parent has the type of
        makers = [vars(c)["__init__"] for c in reversed(maker.__mro__) if "__init__" in vars(c)]
    hints = {name: hint for m in makers for name, hint in inspect.get_annotations(m).items() if hint is not Any}
    names = inspect.signature(maker).parameters if names is None else names
    fields: dict[str, Any] = {name: (hints[name], ...) for name in names}
    return create_model(maker.__name__, __base__=Strict, **fields)


def arrays(pair: tuple[Numbers, Numbers] | None) -> tuple[Array, Array] | None:
    """Two numbers, or numbers in nested lists, as arrays."""
    try:
        with np.errstate(over="ignore"):  # what is too large becomes infinite, which is no number for a card
            return None if pair is None else (np.asarray(pair[0], np.float32), np.asarray(pair[1], np.float32))
    except ValueError as error:
        raise ValueError("expected clip_values and preprocessing in lists of equal lengths, got others") from error


def _check_applies(name: str, array: Array, shape: tuple[int, ...]) -> None:
    """Finite in float32, and of a shape that makes no sample larger."""
    if not np.isfinite(array).all():
        raise ValueError(f"expected {name} to be finite in float32, got larger numbers")
    try:
        fits = np.broadcast_shapes(array.shape, shape) == shape
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(f"expected {name} that fit samples of shape {shape}, got shape {array.shape}")
