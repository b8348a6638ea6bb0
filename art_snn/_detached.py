"""Copies of what may hold a piece of a computation graph: torch itself refuses to copy those."""

import copy
import gc
from collections.abc import Iterator
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any, TypeVar

from torch import Tensor

_SHARED = (type, ModuleType, FunctionType, BuiltinFunctionType)  # what `deepcopy` does not copy

Thing = TypeVar("Thing")


def tensors_in(thing: Any) -> Iterator[Tensor]:
    """All tensors that a copy of a thing would copy, wherever it keeps them: attributes, lists, dicts, objects."""
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
    """Note in a memo of `deepcopy` that a piece of a graph is copied as a tensor without history.

    Networks keep such pieces as attributes: an activation that they store, a weight that a hook has computed.
    """
    memo.update({id(tensor): tensor.detach().clone() for tensor in tensors_in(thing) if not tensor.is_leaf})


def detached_copy(thing: Thing) -> Thing:
    """A deep copy in which pieces of a graph are tensors without history.

    >>> import torch
    >>> detached_copy([torch.ones(2, requires_grad=True) * 3])
    [tensor([3., 3.])]
    """
    memo: dict[int, Any] = {}
    detach_pieces(thing, memo)
    return copy.deepcopy(thing, memo)
