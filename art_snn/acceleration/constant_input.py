"""Sequences that are constant over time: layers without state compute only one step of them."""

from torch import Tensor, nn


def constant_sequence(step: Tensor, timesteps: int) -> Tensor:
    """Repeat `step` (1, N, …) at each of T time steps: a sequence (T, N, …).

    It is a view that remembers its step; nobody may write into it. Other code takes it for an ordinary tensor and makes
    ordinary tensors of it.

    >>> import torch
    >>> constant_sequence(torch.ones(1, 2, 3), 4).shape
    torch.Size([4, 2, 3])
    """
    sequence = step.expand(timesteps, *step.shape[1:])
    sequence._constant_step = step, version(step)  # type: ignore[attr-defined]
    return sequence


def constant_step(sequence: Tensor, reader: nn.Module) -> Tensor | None:
    """The step (1, N, …) that a constant sequence repeats, for the module that is about to compute with it.

    None for an ordinary sequence, and where a hook on the module or the sequence may ask for the gradient at each time
    step. Then the module must compute with the whole sequence.

    Raises:
        RuntimeError: If one time step of the sequence was written to, which changed all of them.
    """
    memory: tuple[Tensor, int] | None = getattr(sequence, "_constant_step", None)
    is_watched = reader._forward_hooks or reader._forward_pre_hooks or sequence._backward_hooks or sequence.retains_grad
    if memory is None or is_watched:
        return None
    step, written_before = memory
    if version(step) != written_before:
        raise RuntimeError(
            f"expected a network that does not write into its activations, got one that changed the input of "
            f"{type(reader).__name__} in place; leave such a network as it is (accelerate=False)"
        )
    return step


def version(tensor: Tensor) -> int:
    """How often a tensor has been written to."""
    return 0 if tensor.is_inference() else tensor._version  # inference mode counts no writes
