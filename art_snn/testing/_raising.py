"""Errors that laws demand."""

from collections.abc import Callable
from functools import partial
from typing import Any


def message_of(errors: type[Exception] | tuple[type[Exception], ...], call: Callable[[], object]) -> str:
    """The message of the error that `call` must raise."""
    try:
        call()
    except errors as error:
        return str(error)
    raise AssertionError(f"expected {errors}, but nothing was raised")


def check_refuses_unknown(call: Callable[..., object], *args: Any) -> None:
    """An argument that nobody knows is an error that names it."""
    message = message_of((TypeError, ValueError), partial(call, *args, no_such_argument=1))
    assert "no_such_argument" in message, f"the message does not name the argument: {message}"
