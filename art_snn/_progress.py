"""Progress bars on standard error, with the name of what is being done."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from tqdm import tqdm

_SECONDS = 5.0  # between updates of a bar in a file, where each is kept
_task: ContextVar[str] = ContextVar("task", default="")
_is_silent: ContextVar[bool] = ContextVar("is_silent", default=False)
_listener: ContextVar[Callable[[str], None] | None] = ContextVar("listener", default=None)


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


@contextmanager
def telling(listener: Callable[[str], None]) -> Iterator[None]:
    """While the block runs, bars are told in words to somebody instead of being drawn.

    >>> said = []
    >>> with telling(said.append):
    ...     _ = list(progress([1, 2], desc="fit", mininterval=0))
    >>> said[-1]
    'fit 2/2'
    """
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def task_or(default: str) -> str:
    """The name of what is being done, or a default.

    >>> task_or("fit")
    'fit'
    """
    return _task.get() or default


def is_shown(verbose: bool) -> bool:
    """Whether to show a wanted bar: not within `silence`, nor if the variable TQDM_DISABLE is set."""
    return verbose and not _is_silent.get() and os.environ.get("TQDM_DISABLE", "0") in ("", "0")


def progress(iterable: Iterable[Any] | None = None, *, verbose: bool = True, **settings: Any) -> tqdm:
    """Make tqdm's bar, if bars are shown; in a file it is updated every few seconds only.

    Args:
        iterable: Items to walk over; None for a bar that is updated by hand.
        verbose: Whether a bar is wanted.
        **settings: Arguments of `tqdm.tqdm`.
    """
    if (listener := _listener.get()) is not None:
        return _Told(iterable, listener=listener, disable=not is_shown(verbose), **settings)
    settings.setdefault("mininterval", 0.1 if sys.stderr is not None and sys.stderr.isatty() else _SECONDS)
    return tqdm(iterable, disable=not is_shown(verbose), **settings)


class _Told(tqdm):
    """A bar of which somebody hears in words."""

    def __init__(self, *args: Any, listener: Callable[[str], None], **settings: Any) -> None:
        self._listener = listener
        super().__init__(*args, **{"mininterval": 0.5, **settings})

    def display(self, *_: Any, **__: Any) -> None:
        """In place of drawing it."""
        counted = f"{self.desc.removesuffix(': ')} {self.n}" + (f"/{self.total}" if self.total else "")
        self._listener(" ".join(filter(None, [counted, self.postfix])))

    def close(self) -> None:
        """Without leaving a line."""
        self.disable = True
