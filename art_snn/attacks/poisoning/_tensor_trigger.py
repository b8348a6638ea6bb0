"""Tensors in, tensors out, for triggers that are written for arrays."""

from typing import Any

from art_snn._arrays import from_tensor, like_tensor
from art_snn.typing import Trigger


def apply_to_tensor(trigger: Trigger, name: str, x: Any) -> Any:
    """What a trigger makes of the values of a tensor, as a new tensor of the same dtype on the same device.

    Args:
        trigger: For arrays.
        name: What the samples are called in an error.
        x: A tensor of torch's; left alone.

    Raises:
        TypeError: If it is to carry a gradient, which would end here, or has a dtype that numpy does not know.
    """
    if x.requires_grad:
        raise TypeError(f"expected {name} without a gradient, got a tensor that requires one; give x.detach()")
    return like_tensor(trigger(from_tensor(name, x)), x)
