"""Apply triggers that are written for arrays to tensors."""

from typing import Any

from art_snn._arrays import from_tensor, like_tensor
from art_snn.typing import Trigger


def apply_to_tensor(trigger: Trigger, name: str, x: Any) -> Any:
    """Apply a trigger to a tensor: a new tensor of the same dtype on the same device.

    Args:
        trigger: Trigger that takes arrays.
        name: Name of the samples in an error.
        x: Tensor of samples, which is not changed.

    Raises:
        TypeError: If it requires a gradient, which a trigger cannot pass on, or has a dtype that numpy does not know.
    """
    if x.requires_grad:
        raise TypeError(f"expected {name} without a gradient, got a tensor that requires one; give x.detach()")
    return like_tensor(trigger(from_tensor(name, x)), x)
