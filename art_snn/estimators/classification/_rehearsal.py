"""A training step that is tried before the training: some layers cannot take a single sample."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn.modules.instancenorm import _InstanceNorm

from art_snn.estimators.classification._undoing import Undoing

Step = Callable[[int], Any]  # what a step of the training does but for the gradients, with so many samples


def has_single(n: int, batch_size: int) -> bool:
    """Whether n samples in batches of a size leave one alone."""
    return n % batch_size == 1 or (batch_size == 1 and n > 0)


def check_steps(model: nn.Module, step: Step, *, single: bool, batch_size: int) -> None:
    """Refuse a network that would fail at a batch of the training, before anything has been trained.

    Batch norm, for one, has no variance to divide by where a channel has a single value: after a linear layer, or where
    a picture has shrunk to one pixel. Instance norm fails there whatever the batch.

    Args:
        model: The network, which is left as it was; in the mode that the training will have.
        step: The forward pass and the loss of so many samples.
        single: Whether some batch has one sample only.
        batch_size: Samples in each of the other batches.

    Raises:
        ValueError: If a step fails.
    """
    if not single and not any(isinstance(module, _InstanceNorm) for module in model.modules()):
        return
    with Undoing(model, is_trial=True), torch.no_grad():
        error = _error_of(step, 1 if single else 2)
        if error is None:
            return
        fails_anyway = _error_of(step, 2) is not None
    said = f"{type(error).__name__}: {error}"
    if fails_anyway:
        raise ValueError(f"expected a network and a loss that train on such samples, got {said}") from error
    cure = "drop_last=True leaves the last batch out" if batch_size > 1 else "choose a batch_size of at least 2"
    raise ValueError(
        f"expected no batch of a single sample for this network, got one from batch_size={batch_size} ({said}); {cure}"
    ) from error


def _error_of(step: Step, n: int) -> Exception | None:
    try:
        step(n)
    except Exception as error:
        return error
    return None
