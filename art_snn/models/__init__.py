"""Networks by name: each is one topology, an ANN or, with a neuron, an SNN with the same parameter names."""

import inspect
from collections.abc import Callable
from typing import Any, get_args

from art_snn._validation import check_choice
from art_snn.models.event_net import event_net
from art_snn.models.network import Network, Recipe
from art_snn.models.over_time import OverTime
from art_snn.models.resnet18 import resnet18
from art_snn.models.small_cnn import small_cnn
from art_snn.models.vgg11 import vgg11

MODELS: dict[str, Callable[..., Network]] = {
    "small_cnn": small_cnn,
    "vgg11": vgg11,
    "resnet18": resnet18,
    "event_net": event_net,
}

__all__ = [
    "MODELS",
    "Network",
    "OverTime",
    "Recipe",
    "build",
    "datasets_of",
    "event_net",
    "resnet18",
    "small_cnn",
    "vgg11",
]


def build(name: str, **arguments: Any) -> Network:
    """The network of that name; from a recipe: `build(recipe["name"], **recipe["arguments"])`.

    Raises:
        ValueError: If no network has that name.

    >>> build("small_cnn", in_channels=1, nb_classes=10).recipe["name"]
    'small_cnn'
    """
    check_choice("name", name, MODELS)
    return MODELS[name](**arguments)


def datasets_of(name: str) -> tuple[str, ...] | None:
    """The data sets whose own network it builds, by its argument `dataset`; None for a network that suits any.

    >>> datasets_of("small_cnn"), "nmnist" in datasets_of("event_net")
    (None, True)
    """
    dataset = inspect.signature(MODELS[name]).parameters.get("dataset")
    return None if dataset is None else get_args(dataset.annotation)
