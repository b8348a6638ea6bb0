"""Layers of a model whose weights a training leaves as they are."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from art.estimators.classification import PyTorchClassifier
from torch import nn

from art_snn._validation import check_choice
from art_snn.estimators.classification.inspection.call_trace import trace

LAST_CONV = "last-conv"


def layers_called(classifier: PyTorchClassifier, names: Sequence[str]) -> list[nn.Module]:
    """Layers with weights by their names in the model, or "last-conv", the convolution that runs last.

    Args:
        classifier: ART's `PyTorchClassifier` or a spiking one.
        names: Names of `classifier.model.named_modules()`.

    Raises:
        ValueError: If the model has no such layer, or no convolution.
    """
    known = {
        name: module
        for name, module in classifier.model.named_modules()
        if name and next(module.parameters(), None) is not None
    }
    found = []
    for name in names:
        if name == LAST_CONV:
            found.append(_last_convolution(classifier))
            continue
        check_choice("freeze", name, (LAST_CONV, *known))
        found.append(known[name])
    return found


def check_some_are_trained(model: nn.Module, fixed: Iterable[nn.Module]) -> None:
    """Refuse to hold all weights of a model fixed.

    Raises:
        ValueError: If none is left to train.
    """
    held = {weight for layer in fixed for weight in layer.parameters()}
    if not any(weight.requires_grad and weight not in held for weight in model.parameters()):
        raise ValueError("expected freeze to leave weights to train, got all of the network's")


@contextmanager
def held_fixed(layers: Iterable[nn.Module]) -> Iterator[None]:
    """While the block runs, no optimiser moves the weights of these layers; running statistics of norms still move."""
    held = [weight for layer in layers for weight in layer.parameters() if weight.requires_grad]
    for weight in held:
        weight.requires_grad_(False)
        weight.grad = None  # an optimiser passes over what has none, with its momentum and weight decay
    try:
        yield
    finally:
        for weight in held:
            weight.requires_grad_(True)


def _last_convolution(classifier: PyTorchClassifier) -> nn.Module:
    convolutions = [call.module for call in trace(classifier).calls if isinstance(call.module, nn.Conv2d)]
    if not convolutions:
        raise ValueError(f"expected a network with convolutions for freeze {LAST_CONV!r}, got none")
    return convolutions[-1]
