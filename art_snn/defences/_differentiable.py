"""What defences that differentiate share: the range of a classifier's samples, and a step down a gradient."""

import torch
from art.estimators.classification import PyTorchClassifier
from torch import Tensor


def input_range(classifier: PyTorchClassifier, highest_count: float) -> tuple[Tensor, Tensor]:
    """Smallest and largest value of a sample: the clip values, or 0 and `highest_count` for frames without them.

    Raises:
        ValueError: If the samples are images and the classifier has no clip values.
    """
    clip_values = classifier.clip_values
    if clip_values is None:
        if len(classifier.input_shape) != 4:
            raise ValueError("expected a classifier with clip_values, got none; give it clip_values=(low, high)")
        clip_values = 0.0, highest_count
    low, high = (torch.as_tensor(value, dtype=torch.float32, device=classifier.device) for value in clip_values)
    return low, high


def descend(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    """Take a step of what an optimiser moves; parameters of the classifier get no gradient."""
    values = [value for group in optimizer.param_groups for value in group["params"]]
    for value, gradient in zip(values, torch.autograd.grad(loss, values), strict=True):
        value.grad = gradient
    optimizer.step()
