"""What a long computation shows of itself: a bar on standard error, with the name of what is being done."""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from tqdm import tqdm

_SECONDS = 5.0  # between two states of a bar in a file, where each stays
_task: ContextVar[str] = ContextVar("task", default="")
_is_silent: ContextVar[bool] = ContextVar("is_silent", default=False)


@contextmanager
def task(name: str) -> Iterator[None]:
    """While the block runs, bars and warnings of trainings begin with this name."""
    token = _task.set(name)
    try:
        yield
    finally:
        _task.reset(token)


@contextmanager
def silence() -> Iterator[None]:
    """While the block runs, no bar is shown."""
    token = _is_silent.set(True)
    try:
        yield
    finally:
        _is_silent.reset(token)


def task_or(default: str) -> str:
    """The name of what is being done, or a name in place of it.

    >>> task_or("fit")
    'fit'
    """
    return _task.get() or default


def is_shown(verbose: bool) -> bool:
    """Whether a bar is shown that the caller wants: not within `silence`, nor under the variable TQDM_DISABLE."""
    return verbose and not _is_silent.get() and os.environ.get("TQDM_DISABLE", "0") in ("", "0")


def progress(iterable: Iterable[Any] | None = None, *, verbose: bool = True, **settings: Any) -> tqdm:
    """tqdm's bar, where one is shown; in a file it is written anew every few seconds only.

    Args:
        iterable: What to walk over; None for a bar that is updated by hand.
        verbose: Whether it is wanted at all.
        **settings: Of tqdm's.
    """
    settings.setdefault("mininterval", 0.1 if sys.stderr is not None and sys.stderr.isatty() else _SECONDS)
    return tqdm(iterable, disable=not is_shown(verbose), **settings)
