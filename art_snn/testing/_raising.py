"""The message of an error that a law demands."""

from collections.abc import Callable


def message_of(errors: type[Exception] | tuple[type[Exception], ...], call: Callable[[], object]) -> str:
    """The message of the error that `call` must raise."""
    try:
        call()
    except errors as error:
        return str(error)
    raise AssertionError(f"expected {errors}, but nothing was raised")
