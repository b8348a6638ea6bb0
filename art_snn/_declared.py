"""Checks that a parameter's type declares: `steps: Count` is a whole number from 1 up, `Literal["a", "b"]` a choice."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import partial
from types import NoneType
from typing import Annotated, Any, ClassVar, Literal, get_args, get_origin, get_type_hints

from art_snn._validation import check_at_least, check_choice, check_flag, check_fraction, check_positive

Check = Callable[[str, Any], Any]


@dataclass(frozen=True, repr=False)
class Declared:
    """A check as a part of a type.

    Args:
        words: What the check asks for, as `help` shows it.
        check: Raises if a value, given after its name, is not that. A field takes what it returns, unless that is None.
    """

    words: str
    check: Check

    def __repr__(self) -> str:
        return self.words


Count = Annotated[int, Declared("at least 1", partial(check_at_least, minimum=1))]
CountOrZero = Annotated[int, Declared("at least 0", partial(check_at_least, minimum=0))]
Seed = Annotated[int, Declared("a whole number from 0 up", partial(check_at_least, minimum=0))]
Fraction = Annotated[float, Declared("in [0, 1]", check_fraction)]
FractionAboveZero = Annotated[float, Declared("in (0, 1]", partial(check_fraction, zero=False))]
FromZero = Annotated[float, Declared("from 0 up", partial(check_positive, zero=True))]
Positive = Annotated[float, Declared("above 0", check_positive)]
Flag = Annotated[bool, Declared("True or False", check_flag)]


def declared_checks(owner: Callable[..., Any]) -> dict[str, Check | None]:
    """The check of each parameter whose type declares one, a type above, a `Literal` or either or None; else None.

    Args:
        owner: A function or a dataclass.

    >>> def lay(how: Literal["add", "mean"] | None, steps: Count, target: int) -> None: ...
    >>> [name for name, check in declared_checks(lay).items() if check]
    ['how', 'steps']
    >>> declared_checks(lay)["how"]("how", "sum")
    Traceback (most recent call last):
    ValueError: expected how to be one of 'add', 'mean', got 'sum'
    """
    try:
        types = get_type_hints(owner, include_extras=True)
    except NameError:  # types as text, of names that are imported for a type checker only
        types = owner.__annotations__
    return {name: _declared_check(kind) for name, kind in types.items()}


class CheckedFields:
    """A frozen dataclass whose fields are checked, in their order, as their types declare."""

    _checks: ClassVar[dict[str, Check | None]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls._checks = {**cls._checks, **declared_checks(cls)}

    def __post_init__(self) -> None:
        for one in fields(self):  # type: ignore[arg-type]
            if (check := self._checks[one.name]) is not None:
                kept = check(one.name, getattr(self, one.name))
                if kept is not None:
                    object.__setattr__(self, one.name, kept)


def _declared_check(kind: Any) -> Check | None:
    parts = get_args(kind)
    if get_origin(kind) is Annotated:
        return next((part.check for part in parts if isinstance(part, Declared)), None)
    if get_origin(kind) is Literal:
        return partial(check_choice, choices=parts)
    others = [part for part in parts if part is not NoneType]
    if len(others) == 1 < len(parts) and (check := _declared_check(others[0])) is not None:
        return partial(_unless_none, check=check)
    return None


def _unless_none(name: str, value: Any, check: Check) -> Any:
    return None if value is None else check(name, value)
