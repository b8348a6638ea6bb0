"""Recording what layers do during a pass, reduced over time as it comes, with no hook left behind."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import torch
from spikingjelly.activation_based import base
from torch import Tensor, nn

from art_snn.estimators.classification.inspection.hooks import hooked
from art_snn.estimators.classification.inspection.structure import is_spiking

Quantity = Literal["spikes", "voltage"]
Reduction = Literal["rate", "sum", "last", "none"]
Form = Literal["sequence", "step", "folded"]  # of a call's output: (T', N, ...), (N, ...) or (T' * N, ...)


class Watched(NamedTuple):
    """A layer, and the form in which each of its calls puts out time."""

    module: nn.Module
    form: Form


@dataclass
class Recording:
    """The output of one layer over time: chunks (T', N, ...) go in, one reduced tensor comes out."""

    reduction: Reduction
    n_steps: int = 0
    kept: list[Tensor] = field(default_factory=list)

    def add(self, chunk: Tensor) -> None:
        """Take in the next time steps, which may be written to afterwards. Only "none" keeps them all."""
        self.n_steps += len(chunk)
        if self.reduction == "none":
            self.kept.append(chunk.clone())
        elif self.reduction == "last":
            self.kept = [chunk[-1].clone()]
        else:
            self.kept = [sum(self.kept, start=chunk.sum(0))]

    def result(self, timesteps: int) -> Tensor:
        """(N, ...), or (N, T, ...) where nothing was reduced.

        Raises:
            ValueError: If the layer ran more than once and its outputs are not to be reduced.
        """
        if self.reduction == "none":
            if self.n_steps != timesteps:
                raise ValueError(
                    f"expected a layer that runs once for reduction='none', got one with {self.n_steps} outputs in "
                    f"{timesteps} time steps; 'rate' and 'sum' average over its calls"
                )
            return torch.cat(self.kept).transpose(0, 1)
        if self.reduction == "last":
            return self.kept[0]
        return self.kept[0] * ((timesteps if self.reduction == "sum" else 1) / self.n_steps)


@contextmanager
def record(
    layers: Sequence[Watched], quantity: Quantity, reduction: Reduction, n_samples: int
) -> Iterator[list[Recording]]:
    """Record the given layers while the block runs; hooks and settings are put back whatever happens.

    Args:
        layers: With the form in which they put out time.
        quantity: The output, or the potential after each step's reset.
        reduction: Over time.
        n_samples: N of each pass in the block.

    Raises:
        ValueError: If the voltage of a layer is asked for that has none, or that does not keep it of each step.
    """
    for layer in layers:
        if quantity == "voltage" and potential_name(layer.module) is None:
            raise ValueError(
                f"expected a spiking neuron for quantity='voltage', got {type(layer.module).__name__}; what counts is "
                "its registered memory v, or its only one; spikes can be read of all"
            )
    with ExitStack() as stack:
        yield [stack.enter_context(_hooked(layer, quantity, reduction, n_samples)) for layer in layers]


def potential_name(module: nn.Module) -> str | None:
    """The name of a neuron's potential."""
    if not is_spiking(module):
        return None
    memories = list(module._memories) if isinstance(module, base.MemoryModule) else []
    return "v" if "v" in memories else memories[0] if len(memories) == 1 else None


@contextmanager
def _hooked(layer: Watched, quantity: Quantity, reduction: Reduction, n_samples: int) -> Iterator[Recording]:
    recording = Recording(reduction)
    with voltages(layer) if quantity == "voltage" else nullcontext() as voltage:

        def hook(_module: nn.Module, _inputs: Any, output: Tensor) -> None:
            recording.add(in_time(output if voltage is None else voltage(), layer.form, n_samples))

        with hooked({layer.module: hook}):
            yield recording


@contextmanager
def voltages(layer: Watched) -> Iterator[Callable[[], Tensor]]:
    """What tells, after each call, the potentials that it left; settings are put back."""
    module: Any = layer.module
    name = potential_name(module)
    if layer.form != "sequence":
        yield lambda: getattr(module, name or "")
        return
    if not hasattr(module, "store_v_seq"):
        with _stepping(module, name or "") as steps:
            yield lambda: torch.stack(steps)
        return
    kept, module.store_v_seq = module.store_v_seq, True
    try:
        yield lambda: module.v_seq
    finally:
        module.store_v_seq = kept


@contextmanager
def _stepping(module: Any, name: str) -> Iterator[list[Tensor]]:
    """Let a neuron that keeps no sequence of potentials take its input step by step, and keep those of the last."""
    steps: list[Tensor] = []

    def multi_step_forward(x_seq: Tensor) -> Tensor:
        steps.clear()
        spikes = []
        for x in x_seq:
            spikes.append(module.single_step_forward(x))
            steps.append(getattr(module, name).clone())
        return torch.stack(spikes)

    module.multi_step_forward = multi_step_forward
    try:
        yield steps
    finally:
        del module.multi_step_forward


def in_time(output: Tensor, form: Form, n_samples: int) -> Tensor:
    """The output of a call as (T', N, ...)."""
    if form == "folded":
        return output.reshape(-1, n_samples, *output.shape[1:])
    return output[None] if form == "step" else output
