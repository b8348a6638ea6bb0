"""Checks of a dataclass' fields, declared beside them as data: `seed: int = checked(0, check_at_least, 0)`."""

from collections.abc import Callable
from dataclasses import field, fields
from typing import Any, TypeVar

Value = TypeVar("Value")

_CHECK = "check"


def checked(default: Value, check: Callable[..., object], *settings: Any) -> Value:
    """A field of a class of `CheckedFields`, with its default and what checks its value.

    Args:
        default: Value of the field if none is given.
        check: Called as `check(name, value, *settings)`; raises where the value is wrong. A value that it returns is
            kept in place of the one given.
        settings: What else `check` takes.
    """
    return field(default=default, metadata=checked_by(check, *settings))


def checked_by(check: Callable[..., object], *settings: Any) -> dict[str, Any]:
    """The metadata of a checked field without a default: `n: int = field(metadata=checked_by(check_at_least, 1))`."""
    return {_CHECK: (check, settings)}


class CheckedFields:
    """A frozen dataclass that checks its fields, in their order, when it is made."""

    def __post_init__(self) -> None:
        for one in fields(self):  # type: ignore[arg-type]
            if _CHECK in one.metadata:
                check, settings = one.metadata[_CHECK]
                kept = check(one.name, getattr(self, one.name), *settings)
                if kept is not None:
                    object.__setattr__(self, one.name, kept)
