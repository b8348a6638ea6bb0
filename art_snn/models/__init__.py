"""Networks by name: each topology is an ANN or, with a neuron, an SNN with the same parameter names."""

from typing import Any

from art_snn._validation import check_choice
from art_snn.models.event_net import event_net
from art_snn.models.network import Builder, Network, Recipe
from art_snn.models.over_time import OverTime
from art_snn.models.resnet18 import resnet18
from art_snn.models.resnet20 import resnet20
from art_snn.models.small_cnn import small_cnn
from art_snn.models.vgg11 import vgg11

MODELS: dict[str, Builder[...]] = {made.__name__: made for made in (small_cnn, vgg11, resnet18, resnet20, event_net)}

__all__ = [
    "MODELS",
    "Builder",
    "Network",
    "OverTime",
    "Recipe",
    "build",
    "event_net",
    "resnet18",
    "resnet20",
    "small_cnn",
    "vgg11",
]


def build(name: str, **arguments: Any) -> Network:
    """Build the network of a name; from a recipe: `build(recipe["name"], **recipe["arguments"])`.

    Raises:
        ValueError: If no network has that name.

    >>> build("small_cnn", in_channels=1, nb_classes=10).recipe["name"]
    'small_cnn'
    """
    check_choice("name", name, MODELS)
    return MODELS[name](**arguments)
