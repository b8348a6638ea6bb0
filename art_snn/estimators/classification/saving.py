"""Classifiers on disk: weights as safetensors and a JSON card beside them; reading executes nothing."""

import hashlib
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import numpy as np
import torch
from art import config
from pydantic import BaseModel, ConfigDict, Field, PositiveInt, model_validator
from safetensors import SafetensorError
from safetensors.torch import load as read_tensors
from safetensors.torch import save as tensors_to_bytes
from torch import Tensor, nn

from art_snn._files import write_whole
from art_snn.estimators.classification.encoding import Layout
from art_snn.estimators.classification.module import SpikingModule
from art_snn.models import build

if TYPE_CHECKING:
    from art.estimators.classification import PyTorchClassifier as _Host
else:
    _Host = object

LOSSES = {loss.__name__: loss for loss in (nn.CrossEntropyLoss, nn.MSELoss, nn.NLLLoss, nn.MultiMarginLoss)}

MOST_TIMESTEPS = 10_000
MOST_NUMBERS_AT_ONCE, MOST_NUMBERS = 2**25, 2**28  # in one time step of a sample, in all of them

Numbers = float | list[Any]  # one, or nested lists as of an array


class NetworkRecipe(BaseModel):
    """What `art_snn.models.build` makes the network of."""

    model_config = ConfigDict(extra="forbid")

    name: str
    arguments: dict[str, Any]


class ModuleSettings(BaseModel):
    """The arguments of a `SpikingModule`, without its network."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)

    timesteps: Annotated[int, Field(ge=1, le=MOST_TIMESTEPS)] | None
    encoding: Literal["direct", "poisson"]
    readout: Literal["mean", "sum", "last"]
    input_layout: Layout | None
    seed: int


class Card(BaseModel):
    """What a classifier is, but for its weights, which `sha256` ties to it."""

    model_config = ConfigDict(extra="forbid")

    format: Literal["art-snn classifier 1"] = "art-snn classifier 1"
    kind: str
    sha256: str
    network: NetworkRecipe | None
    module: ModuleSettings
    loss: str | None
    input_shape: tuple[PositiveInt, ...]
    nb_classes: PositiveInt
    clip_values: tuple[Numbers, Numbers] | None
    preprocessing: tuple[Numbers, Numbers] | None
    settings: dict[str, Any] = {}

    @model_validator(mode="after")
    def _is_bounded(self) -> Self:
        """A sample that a classifier can be tried on: it says itself how large that is, and how often it runs."""
        timesteps, shape = self.module.timesteps, self.input_shape
        if self.settings.get("timesteps", timesteps) != timesteps:
            raise ValueError(f"expected settings of {timesteps} timesteps, got {self.settings['timesteps']!r}")
        holds_time = len(shape) > 3 or self.module.input_layout == "N(TC)HW"
        steps = 1 if holds_time else timesteps or 1
        if math.prod(shape[-3:]) > MOST_NUMBERS_AT_ONCE or math.prod(shape) * steps > MOST_NUMBERS:
            raise ValueError(
                f"expected samples of at most {MOST_NUMBERS_AT_ONCE} numbers a time step and {MOST_NUMBERS} in all, "
                f"got shape {shape} in {steps} time steps"
            )
        return self


class Saving(_Host):
    """`save` and `load` for a classifier whose model is a `SpikingModule`."""

    _source = ""  # what the names of the weights begin with that belong to the network of the card's recipe

    def save(self, filename: str, path: str | None = None) -> None:
        """Write NAME.safetensors (weights) and NAME.json (everything else), each whole or not at all.

        What the optimiser remembers is not kept.

        Args:
            filename: NAME.
            path: The folder, made if need be; None is ART's data folder.

        Raises:
            ValueError: If the classifier has defences for pre- or postprocessing, which a card cannot hold.
        """
        if self.preprocessing_defences or self.postprocessing_defences:
            raise ValueError("expected no pre- or postprocessing defences, got some; save without and add them again")
        target = Path(path or config.ART_DATA_PATH) / filename
        parts = self._parts().items()
        state = {prefix + name: v for prefix, net in parts for name, v in net.state_dict().items()}
        weights = tensors_to_bytes({name: v.contiguous().cpu() for name, v in state.items()})
        write_whole(f"{target}.safetensors", weights)
        write_whole(f"{target}.json", self._card(weights).model_dump_json(indent=2).encode())

    @classmethod
    def load(cls, filename: str, *, net: nn.Module | None = None, loss: nn.Module | None = None) -> Self:
        """Read what `save` wrote. Nothing is unpickled, and no code from the files runs.

        Args:
            filename: NAME or its path; a bare name is also looked for in ART's data folder.
            net: The network to fill, where the card names none of `art_snn.models`.
            loss: The loss, where the card names none that is known.

        Raises:
            FileNotFoundError: If one of the two files is missing.
            ValueError: If a file is damaged, does not belong to the other, or holds another network's weights.
            TypeError: If `net` or `loss` is needed and not given.
        """
        stem = _stem(filename)
        raw = Path(f"{stem}.safetensors").read_bytes()
        card = Card.model_validate_json(Path(f"{stem}.json").read_bytes())
        if hashlib.sha256(raw).hexdigest() != card.sha256:
            raise ValueError(f"expected {stem}.safetensors to have the sha256 that {stem}.json states, got another")
        if card.kind != cls.__name__:
            raise ValueError(f"expected a {cls.__name__} in {stem}.json, got a {card.kind}: load it with that class")
        weights = _tensors(raw, stem)
        net = net or _network(card, _part(weights, cls._source), stem)
        _check_fits(net, _part(weights, cls._source), stem)
        common = {"clip_values": _arrays(card.clip_values), "preprocessing": _arrays(card.preprocessing)}
        classifier = cls._of_card(card, net, loss or _loss(card, stem), common)
        for prefix, module in classifier._parts().items():
            _check_fits(module, _part(weights, prefix), stem)
            module.load_state_dict(_part(weights, prefix))
        return classifier

    def _parts(self) -> dict[str, nn.Module]:
        """The networks whose weights are saved, by the prefix of their names."""
        return {self._source: self.model.net}

    def _settings(self) -> dict[str, Any]:
        """Arguments of the constructor, of plain types, that the rest of the card does not hold."""
        return {}

    @classmethod
    def _of_card(cls, card: Card, net: nn.Module, loss: nn.Module, common: dict[str, Any]) -> Self:
        """A classifier as the card describes it, its weights not yet loaded."""
        module = SpikingModule(net, **card.module.model_dump())
        return cls(module, loss, card.input_shape, card.nb_classes, **common)

    def _card(self, weights: bytes) -> Card:
        known = LOSSES.get(type(self._loss).__name__)
        standard = self.preprocessing
        return Card(
            kind=type(self).__name__,
            sha256=hashlib.sha256(weights).hexdigest(),
            network=getattr(self._parts()[self._source], "recipe", None),
            module=ModuleSettings.model_validate(self.model),
            loss=known.__name__ if known and vars(known()) == vars(self._loss) else None,
            input_shape=self.input_shape,
            nb_classes=self.nb_classes,
            clip_values=None if self.clip_values is None else _numbers(*self.clip_values),
            preprocessing=None if standard is None else _numbers(standard.mean, standard.std),
            settings=self._settings(),
        )


def _part(weights: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The weights whose names begin with a prefix, without it."""
    return {name.removeprefix(prefix): v for name, v in weights.items() if name.startswith(prefix)}


def _numbers(low: Any, high: Any) -> tuple[Numbers, Numbers]:
    return np.asarray(low).tolist(), np.asarray(high).tolist()


def _arrays(pair: tuple[Numbers, Numbers] | None) -> tuple[Any, ...] | None:
    return None if pair is None else tuple(v if isinstance(v, float) else np.asarray(v, np.float32) for v in pair)


def _stem(filename: str) -> str:
    """The path without suffix under which both files are."""
    for stem in (str(filename), str(Path(config.ART_DATA_PATH) / filename)):
        if all(Path(stem + suffix).is_file() for suffix in (".safetensors", ".json")):
            return stem
    raise FileNotFoundError(f"expected {filename}.safetensors and {filename}.json, found not both; save() writes them")


def _tensors(raw: bytes, stem: str) -> dict[str, Tensor]:
    try:
        return read_tensors(raw)
    except SafetensorError as error:
        raise ValueError(f"expected safetensors in {stem}.safetensors, got something else: {error}") from error


def _loss(card: Card, stem: str) -> nn.Module:
    if card.loss not in LOSSES:
        raise TypeError(f"expected a loss for {stem}, whose card names none that is known, got None")
    return LOSSES[card.loss]()


def _network(card: Card, weights: dict[str, Tensor], stem: str) -> nn.Module:
    if card.network is None:
        raise TypeError(f"expected a net for {stem}, whose card names no network of art_snn.models, got None")
    with torch.device("meta"):  # a card may lie about sizes: nothing is allocated before they are compared
        _check_fits(build(card.network.name, **card.network.arguments), weights, stem)
    return build(card.network.name, **card.network.arguments)


def _check_fits(net: nn.Module, weights: dict[str, Tensor], stem: str) -> None:
    wanted = {name: tuple(tensor.shape) for name, tensor in net.state_dict().items()}
    found = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    for name in sorted(wanted.keys() | found.keys()):
        if wanted.get(name) != found.get(name):
            raise ValueError(
                f"expected {name} of shape {wanted.get(name)} in {stem}.safetensors, got {found.get(name)}: "
                "these are another network's weights"
            )
