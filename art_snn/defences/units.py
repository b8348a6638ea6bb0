"""Convolutions and what follows them directly: the parts of a network that pruning and clamping work on."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

import torch
from art.estimators.classification import PyTorchClassifier
from torch import Tensor, nn

from art_snn.defences.tracing import trace
from art_snn.estimators.classification import ConvertedClassifier
from art_snn.estimators.classification.structure import is_spiking
from art_snn.typing import Indices


@dataclass(frozen=True, eq=False)
class Unit:
    """A convolution, the batch norm that takes its output, and the neurons or rectifier that take theirs.

    Args:
        name: Of the convolution, in the model.
        conv: The convolution.
        norm: Its batch norm, if there is one.
        activation: Its neurons or rectifier; None where, as before a residual sum, others feed them, too.
        source: The unit of the ANN that this one was converted from: it shares this one's fate.
    """

    name: str
    conv: nn.Conv2d
    norm: nn.BatchNorm2d | None
    activation: nn.Module | None
    source: Self | None = None

    @property
    def parameters(self) -> list[Tensor]:
        """Whatever is learnt and has one entry for each channel, the source's included."""
        both = [self.conv.weight, self.conv.bias, *([self.norm.weight, self.norm.bias] if self.norm else [])]
        own = [parameter for parameter in both if parameter is not None]
        return own if self.source is None else own + self.source.parameters

    def silence(self, channels: Indices) -> None:
        """Make the unit put out 0 at the given channels, whatever comes in."""
        norms = [unit.norm for unit in (self, self.source) if unit is not None and unit.norm is not None]
        means = [norm.running_mean for norm in norms if norm.running_mean is not None]
        with torch.no_grad():
            for tensor in (*self.parameters, *means):
                tensor[torch.as_tensor(channels)] = 0

    @contextmanager
    def held_silent(self, channels: Indices) -> Iterator[None]:
        """No training moves the given channels while the block runs."""
        rows = torch.as_tensor(channels)
        trained: list[Any] = [parameter for parameter in self.parameters if parameter.requires_grad]
        handles = [p.register_hook(lambda grad: grad.index_fill(0, rows.to(grad.device), 0)) for p in trained]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()


def units(classifier: PyTorchClassifier) -> list[Unit]:
    """The units of a classifier's model, in the order in which they run."""
    sources = {}
    if isinstance(classifier, ConvertedClassifier):
        sources = {f"net.{unit.name}": unit for unit in units(classifier.ann)}
    seen = trace(classifier)
    names = {module: name for name, module in classifier.model.named_modules()}
    found = []
    for conv in seen.outputs:
        if isinstance(conv, nn.Conv2d):
            follower = seen.next(conv)
            norm = follower if isinstance(follower, nn.BatchNorm2d) else None
            activation = follower if norm is None else seen.next(norm)
            activation = activation if _is_activation(activation) else None
            found.append(Unit(names[conv], conv, norm, activation, sources.get(names[conv])))
    return found


def _is_activation(module: nn.Module | None) -> bool:
    """Whether a module is one of torch's activation functions, a neuron, or a neuron with something around it."""
    if module is None or type(module).__module__ == nn.ReLU.__module__:
        return module is not None
    return is_spiking(module) or any(map(is_spiking, module.children()))
