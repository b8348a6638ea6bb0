"""A network tried without its numbers: shapes alone are computed, and nothing of their size is allocated."""

import copy
from typing import Any

import torch
from torch import Tensor, nn

from art_snn.estimators.classification._card import Card
from art_snn.estimators.classification._locking import lock_of
from art_snn.estimators.classification.inspection import hooked
from art_snn.models import Network, Recipe, build

MOST_NUMBERS = 1 << 24  # 64 MiB, of which a pass holds several
_NUMBERS_A_WEIGHT = 16  # a large network may work on more: this is twice what the largest here need
_SAMPLES = 2  # pass a spiking network as it is made


def planned(recipe: Recipe) -> Network:
    """The network of a recipe, on no device."""
    with torch.device("meta"):
        return build(recipe["name"], **recipe["arguments"])


def is_built_by(recipe: Recipe, net: nn.Module) -> bool:
    """Whether a recipe makes the network as it is now, up to its weights: nobody has operated on it since."""
    return str(planned(recipe)) == str(net)  # layers and their settings; being accelerated changes no text


def without_numbers(net: nn.Module) -> nn.Module:
    """A copy on no device, without hooks that look at outputs: what passes is for nobody to see."""
    tensors: dict[int, Any] = {id(t): torch.empty_like(t, device="meta") for t in net.buffers()}
    tensors |= {id(p): nn.Parameter(torch.empty_like(p, device="meta"), p.requires_grad) for p in net.parameters()}
    with lock_of(net):
        twin = copy.deepcopy(net, tensors)
    for module in twin.modules():
        module._forward_hooks.clear()
    return twin


def check_affordable(model: nn.Module, card: Card) -> None:
    """Samples of the card's pass a model on no device, and neither they nor what a layer puts out is too large.

    Too large is what neither a small network nor one of that many weights works on: so the file itself has to be large.

    Raises:
        ValueError: If something is, or what comes out are not logits of the card's classes.
    """
    most = max(MOST_NUMBERS, _NUMBERS_A_WEIGHT * sum(parameter.numel() for parameter in model.parameters()))

    def check(what: str, n: int) -> None:
        if n > most:
            raise ValueError(
                f"expected at most {most} numbers at once for a network of this size, got {n} in {what} for {_SAMPLES} "
                f"samples of shape {card.input_shape}"
            )

    def measure(module: nn.Module, _inputs: Any, output: Any) -> None:
        if isinstance(output, Tensor):
            check(f"the output of a {type(module).__name__}", output.numel())

    check("all time steps", _SAMPLES * card.numbers_a_sample)
    with torch.device("meta"), torch.no_grad(), hooked(dict.fromkeys(model.modules(), measure)):
        logits = model.eval()(torch.zeros(_SAMPLES, *card.input_shape))
    if logits.shape != (_SAMPLES, card.nb_classes):
        raise ValueError(f"expected logits of shape (N, {card.nb_classes}), got {tuple(logits.shape)}")
