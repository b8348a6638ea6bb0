"""Values on the command line: `attack.percent_poison=0.05`."""

import tomllib
from collections.abc import Iterable
from typing import Any


def assignments(texts: Iterable[str]) -> dict[str, Any]:
    """Dotted paths with their values, which are read as in a TOML file; what is no TOML is a word.

    Raises:
        ValueError: If one has no `=`.

    >>> assignments(["training.epochs=3", "data.name=digits", "run.seeds=[0, 1]"])
    {'training.epochs': 3, 'data.name': 'digits', 'run.seeds': [0, 1]}
    """
    found = {}
    for text in texts:
        path, is_assigned, value = text.partition("=")
        if not is_assigned or not path.strip():
            raise ValueError(f"expected PATH=VALUE, such as training.epochs=3, got {text!r}")
        found[path.strip()] = _read(value.strip())
    return found


def _read(value: str) -> Any:
    try:
        return tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return value


def is_at(spec: Any, path: str, value: Any) -> bool:
    """Whether a spec of nested tables has a value at a dotted path; in a list, anywhere."""
    first, _, rest = path.partition(".")
    if isinstance(spec, list | tuple) and not first.isdigit():
        return any(is_at(one, path, value) for one in spec)
    try:
        inner = spec[int(first)] if isinstance(spec, list | tuple) else spec[first]
    except (KeyError, IndexError, TypeError):
        return False
    return is_at(inner, rest, value) if rest else inner == value or (isinstance(inner, list) and value in inner)
