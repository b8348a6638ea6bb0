"""Sequences that hold still: what has no memory need compute only one step of them."""

from torch import Tensor, nn


def constant_sequence(step: Tensor, timesteps: int) -> Tensor:
    """The sequence (T, N, …) that is `step` (1, N, …) at each of T time steps.

    It is a view, so nobody may write into it, and it remembers what it is a view of. To code that does not know of this
    it is an ordinary tensor; what that code makes of it is one too.

    >>> import torch
    >>> constant_sequence(torch.ones(1, 2, 3), 4).shape
    torch.Size([4, 2, 3])
    """
    sequence = step.expand(timesteps, *step.shape[1:])
    sequence._constant_step = step, version(step)  # type: ignore[attr-defined]
    return sequence


def constant_step(sequence: Tensor, reader: nn.Module) -> Tensor | None:
    """The step (1, N, …) that a sequence repeats, for the module that is about to compute with it.

    None for an ordinary sequence, and where somebody may ask for the gradient at each time step: a hook on the module
    or on the sequence. Then the module has to compute with the sequence itself.

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
    """How often a tensor was written to."""
    return 0 if tensor.is_inference() else tensor._version  # inference mode counts no writes
