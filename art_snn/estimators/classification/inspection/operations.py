"""How many operations passes through a network take: inputs that meet weights, spikes, and changed potentials."""

import math
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from spikingjelly.activation_based import base
from torch import Tensor, nn

from art_snn.estimators.classification.inspection.activation_modules import activation_modules
from art_snn.estimators.classification.inspection.hooks import hooked
from art_snn.estimators.classification.inspection.recording import Form, Watched, potential_name, voltages
from art_snn.estimators.classification.inspection.structure import is_spiking

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_TRANSPOSED: dict[type[nn.Module], Callable[..., Tensor]] = {
    nn.ConvTranspose1d: F.conv_transpose1d,
    nn.ConvTranspose2d: F.conv_transpose2d,
    nn.ConvTranspose3d: F.conv_transpose3d,
}
_COUNTED: tuple[type[nn.Module], ...] = (nn.Linear, *_CONVOLUTIONS, *_TRANSPOSED)
_Shape = tuple[int, ...]  # of one sample at one time step


@dataclass
class SynapseCount:
    """What entered a layer with weights, over all samples and time steps.

    Args:
        layer: The layer.
        nonzero: By shape of a sample, how often each of its elements was not 0.
        steps: By shape of a sample, how many samples entered, at how many time steps.
        levels: Absolute values other than 0 that entered; infinity where one tensor held several.
    """

    layer: nn.Module
    nonzero: dict[_Shape, Tensor] = field(default_factory=dict)
    steps: Counter[_Shape] = field(default_factory=Counter)
    levels: set[float] = field(default_factory=set)

    def add(self, x: Tensor) -> None:
        """Take in one input of the layer."""
        n_axes = 1 if isinstance(self.layer, nn.Linear) else self._weight.ndim - 1
        samples = x.detach().reshape(-1, *x.shape[x.ndim - n_axes :])
        shape, is_nonzero = tuple(samples.shape[1:]), samples != 0
        self.nonzero[shape] = self.nonzero.get(shape, 0) + is_nonzero.sum(0)
        self.steps[shape] += len(samples)
        if is_nonzero.any():
            level = samples.abs().max()
            is_level = (samples.abs() == level) | ~is_nonzero
            self.levels.add(level.item() if is_level.all() else math.inf)

    @property
    def effective(self) -> int:
        """Inputs that are not 0, each times the weights that are not 0 and that it meets."""
        is_there = self._weight != 0
        return sum(int((n.double() * self._fan_out(shape, is_there)).sum()) for shape, n in self.nonzero.items())

    @property
    def dense(self) -> int:
        """All inputs, each times all weights that it meets."""
        every = torch.ones_like(self._weight, dtype=torch.bool)
        return sum(n * int(self._fan_out(shape, every).sum()) for shape, n in self.steps.items())

    @property
    def n_weights(self) -> int:
        """Number of weights, without biases."""
        return self._weight.numel()

    @property
    def n_zero_weights(self) -> int:
        """Number of weights that are 0."""
        return int((self._weight == 0).sum())

    @property
    def _weight(self) -> Tensor:
        weight: Tensor = self.layer.weight.detach()  # type: ignore[operator]
        return weight

    def _fan_out(self, shape: _Shape, is_there: Tensor) -> Tensor:
        """How many weights each element of a sample meets: the gradient of the outputs if these weights were 1."""
        with torch.enable_grad():
            x = torch.zeros(1, *shape, dtype=torch.float64, device=is_there.device, requires_grad=True)
            (fan_out,) = torch.autograd.grad(_linear_part(self.layer, x, is_there.double()).sum(), x)
        return fan_out[0]


@dataclass
class ActivationCount:
    """What an activation put out, over all samples and time steps.

    Args:
        is_spiking: Whether it is a layer of neurons.
        nonzero: Outputs that are not 0: of neurons the spikes.
        outputs: All outputs.
        updates: Potentials that changed in a time step, or whose neuron fired; NaN where the neurons keep no potential
            that is known, 0 where there are none.
    """

    is_spiking: bool
    nonzero: int = 0
    outputs: int = 0
    updates: float = 0

    def add(self, output: Tensor) -> None:
        """Take in one output of the layer."""
        self.nonzero += int(torch.count_nonzero(output))
        self.outputs += output.numel()


@dataclass
class OperationCounts:
    """The counts of a network's layers by name; those without a call stay at 0."""

    synapses: dict[str, SynapseCount]
    activations: dict[str, ActivationCount]


@contextmanager
def operations_counted(net: nn.Module) -> Iterator[OperationCounts]:
    """Count the operations of a network's convolutions, linear layers, neurons and activations while the block runs.

    A layer with a hook computes every time step, so that a constant input is counted at each of them, too.
    """
    modules = dict(net.named_modules())
    activations = activation_modules(net)
    counts = OperationCounts(
        {name: SynapseCount(module) for name, module in modules.items() if isinstance(module, _COUNTED)},
        {name: ActivationCount(is_spiking(m)) for name, m in modules.items() if is_spiking(m) or name in activations},
    )
    before = {count.layer: _noting(count) for count in counts.synapses.values()}
    with ExitStack() as stack:
        stack.enter_context(hooked(before=before))
        for name, count in counts.activations.items():
            stack.enter_context(_watched(modules[name], count))
        yield counts


def uncounted_layers(net: nn.Module) -> list[str]:
    """Layers with weights that `operations_counted` knows nothing of, such as attention or an LSTM.

    A module whose own parameters have several axes is one, unless its class says `connects = False`.
    """
    return [
        name
        for name, module in net.named_modules()
        if not isinstance(module, _COUNTED) and getattr(module, "connects", True)
        if any(_is_matrix(weight) for weight in module.parameters(recurse=False))
    ]


def _is_matrix(weight: Tensor) -> bool:
    """Whether weights connect; those along one axis, as a norm's, scale or shift."""
    return sum(side > 1 for side in weight.shape) > 1


def _noting(count: SynapseCount) -> Callable[[nn.Module, tuple[Any, ...]], None]:
    def note(_module: nn.Module, inputs: tuple[Any, ...]) -> None:
        count.add(inputs[0])

    return note


@contextmanager
def _watched(module: nn.Module, count: ActivationCount) -> Iterator[None]:
    """Count what an activation puts out, and the potentials of a neuron that change."""
    name = potential_name(module)
    form: Form = "sequence" if getattr(module, "step_mode", "s") == "m" else "step"
    is_known, kept = name is not None and (form == "step" or _keeps_sequence(module)), list[Any]()
    with ExitStack() as stack:
        read = stack.enter_context(voltages(Watched(module, form))) if is_known else None

        def rest(_module: nn.Module, _inputs: Any) -> None:
            potential = getattr(module, name or "", None)
            kept[:] = [potential.clone() if isinstance(potential, Tensor) else potential]

        def note(_module: nn.Module, _inputs: Any, output: Any) -> None:
            if isinstance(output, Tensor):
                count.add(output)
                if count.is_spiking:
                    count.updates += math.nan if read is None else _updates(kept[0], read(), output, form == "step")

        stack.enter_context(hooked({module: note}, {module: rest} if read is not None else {}))
        yield


def _keeps_sequence(module: Any) -> bool:
    """Whether a neuron's potential can be had of each step of a sequence."""
    return hasattr(module, "store_v_seq") or type(module).multi_step_forward is base.MemoryModule.multi_step_forward


def _updates(first: Any, potentials: Any, spikes: Tensor, is_step: bool) -> float:
    """Potentials that differ from those before, or whose neuron fired; `first` is that before the first step."""
    if not isinstance(potentials, Tensor) or potentials.shape != spikes.shape:
        return math.nan
    after, fired = (potentials[None], spikes[None]) if is_step else (potentials, spikes)
    before = torch.cat([torch.as_tensor(first).to(after).expand_as(after[:1]), after[:-1]])
    return int(((after != before) | (fired != 0)).sum())


def _linear_part(layer: nn.Module, x: Tensor, weight: Tensor) -> Tensor:
    """What a layer makes of samples with other weights and no bias."""
    if isinstance(layer, nn.Linear):
        return F.linear(x, weight)
    for kind, transposed in _TRANSPOSED.items():
        if isinstance(layer, kind):
            settings: Any = layer
            padding = (settings.padding, settings.output_padding, settings.groups, settings.dilation)
            return transposed(x, weight, None, settings.stride, *padding)
    convolution: Any = layer
    output: Tensor = convolution._conv_forward(x, weight, None)
    return output
