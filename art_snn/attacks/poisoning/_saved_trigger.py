"""A trained trigger network on disk: weights and the attack's parameters in one safetensors file."""

from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import torch
from art import config
from pydantic import BaseModel, ConfigDict, ValidationError
from torch import Tensor, nn

from art_snn._files import write_whole
from art_snn._validation import brief
from art_snn.attacks.poisoning.autoencoder import SpikingAutoencoder
from art_snn.estimators.classification.weights import check_all_finite, check_fit, digest, pack, unpack

_Number = int | float
_Numbers = _Number | list[float] | list[list[float]] | list[list[list[float]]]  # for all values, or (C, H, W)


class _Strict(BaseModel):
    """Of exactly these fields, each of exactly its type, numbers finite."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class _Recipe(_Strict):
    """The arguments of a `SpikingAutoencoder`."""

    input_shape: tuple[int, ...]
    channels: int
    timesteps: int
    two_sided: bool


class _Settings(_Strict):
    """The parameters of the attack, without its network."""

    target_class: int
    alpha: _Number
    gamma: _Number
    valid_frames: bool
    budget: _Number | tuple[_Number, _Number] | None
    channels: int
    learning_rate: _Number
    nb_epochs_frozen: int
    percent_poison: _Number | None = None
    source_classes: int | tuple[int, ...] | None = None
    percent_cover: _Number = 0.0
    freeze: str | tuple[str, ...] | None = None
    nb_epochs_clean: int = 0
    potential_weight: _Number = 0.0
    clip_values: tuple[_Numbers, _Numbers] | None
    seed: int


class _Card(_Strict):
    """What an attack is, but for the weights of its network, which `sha256` ties to it."""

    format: Literal["art-snn trigger 1"] = "art-snn trigger 1"
    kind: str
    sha256: str
    autoencoder: _Recipe | None
    settings: _Settings


class SavedTrigger:
    """`save` and `load` for an attack whose trigger is a network."""

    autoencoder: nn.Module | None

    def save(self, filename: str, path: str | None = None) -> None:
        """Write NAME.safetensors, weights and card, and NAME.json, the card for people; each whole or not at all.

        Args:
            filename: NAME.
            path: The folder, made if need be; None is ART's data folder.

        Raises:
            ValueError: If there is no trigger network yet, or its weights are not finite; nothing has been written.
        """
        if self.autoencoder is None:
            raise ValueError("expected a trained trigger network to save, got none yet")
        tensors = {name: one.detach().cpu().clone().contiguous() for name, one in self.autoencoder.state_dict().items()}
        check_all_finite(tensors)
        card = self._card(digest(tensors))
        target = Path(path or config.ART_DATA_PATH) / filename
        write_whole(f"{target}.safetensors", pack(tensors, card.model_dump_json()))
        write_whole(f"{target}.json", card.model_dump_json(indent=2).encode())

    @classmethod
    def load(cls, filename: str, *, autoencoder: nn.Module | None = None) -> Self:
        """Read what `save` wrote: the attack with its trigger, without a classifier. Nothing is unpickled.

        Args:
            filename: NAME or its path; a bare name is also looked for in ART's data folder.
            autoencoder: The network to fill, where it is no `SpikingAutoencoder`.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it is damaged, another class's, or describes what its weights do not fit.
            TypeError: If `autoencoder` is needed and not given.
        """
        path = _found(filename)
        try:
            tensors, card = _read(path, cls.__name__)
            if autoencoder is None and card.autoencoder is not None:
                autoencoder = _built(card.autoencoder, tensors)
        except (ValueError, RuntimeError, OverflowError) as error:
            raise ValueError(brief(f"{path}: {error}", 500)) from error
        if autoencoder is None:
            raise TypeError(f"{path}: expected an autoencoder, for the card describes none, got None")
        check_fit(autoencoder.state_dict(), tensors)
        autoencoder.load_state_dict(tensors)
        settings = {name: getattr(card.settings, name) for name in _Settings.model_fields}
        return cls(None, autoencoder=autoencoder.eval().requires_grad_(False), **settings)  # type: ignore[call-arg]

    def _card(self, sha256: str) -> _Card:
        network, recipe = self.autoencoder, None
        if isinstance(network, SpikingAutoencoder):
            recipe = _Recipe(**{name: getattr(network, name) for name in _Recipe.model_fields})
        settings: dict[str, Any] = {name: getattr(self, name) for name in _Settings.model_fields}
        settings = {name: _plain(value) for name, value in settings.items()}
        kind = type(self).__name__
        return _Card(kind=kind, sha256=sha256, autoencoder=recipe, settings=_Settings(**settings))


def _plain(value: Any) -> Any:
    """Numbers of numpy's as Python's, alone or in a pair."""
    if isinstance(value, tuple | list):
        return tuple(map(_plain, value))
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


def _read(path: Path, kind: str) -> tuple[dict[str, Tensor], _Card]:
    """Weights and card, which belong together."""
    tensors, text = unpack(path)
    try:
        card = _Card.model_validate_json(text)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False)[0]
        raise ValueError(f"{found['msg']} at {'.'.join(map(str, found['loc']))} of the card") from error
    if card.kind != kind:
        raise ValueError(f"expected a {kind}, got a {card.kind}: load it with that class")
    if digest(tensors) != card.sha256:
        raise ValueError("expected weights of the SHA-256 that the card states, got others")
    check_all_finite(tensors)
    return tensors, card


def _built(recipe: _Recipe, tensors: dict[str, Tensor]) -> SpikingAutoencoder:
    """The network of a recipe, once it is known that the weights fit it: before there is anything of its size."""
    with torch.device("meta"):
        check_fit(SpikingAutoencoder(**recipe.model_dump()).state_dict(), tensors)
    return SpikingAutoencoder(**recipe.model_dump())


def _found(filename: str) -> Path:
    """Where the file is."""
    places = [Path(f"{stem}.safetensors") for stem in (filename, Path(config.ART_DATA_PATH) / filename)]
    for place in places:
        if place.exists():
            return place
    raise FileNotFoundError(f"expected {places[0]}, found no such file; save() writes it")
