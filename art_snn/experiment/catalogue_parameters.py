"""What can be said of an entry of the catalogue in a spec: the arguments of its constructor, with default and text."""

import inspect
import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import takewhile
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

_ENTRY = re.compile(r"^(?=\w+: )", re.MULTILINE)
_ANY_TYPE = ConfigDict(arbitrary_types_allowed=True, allow_inf_nan=False)


@dataclass(frozen=True)
class Parameter:
    """One argument.

    Args:
        name: Name of the argument.
        kind: Type of the argument, as it is annotated.
        default: What it is where nothing is said.
        text: What the docstring says of it.
    """

    name: str
    kind: Any
    default: Any
    text: str

    @cached_property
    def _adapter(self) -> TypeAdapter[Any]:
        return TypeAdapter(self.kind, config=_ANY_TYPE)

    @cached_property
    def filled_in(self) -> Any:
        """The default as a value of the parameter's type: 2 is 2.0 where that is a number."""
        return self.checked(self.default)

    def checked(self, value: Any) -> Any:
        """A value of the parameter's type.

        Raises:
            ValueError: If it is of another.
        """
        try:
            return self._adapter.validate_python(value)
        except ValidationError as error:
            said = error.errors()[0]["msg"].removeprefix("Input should be ")
            raise ValueError(f"expected {self.name} to be {said}, got {value!r}") from error


@cache
def parameters_of(entry: Any, left_out: frozenset[str] = frozenset()) -> Mapping[str, Parameter]:
    """The arguments of a class or function that have a default, by name, in their order.

    Args:
        entry: A constructor that hands arguments on by `**kwargs` has those of its parents as well.
        left_out: Names that are decided elsewhere.
    """
    texts = {name: text for part in reversed(_parts(entry)) for name, text in _texts(_doc(part))}
    found: dict[str, Parameter] = {}
    for part in _parts(entry):
        arguments = inspect.signature(part, eval_str=True).parameters.values()
        for one in arguments:
            if one.default is not one.empty and one.name not in left_out:
                found.setdefault(one.name, Parameter(one.name, one.annotation, one.default, texts.get(one.name, "")))
        if not any(one.kind is one.VAR_KEYWORD for one in arguments):
            break
    return found


def _parts(entry: Any) -> list[Any]:
    """A function alone; of a class also those whose constructors it inherits, as far as they are not ART's."""
    if not inspect.isclass(entry):
        return [entry]
    ours = takewhile(lambda kind: not kind.__module__.startswith(("art.", "torch.")), entry.__mro__)
    return [kind for kind in ours if "__init__" in vars(kind)]


def _doc(part: Any) -> str:
    """What describes the arguments: of an object that is called, its call."""
    called = part if inspect.isclass(part) or inspect.isroutine(part) else type(part).__call__
    return inspect.getdoc(called) or ""


def _texts(doc: str) -> Iterator[tuple[str, str]]:
    """What a docstring says of each argument."""
    _, _, below = doc.partition("Args:\n")
    block = textwrap.dedent(re.split(r"^(?=\S)", below, maxsplit=1, flags=re.MULTILINE)[0])
    for entry in filter(None, _ENTRY.split(block)):
        name, found, text = entry.partition(": ")
        if found:
            yield name, " ".join(text.split())
