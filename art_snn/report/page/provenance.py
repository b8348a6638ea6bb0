"""Where figures come from: the spec, commands that give them again, versions, machines and time."""

import json
import shlex
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from art_snn._files import read_regular
from art_snn.report.findings import Findings, Spec
from art_snn.report.settings import in_words

_MOST_BYTES = 1 << 20  # of a spec
_MOST_VALUES = 6
_NO_OPTION = ("versions", "defences")


class Machine(NamedTuple):
    """On what some cells were computed.

    Args:
        n_cells: Number of these cells.
        facts: By name, in words.
    """

    n_cells: int
    facts: Mapping[str, str]


def spec_in(folder: Path) -> Spec:
    """The spec that lies in a folder of results."""
    with suppress(OSError, ValueError):
        text = read_regular(folder / "spec.toml", _MOST_BYTES).decode(errors="replace")
        with suppress(ValueError):
            return Spec(text, tomllib.loads(text))
        return Spec(text)
    return Spec()


def run_of(found: Findings) -> str:
    """What measures all cells: the recipe's own command, or the spec where options had changed the recipe."""
    run, given = found.run, found.spec.given
    if run is None or (given is not None and given != run.recipe.given(run.scale, run.mode)):
        return "art-snn run spec.toml"
    return run.command


def command(only: Mapping[str, Any] | None = None, run: str = "art-snn run spec.toml") -> str:
    """What gives figures again, typed in the folder of the page.

    Args:
        only: Values by axis of the settings that are wanted; none stands for all.
        run: What measures all cells.

    >>> command({"attack.size": 3, "models.lif.tau": 2.0})
    'art-snn run spec.toml --out . --only attack.size=3 --only models.tau=2.0 && art-snn report .'
    """
    options = [
        f"--only {shlex.quote(f'{_path(axis)}={json.dumps(value)}')}"
        for axis, value in (only or {}).items()
        if value is not None and axis not in _NO_OPTION
    ]
    return " ".join([f"{run} --out .", *options, "&& art-snn report ."])


def _path(axis: str) -> str:
    """A parameter of a model is looked for in all models."""
    first, *others = axis.split(".", 2)
    return ".".join((first, *others[1:])) if first == "models" else axis


def settings_in_full(cells: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Every place of the spec, filled in, with its value or the values that occur."""
    values: dict[str, dict[str, None]] = {}
    for cell in cells:
        for path, value in _leaves(cell["spec"]):
            values.setdefault(path, {})[value] = None
    return [(path, _some(list(found))) for path, found in values.items() if path not in ("grid", "cases")]


def _leaves(table: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for name, value in table.items():
        path = f"{above}{name}"
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{path}.")
        elif isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
            for place, one in enumerate(value):
                yield from _leaves(one, f"{path}.{one.get('name') or place}.")
        else:
            yield path, _told(value)


def _told(value: Any) -> str:
    return json.dumps(value) if isinstance(value, Mapping) else in_words(value) or "–"


def _some(values: Sequence[str]) -> str:
    more = len(values) - _MOST_VALUES
    return " | ".join(values[:_MOST_VALUES]) + (f" | and {more} more" if more > 0 else "")


def machines(cells: Sequence[Mapping[str, Any]]) -> list[Machine]:
    """Versions and machines that differ, each with the number of its cells."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for cell in cells:
        environment = cell.get("environment") or {}
        found.setdefault(json.dumps(environment, sort_keys=True), []).append(environment)
    return [Machine(len(some), _facts(some[0])) for _, some in sorted(found.items())]


def _facts(environment: Mapping[str, Any]) -> dict[str, str]:
    versions = environment.get("versions")
    facts = {name: _told(value) for name, value in environment.items() if name != "versions" and value is not None}
    return facts | ({str(name): str(number) for name, number in versions.items()} if isinstance(versions, dict) else {})


def seconds(cells: Sequence[Mapping[str, Any]]) -> float:
    """How long training and measuring all models took, one after the other."""
    times = (row.get("seconds") for cell in cells for row in cell.get("rows", ()))
    return float(sum(time for time in times if isinstance(time, int | float)))


def duration(n_seconds: float) -> str:
    """A time in words.

    >>> duration(59.6), duration(60 * 59.6), duration(7500), duration(0.25)
    ('1 minute', '1 hour', '2.1 hours', '0.2 seconds')
    """
    for size, name in ((3600, "hour"), (60, "minute"), (1, "second")):
        n = round(n_seconds / size, 1 if n_seconds < 10 * size else 0)
        if n >= 1 or size == 1:
            return f"{n:g} {name}{'' if n == 1 else 's'}"
    raise AssertionError
