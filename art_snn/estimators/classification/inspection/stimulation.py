"""Setting what one channel of a layer takes in or puts out during a pass, and reading it with gradients."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Literal

import torch
from torch import Tensor, nn

from art_snn.estimators.classification.inspection.hooks import hooked
from art_snn.estimators.classification.inspection.recording import Recording, Reduction, Watched, in_time

Side = Literal["input", "output"]


def stimulated(layer: Watched, side: Side, channels: Tensor, values: Tensor) -> AbstractContextManager[None]:
    """Set one channel of a layer, of each sample its own, while the block runs.

    Args:
        layer: A layer that runs once in each time step, with the form in which it puts out time.
        side: Whether the channel's input or its output is set.
        channels: Channel of each sample, (N,).
        values: Value of each sample's channel at each time step, (T, N), the same at all pixels of the channel.
    """
    samples = torch.arange(len(channels), device=channels.device)
    step = 0

    def set_channel(tensor: Tensor) -> Tensor:
        nonlocal step
        changed = tensor.clone()
        sequence = in_time(changed, layer.form, len(channels))  # a view (T', N, C, ...)
        now = values[torch.arange(step, step + len(sequence)) % len(values)]
        step += len(sequence)
        sequence[:, samples, channels] = now.reshape(*now.shape, *[1] * (sequence.ndim - 3)).to(sequence)
        return changed

    return _at(layer, side, set_channel)


@contextmanager
def read(layer: Watched, side: Side, reduction: Reduction, n_samples: int) -> Iterator[Recording]:
    """Record what a layer takes in or puts out, with gradients, while the block runs; N samples a pass."""
    recording = Recording(reduction)
    with _at(layer, side, lambda tensor: recording.add(in_time(tensor, layer.form, n_samples))):
        yield recording


def _at(layer: Watched, side: Side, call: Callable[[Tensor], Tensor | None]) -> AbstractContextManager[None]:
    """Call a function on one side of a layer; what it returns, if anything, goes in or out instead."""

    def before(_module: nn.Module, taken: tuple[Any, ...]) -> tuple[Any, ...] | None:
        changed = call(taken[0])
        return None if changed is None else (changed, *taken[1:])

    def after(_module: nn.Module, _taken: Any, output: Tensor) -> Tensor | None:
        return call(output)

    return hooked(before={layer.module: before}) if side == "input" else hooked({layer.module: after})
