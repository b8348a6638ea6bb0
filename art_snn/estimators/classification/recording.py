"""Recording what layers do during a pass, reduced over time as it comes, with no hook left behind."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor, nn

from art_snn.estimators.classification.structure import is_spiking

Quantity = Literal["spikes", "voltage"]
Reduction = Literal["rate", "sum", "last", "none"]


@dataclass
class Recording:
    """The output of one layer over time: chunks (T', N, ...) go in, one reduced tensor comes out."""

    reduction: Reduction
    n_steps: int = 0
    kept: list[Tensor] = field(default_factory=list)

    def add(self, chunk: Tensor) -> None:
        """Take in the next time steps. Only "none" keeps them all."""
        self.n_steps += len(chunk)
        if self.reduction == "none":
            self.kept.append(chunk)
        elif self.reduction == "last":
            self.kept = [chunk[-1]]
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
    layers: Sequence[nn.Module], quantity: Quantity, reduction: Reduction, *, single_step: bool
) -> Iterator[list[Recording]]:
    """Record the given layers while the block runs; hooks and settings are put back whatever happens.

    Raises:
        ValueError: If the voltage of a layer is asked for that has none.
    """
    for module in layers:
        if quantity == "voltage" and not (is_spiking(module) and hasattr(module, "store_v_seq")):
            raise ValueError(f"expected a spiking neuron for quantity='voltage', got {type(module).__name__}")
    with ExitStack() as stack:
        yield [stack.enter_context(_hooked(module, quantity, reduction, single_step)) for module in layers]


@contextmanager
def _hooked(module: Any, quantity: Quantity, reduction: Reduction, single_step: bool) -> Iterator[Recording]:
    recording = Recording(reduction)
    kept_voltages = getattr(module, "store_v_seq", None)

    def hook(module: Any, _inputs: Any, output: Tensor) -> None:
        seen = output if quantity == "spikes" else module.v if single_step else module.v_seq
        recording.add(seen[None] if single_step else seen)

    handle = module.register_forward_hook(hook)
    if quantity == "voltage":
        module.store_v_seq = not single_step
    try:
        yield recording
    finally:
        handle.remove()
        if quantity == "voltage":
            module.store_v_seq = kept_voltages
