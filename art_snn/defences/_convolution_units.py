"""Convolutions with the batch norm and activation that follow: the units that pruning and clamping work on."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Self

import torch
from art.estimators.classification import PyTorchClassifier
from spikingjelly.activation_based import layer
from torch import Tensor, nn

from art_snn.defences._clamped_layers import Clamped
from art_snn.estimators.classification import rule_of
from art_snn.estimators.classification.inspection import Call, Trace, is_spiking, trace
from art_snn.typing import Indices

_WRAPPERS = (Clamped, layer.SeqToANNContainer, layer.MultiStepContainer, layer.StepModeContainer)  # containers


@dataclass(frozen=True, eq=False)
class Unit:
    """A convolution with its batch norm, if any, and the neurons or rectifier that follow.

    Args:
        name: Name of the convolution in the model.
        conv: The convolution.
        norm: Batch norm of the convolution, if there is one.
        last: Module that passes the output on: the norm, else the convolution, or the container that ends with it; None
            if the container holds more after it than the activation.
        activation: Neurons or rectifier that take the output; None if something else takes it, such as a residual sum,
            or if the neurons serve several units. A rectifier may serve several.
        source: Unit of the ANN from which this one was converted; channels are silenced in both.
    """

    name: str
    conv: nn.Conv2d
    norm: nn.BatchNorm2d | None
    last: nn.Module | None
    activation: nn.Module | None
    source: Self | None

    @property
    def neurons(self) -> nn.Module | None:
        """The neurons, without a container around them; None for a rectifier."""
        inside = () if self.activation is None else self.activation.modules()
        return next((module for module in inside if is_spiking(module)), None)

    @property
    def gain(self) -> tuple[Tensor, Tensor | None]:
        """What a channel's output is proportional to, and what is added: of the norm, or without one of the kernel."""
        holder = self.conv if self.norm is None or self.norm.weight is None else self.norm
        return holder.weight, holder.bias

    @property
    def parameters(self) -> list[Tensor]:
        """Learnt parameters with one entry per channel, those of the source included."""
        both = [self.conv.weight, self.conv.bias, *([self.norm.weight, self.norm.bias] if self.norm else [])]
        own = [parameter for parameter in both if parameter is not None]
        return own if self.source is None else own + self.source.parameters

    def silence(self, channels: Indices) -> None:
        """Set the output of the given channels to 0 for every input."""
        norms = [unit.norm for unit in (self, self.source) if unit is not None and unit.norm is not None]
        means = [norm.running_mean for norm in norms if norm.running_mean is not None]
        with torch.no_grad():
            for tensor in (*self.parameters, *means):
                tensor[torch.as_tensor(channels)] = 0

    @contextmanager
    def held_silent(self, channels: Indices) -> Iterator[None]:
        """Keep training from changing the given channels while the block runs."""
        rows = torch.as_tensor(channels)
        trained: list[Any] = [parameter for parameter in self.parameters if parameter.requires_grad]
        handles = [p.register_hook(lambda grad: grad.index_fill(0, rows.to(grad.device), 0)) for p in trained]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()


def units(classifier: PyTorchClassifier) -> list[Unit]:
    """Units of a classifier's model, in the order in which they run."""
    source = rule_of(classifier).source
    sources = {} if source is None else {f"net.{unit.name}": unit for unit in units(source.classifier)}
    seen = trace(classifier)
    names = {module: name for name, module in classifier.model.named_modules()}
    parents = {child: parent for parent in classifier.model.modules() for child in parent.children()}
    convolutions = dict.fromkeys(call.module for call in seen.calls if isinstance(call.module, nn.Conv2d))
    found = []
    for conv in convolutions:
        last = next(call for call in seen.calls if call.module is conv)
        norm, follower = None, seen.next(last)
        if follower is not None and isinstance(follower.module, nn.BatchNorm2d):
            norm, last = follower.module, follower
        passed_on = _passed_on(last, seen, parents)
        next_call = seen.next(last if passed_on is None else passed_on)
        activation = next_call.module if next_call is not None and _is_activation(next_call.module) else None
        passed_on = last if activation is not None and passed_on is None else passed_on
        outside = None if passed_on is None else passed_on.module
        found.append(Unit(names[conv], conv, norm, outside, activation, sources.get(names[conv])))
    served = Counter(unit.activation for unit in found)
    return [replace(unit, activation=None) if served[unit.activation] > 1 and unit.neurons else unit for unit in found]


def _passed_on(call: Call, seen: Trace, parents: Mapping[nn.Module, nn.Module]) -> Call | None:
    """The call that passes a layer's output on: the layer's own, or that of the container that ends with the layer."""
    wrapper = parents.get(call.module)
    while isinstance(wrapper, _WRAPPERS):
        if list(wrapper.children())[-1] is not call.module:
            return None
        call = next(later for later in seen.after(call) if later.module is wrapper)
        wrapper = parents.get(wrapper)
    return call


def _is_activation(module: nn.Module) -> bool:
    """Whether a module is an activation function of torch, a neuron or a container of neurons."""
    is_rectifier = type(module).__module__ == nn.ReLU.__module__
    return is_rectifier or is_spiking(module) or any(map(is_spiking, module.children()))
