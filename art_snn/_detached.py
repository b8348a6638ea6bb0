"""Copy objects that hold parts of a computation graph, which torch refuses to copy."""

import copy
import gc
from collections.abc import Iterator
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any, TypeVar

from torch import Tensor

_SHARED = (type, ModuleType, FunctionType, BuiltinFunctionType)  # `deepcopy` does not copy these

Thing = TypeVar("Thing")


def tensors_in(thing: Any) -> Iterator[Tensor]:
    """Yield all tensors that a copy of an object would copy, in its attributes, lists, dicts and objects."""
    seen: set[int] = set()
    todo = [thing]
    while todo:
        item = todo.pop()
        if id(item) in seen or isinstance(item, _SHARED):
            continue
        seen.add(id(item))
        if isinstance(item, Tensor):
            yield item
            todo.append(vars(item))
        else:
            todo.extend(gc.get_referents(item))


def detach_pieces(thing: Any, memo: dict[int, Any]) -> None:
    """Make `deepcopy`, by its memo, copy parts of a graph as tensors without history.

    Networks hold such parts as attributes: an activation that they store, a weight that a hook has computed.
    """
    memo.update({id(tensor): tensor.detach().clone() for tensor in tensors_in(thing) if not tensor.is_leaf})


def detached_copy(thing: Thing) -> Thing:
    """Make a deep copy in which parts of a graph are tensors without history.

    >>> import torch
    >>> detached_copy([torch.ones(2, requires_grad=True) * 3])
    [tensor([3., 3.])]
    """
    memo: dict[int, Any] = {}
    detach_pieces(thing, memo)
    return copy.deepcopy(thing, memo)
