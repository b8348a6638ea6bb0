"""How often neurons fire during passes through a network."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from art_snn.estimators.classification.inspection.hooks import hooked
from art_snn.estimators.classification.inspection.structure import spiking_layers


class Firing:
    """Counts of spikes and of outputs, by spiking layer; nothing else of a pass is kept."""

    def __init__(self) -> None:
        self._fired: dict[str, Tensor] = {}
        self._n: dict[str, int] = {}

    def add(self, name: str, output: Any) -> None:
        """Take in an output of a layer, of any shape; a number that is not 0 is a spike."""
        if isinstance(output, Tensor):
            self._fired[name] = torch.count_nonzero(output) + self._fired.get(name, 0)
            self._n[name] = output.numel() + self._n.get(name, 0)

    def rates(self) -> dict[str, float]:
        """The share of a layer's outputs that are spikes, in [0, 1], of those that put something out."""
        return {name: fired.item() / self._n[name] for name, fired in self._fired.items() if self._n[name]}


@contextmanager
def firing(net: nn.Module) -> Iterator[Firing]:
    """Count the spikes of all spiking layers of a network, of which there may be none, while the block runs."""
    counts = Firing()

    def count(name: str, _module: nn.Module, _inputs: Any, output: Any) -> None:
        counts.add(name, output)

    with hooked({module: partial(count, name) for name, module in spiking_layers(net).items()}):
        yield counts
