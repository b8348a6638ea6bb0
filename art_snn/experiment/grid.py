"""Points of a grid: dotted paths into a spec, each with a list of values, and hand-picked combinations."""

import copy
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

Point = dict[str, Any]  # dotted path -> value


def points(grid: Mapping[str, Any], cases: list[Mapping[str, Any]]) -> list[Point]:
    """The product of a grid, at each of the cases where there are any.

    Args:
        grid: Path -> list of values.
        cases: Combinations, path -> value, or nested tables.

    >>> points({"attack.size": [2, 3]}, [{"network": {"name": "vgg11"}}])
    [{'network.name': 'vgg11', 'attack.size': 2}, {'network.name': 'vgg11', 'attack.size': 3}]
    """
    axes = dict(_flat(grid))
    for path, values in axes.items():
        if not isinstance(values, list | tuple) or not values:
            raise ValueError(f"expected grid.{path} to be a list of values, at least one, got {values!r}")
    products = [dict(zip(axes, values, strict=True)) for values in product(*axes.values())]
    return [dict(_flat(case)) | point for case in cases or [{}] for point in products]


def _flat(nested: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in nested.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def with_values(spec: Mapping[str, Any], point: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of a spec with other values at some places.

    Args:
        spec: Nested tables and lists.
        point: By dotted path; a number is the place in a list, `*` all places of it.

    Raises:
        ValueError: If a path leads nowhere.

    >>> with_values({"models": [{"rule": "ann"}, {"rule": "bptt"}]}, {"models.1.tau": 3.0, "training.epochs": 2})
    {'models': [{'rule': 'ann'}, {'rule': 'bptt', 'tau': 3.0}], 'training': {'epochs': 2}}
    """
    changed = copy.deepcopy(dict(spec))
    for path, value in point.items():
        _put(changed, path.split("."), value, path)
    return changed


def _put(table: Any, path: list[str], value: Any, whole: str) -> None:
    first, *rest = path
    if isinstance(table, list):
        places = range(len(table)) if first == "*" else [int(first)] if first.isdigit() else []
        if not places or max(places) >= len(table):
            raise ValueError(f"expected {whole} to lead to one of {len(table)}, from 0, or to * for all, got {first!r}")
        for place in places:
            if isinstance(table[place], str) and rest:  # a model or a defence that is named alone
                table[place] = {"name" if whole.startswith("defences") else "rule": table[place]}
            _enter(table, place, rest, value, whole)
    elif isinstance(table, dict):
        if rest:
            table.setdefault(first, {})
        _enter(table, first, rest, value, whole)
    else:
        raise ValueError(f"expected {whole} to lead to a field, got a value before its end")


def _enter(table: Any, place: Any, rest: list[str], value: Any, whole: str) -> None:
    if rest:
        _put(table[place], rest, value, whole)
    else:
        table[place] = copy.deepcopy(value)
