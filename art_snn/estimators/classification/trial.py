"""A network tried without its numbers: shapes alone are computed, and nothing of their size is allocated."""

import copy
from typing import Any

import torch
from torch import Tensor, nn

from art_snn.estimators.classification.card import MOST_NUMBERS, Card
from art_snn.models import Network, Recipe, build


def planned(recipe: Recipe) -> Network:
    """The network of a recipe, on no device."""
    with torch.device("meta"):
        return build(recipe["name"], **recipe["arguments"])


def is_built_by(recipe: Recipe, net: nn.Module) -> bool:
    """Whether a recipe makes the network as it is now, up to its weights: nobody has operated on it since."""
    return str(planned(recipe)) == str(net)  # layers and their settings; being accelerated changes no text


def without_numbers(net: nn.Module) -> nn.Module:
    """A copy on no device."""
    tensors: dict[int, Any] = {id(t): torch.empty_like(t, device="meta") for t in net.buffers()}
    tensors |= {id(p): nn.Parameter(torch.empty_like(p, device="meta"), p.requires_grad) for p in net.parameters()}
    return copy.deepcopy(net, tensors)


def check_affordable(model: nn.Module, card: Card) -> None:
    """One sample of the card's passes a model on no device, and no layer puts out too much at once.

    Raises:
        ValueError: If one does, or what comes out are not logits of the card's classes.
    """

    def measure(module: nn.Module, _inputs: Any, output: Any) -> None:
        if isinstance(output, Tensor) and output.numel() > MOST_NUMBERS:
            raise ValueError(
                f"expected layers that put out at most {MOST_NUMBERS} numbers at once, got {output.numel()} from a "
                f"{type(module).__name__} for a sample of shape {card.input_shape}"
            )

    for module in model.modules():
        module.register_forward_hook(measure)
    with torch.device("meta"), torch.no_grad():
        logits = model.eval()(torch.zeros(1, *card.input_shape))
    if logits.shape != (1, card.nb_classes):
        raise ValueError(f"expected logits of shape {(1, card.nb_classes)}, got {tuple(logits.shape)}")
