"""Classifiers on disk: weights and card in one safetensors file, and the card once more for people to read."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
from art import config
from art.preprocessing.standardisation_mean_std.pytorch import StandardisationMeanStdPyTorch
from torch import Tensor, nn

from art_snn._files import write_whole
from art_snn.estimators.classification._card import LONGEST, LOSSES, Card, ModuleSettings, arrays, checked, read_card
from art_snn.estimators.classification._dry_run import check_affordable, is_built_by, planned, without_numbers
from art_snn.estimators.classification._host import Host
from art_snn.estimators.classification._locking import locks_of
from art_snn.estimators.classification.module import SpikingModule
from art_snn.estimators.classification.weights import check_all_finite, check_fit, digest, pack, unpack
from art_snn.models import Recipe, build

_PAIRS = ("clip_values", "preprocessing")


class Saving(Host):
    """`save` and `load` for a classifier."""

    _source = ""  # what the names of the weights begin with that belong to the network of the card's recipe
    _setting_names: tuple[str, ...] = ()  # attributes and arguments of the constructor that the card has beside others'

    def save(self, filename: str, path: str | None = None) -> None:
        """Write NAME.safetensors, weights and card, and NAME.json, the card for people; each whole or not at all.

        What the optimiser remembers is not kept.

        Args:
            filename: NAME.
            path: The folder, made if need be; None is ART's data folder.

        Raises:
            ValueError: If the classifier has what a card cannot hold, such as defences for pre- or postprocessing, or
                what `load` refuses, such as weights that are NaN; nothing has been written then.
        """
        if self.preprocessing_defences or self.postprocessing_defences:
            raise ValueError("expected no pre- or postprocessing defences, got some; save without and add them again")
        tensors = self._tensors()
        check_all_finite(tensors)
        card = self._card(digest(tensors))
        with suppress(RuntimeError, TypeError):  # a network of one's own may need real numbers
            check_affordable(self._model_of(card, without_numbers(self._parts()[self._source])), card)
        target = Path(path or config.ART_DATA_PATH) / filename
        write_whole(f"{target}.safetensors", pack(tensors, card.model_dump_json()))
        write_whole(f"{target}.json", card.model_dump_json(indent=2).encode())

    @classmethod
    def load(cls, filename: str, *, net: nn.Module | None = None, loss: nn.Module | None = None) -> Self:
        """Read what `save` wrote. Nothing is unpickled, no code from the file runs, and NAME.json is not looked at.

        Args:
            filename: NAME or its path; a bare name is also looked for in ART's data folder.
            net: The network to fill, where the card names none of `art_snn.models`.
            loss: The loss, where the card names none that is known.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it is damaged, another class's, describes what its weights do not fit, or asks for more
                memory than networks of its size need: before anything of that size is made.
            TypeError: If `net` or `loss` is needed and not given.
        """
        path = _found(filename)
        with _naming(path):
            tensors, text = unpack(path)
            card = read_card(text, cls, cls._setting_names)
            if digest(tensors) != card.sha256:
                raise ValueError("expected weights of the SHA-256 that the card states, got others")
            check_all_finite(tensors)
        if net is None and card.network is None:
            raise TypeError(f"{path}: expected a net, for the card names no network of art_snn.models, got None")
        if loss is None and card.loss not in LOSSES:
            raise TypeError(f"{path}: expected a loss, for the card names none that is known, got None")
        with _naming(path):
            return cls._read(card, tensors, net, loss or LOSSES[str(card.loss)]())

    @classmethod
    def _read(cls, card: Card, tensors: dict[str, Tensor], net: nn.Module | None, loss: nn.Module) -> Self:
        """The classifier of a card; shapes are compared and tried before there is anything to hold their numbers."""
        recipe = cast(Recipe, card.network and card.network.model_dump())
        plan = planned(recipe) if net is None else without_numbers(net)
        check_fit(plan.state_dict(), _part(tensors, cls._source))
        with nullcontext() if net is None else suppress(RuntimeError, TypeError):
            check_affordable(cls._model_of(card, plan), card)
        net = net or build(recipe["name"], **recipe["arguments"])
        common = {name: arrays(getattr(card, name)) for name in _PAIRS} | {"channels_first": card.channels_first}
        classifier = cls._of_card(card, net, loss, common)
        for prefix, module in classifier._parts().items():
            check_fit(module.state_dict(), _part(tensors, prefix))
            module.load_state_dict(_part(tensors, prefix))
        _check_same(card, classifier._card(card.sha256))
        return classifier

    def _parts(self) -> dict[str, nn.Module]:
        """The networks whose weights are saved, by the prefix of their names."""
        return {self._source: self.model.net}

    @classmethod
    def _model_of(cls, card: Card, net: nn.Module) -> nn.Module:
        """What classifies in a classifier as the card describes it, made of the network of the card's recipe."""
        if card.module is None:
            raise ValueError(f"expected the card of a {cls.__name__} to describe a SpikingModule, got none")
        return SpikingModule(net, **card.module.model_dump())

    @classmethod
    def _of_card(cls, card: Card, net: nn.Module, loss: nn.Module, common: dict[str, Any]) -> Self:
        """A classifier as the card describes it, its weights not yet loaded."""
        return cls(cls._model_of(card, net), loss, card.input_shape, card.nb_classes, **common)

    def _tensors(self) -> dict[str, Tensor]:
        """All weights by name, as they are at one moment."""
        parts = self._parts()
        with locks_of(parts.values()):
            state = {prefix + name: value for prefix, net in parts.items() for name, value in net.state_dict().items()}
            return {name: value.detach().cpu().clone().contiguous() for name, value in state.items()}

    def _card(self, sha256: str) -> Card:
        known = LOSSES.get(type(self._loss).__name__)
        module = {name: getattr(self.model, name) for name in ModuleSettings.model_fields if hasattr(self.model, name)}
        described = {
            "kind": type(self).__name__,
            "sha256": sha256,
            "network": _recipe(self._parts()[self._source]),
            "module": module if isinstance(self.model, SpikingModule) else None,
            "loss": known.__name__ if known and vars(known()) == vars(self._loss) else None,
            "input_shape": self.input_shape,
            "nb_classes": self.nb_classes,
            "channels_first": self.channels_first,
            "clip_values": self.clip_values,
            "preprocessing": _mean_and_std(self.preprocessing),
            "settings": {name: getattr(self, name) for name in self._setting_names},
        }
        return checked(lambda: Card.model_validate_json(json.dumps(described, default=_plain)))


def _part(weights: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The weights whose names begin with a prefix, without it."""
    return {name.removeprefix(prefix): v for name, v in weights.items() if name.startswith(prefix)}


def _plain(value: Any) -> Any:
    """An array or a number of numpy's as JSON has it."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    raise ValueError(f"expected numbers and names, got a {type(value).__name__}, which a card cannot hold")


def _mean_and_std(preprocessing: Any) -> Any:
    if preprocessing is None:
        return None
    if not isinstance(preprocessing, StandardisationMeanStdPyTorch):
        raise ValueError(f"expected preprocessing (mean, std), got {preprocessing}, which a card cannot hold")
    return preprocessing.mean, preprocessing.std


def _check_same(card: Card, again: Card) -> None:
    """Nothing on a card was passed over; its network and loss may have been handed over instead."""
    for name in Card.model_fields.keys() - {"network", "loss"}:
        if getattr(card, name) != getattr(again, name):
            raise ValueError(f"expected {name} as a {card.kind} has it, {getattr(again, name)}, got another")


def _recipe(net: nn.Module) -> Any:
    """What builds a network again; None where that is not known, or it has been operated on since."""
    recipe = getattr(net, "recipe", None)
    return recipe if recipe and is_built_by(recipe, net) else None


def _found(filename: str) -> Path:
    """Where the file is."""
    places = [Path(f"{stem}.safetensors") for stem in (filename, Path(config.ART_DATA_PATH) / filename)]
    for place in places:
        if place.exists():
            return place
    raise FileNotFoundError(f"expected {places[0]}, found no such file; save() writes it")


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Whatever is wrong with the file is a ValueError that names it."""
    try:
        yield
    except (ValueError, TypeError, RuntimeError, OverflowError) as error:
        raise ValueError(f"{path}: {error}"[: len(str(path)) + LONGEST]) from error
