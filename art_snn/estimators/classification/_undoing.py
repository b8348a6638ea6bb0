"""What running a network in training mode changes beside its weights, to be undone where that fails or was a trial."""

from types import TracebackType
from typing import Self

import torch
from torch import nn

from art_snn.estimators.classification.module import SpikingModule


class Undoing:
    """A context in which an error undoes what changed, unless `is_done` was set, as after a step of a training.

    Undone are statistics such as those of batch norm, gradients, and how far Poisson draws have come.

    Args:
        model: The network that is run.
        is_trial: Whether that is undone without an error, too.
    """

    def __init__(self, model: nn.Module, *, is_trial: bool = False) -> None:
        self._model, self._is_trial, self.is_done = model, is_trial, False

    def __enter__(self) -> Self:
        self._buffers = [(buffer, buffer.detach().clone()) for buffer in self._model.buffers()]
        self._gradients = [(parameter, parameter.grad) for parameter in self._model.parameters()]
        self._draws = [(m, m.draws) for m in self._model.modules() if isinstance(m, SpikingModule)]
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        if self.is_done or (kind is None and not self._is_trial):
            return
        with torch.no_grad():
            for buffer, value in self._buffers:
                buffer.copy_(value)
        for parameter, gradient in self._gradients:
            parameter.grad = gradient
        for module, draws in self._draws:
            module.draws = draws
