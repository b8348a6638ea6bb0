"""One thread at a time in a network: while it runs, its neurons hold potentials and its layers a mode."""

import os
import threading
from contextlib import AbstractContextManager
from typing import Any
from weakref import WeakKeyDictionary

from torch import nn

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


if hasattr(os, "register_at_fork"):  # in a forked process there is no thread that would ever give them back
    os.register_at_fork(after_in_child=_locks.clear)
