"""One thread at a time in a network: while it runs, its neurons hold potentials and its layers a mode."""

import os
import threading
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Any
from weakref import WeakKeyDictionary

from torch import nn

from art_snn._random import streams_alone

_locks: WeakKeyDictionary[nn.Module, AbstractContextManager[Any]] = WeakKeyDictionary()  # modules are copied, pickled


def lock_of(model: nn.Module) -> AbstractContextManager[Any]:
    """The lock of a network, one for the network itself, the `SpikingModule` around it and ART's wrapper around that.

    A thread may take it several times. Whoever also draws from the global random streams enters
    `art_snn._random.streams_alone` first, never second: two threads in different orders would wait for each other.
    """
    while True:
        inside = [child for name in ("_model", "net") if (child := model._modules.get(name)) is not None]
        if not inside:
            return _locks.setdefault(model, threading.RLock())
        model = inside[0]


@contextmanager
def locks_of(models: Collection[nn.Module]) -> Iterator[None]:
    """Hold the locks of all of a classifier's networks, and where there are several, that of the random streams first.

    Otherwise two threads that took them one by one in different orders would wait for each other.
    """
    with ExitStack() as stack:
        stack.enter_context(streams_alone() if len(models) > 1 else nullcontext())
        for model in models:
            stack.enter_context(lock_of(model))
        yield


if hasattr(os, "register_at_fork"):  # in a forked process there is no thread that would ever give them back
    os.register_at_fork(after_in_child=_locks.clear)
