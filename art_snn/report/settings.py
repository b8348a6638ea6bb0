"""The settings of a sweep: what tells its cells apart beside the seed, and how that is called in tables."""

import json
import math
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pandas as pd

from art_snn.experiment import Experiment

_SECTIONS = frozenset(Experiment.model_fields) - {"models", "defences", "grid", "cases"}
_SAME_NUMBERS = (  # whatever their values are
    "run.seeds",
    "measure.over_time",
    "measure.onset_length",
    "measure.stealth",
    "measure.cost",
    "measure.evidence",
    "measure.raise_on",
)
_WORDS = {
    "data.name": "data",
    "network.name": "network",
    "attack.trigger": "trigger",
    "attack.attack": "attack",
    "attack.percent_poison": "share of poison",
}
_TAKEN = ("model", "seeds", "defence", "figure", "against", "cell", "seed", "onset", "length", "layer", "epoch")
_KEYS = {"timesteps": "T"}


@dataclass(frozen=True)
class Settings:
    """Which setting each cell is of.

    Args:
        values: By cell the values of all axes, missing ones None; cells in the order of tables: by axes of numbers
            rising, by others as they came.
        companions: By axis, what has one value for each of its values: by path in words, its values in their order.
    """

    values: pd.DataFrame
    companions: Mapping[str, Mapping[str, tuple[Any, ...]]] = field(default_factory=dict)

    @property
    def axes(self) -> tuple[str, ...]:
        """Dotted paths of the spec whose values differ between cells, "versions" and "defences", which are words.

        What another axis of words decides is no axis, but its companion: networks, each with its own learning rate,
        are compared with these rates, and nothing is shown over the rate.
        """
        return tuple(self.values.columns)

    @cached_property
    def headings(self) -> dict[str, str]:
        """Axes in words, each another: the last part of the path where that says enough."""
        found = {axis: heading_of(axis) for axis in self.axes}
        times = Counter([*found.values(), *_TAKEN])
        return {axis: axis if times[words] > 1 else words for axis, words in found.items()}

    def headings_of(self, keys: Iterable[str]) -> dict[str, str]:
        """Columns that tell the lines of a table apart, with their headings."""
        return {key: self.headings.get(key, _KEYS.get(key, key)) for key in keys}

    def added(self, table: pd.DataFrame) -> pd.DataFrame:
        """Lines of cells with their settings, in the order of settings."""
        place = {cell: number for number, cell in enumerate(self.values.index)}
        places = table["cell"].map(place)
        ordered = table.iloc[places.argsort(kind="stable")]
        settings = self.values.loc[ordered["cell"]].set_axis(ordered.index)
        return pd.concat([settings, ordered.drop(columns=[axis for axis in self.axes if axis in ordered])], axis=1)


def heading_of(axis: str) -> str:
    """How a place of the spec is called in tables.

    >>> heading_of("attack.percent_poison"), heading_of("models.lif.tau")
    ('share of poison', 'tau of lif')
    """
    section, *_, last = axis.split(".") if "." in axis else ("", axis)
    model = axis.split(".")[1] if section == "models" else "*"
    words = _WORDS.get(axis, last.replace("_", " "))
    return words if model == "*" else f"{words} of {model}"


def settings_of(rows: pd.DataFrame) -> Settings:
    """The settings of all cells of `art_snn.sweep.load_results`, failed ones too."""
    cells = rows.drop_duplicates("cell").set_index("cell")
    spec = {
        name: _plain(cells[name])
        for name in cells.columns
        if name in _LISTS
        or (name.partition(".")[0] in _SECTIONS and "." in name and not name.startswith(_SAME_NUMBERS))
    }
    spec["versions"] = spec["versions"].map(_computing, na_action="ignore")
    axes = {name: values for name, values in spec.items() if _differs(values)}
    axes |= _without_copies({name: values for name, values in _of_models(cells).items() if _differs(values)})
    for name, values in spec.items():
        if name not in (*axes, *_LISTS) and _splits(values, axes):
            axes[name] = values
    for name in axes.keys() & _LISTS.keys():
        axes[name] = axes[name].map(_LISTS[name](list(axes[name].dropna().unique())))
    leaders = _leaders(axes)
    values = pd.DataFrame({name: axes[name] for name in axes if name not in leaders}, cells.index, dtype=object)
    keys = [_ranks(values[axis]) for axis in values]
    order = sorted(range(len(values)), key=lambda cell: [ranks[cell] for ranks in keys])
    ordered = values.iloc[order]
    return Settings(ordered, _companions(ordered, {name: axes[name] for name in leaders}, leaders))


def _leaders(axes: Mapping[str, pd.Series]) -> dict[str, str]:
    """By axis, the axis of words that decides it, where there is one; of several that decide each other, the first."""
    codes = {name: values.map(repr) for name, values in axes.items()}
    deciding = [name for name, values in axes.items() if name not in _LISTS and _are_words(values)]
    found: dict[str, str] = {}
    for leader in deciding:
        for name in axes:
            is_free = name != leader and name not in _LISTS and name not in found and leader not in found
            if is_free and name not in found.values() and codes[name].groupby(codes[leader]).nunique().max() == 1:
                found[name] = leader
    return found


def _are_words(values: pd.Series) -> bool:
    return all(isinstance(value, str) for value in values.dropna())


def _companions(
    values: pd.DataFrame, decided: Mapping[str, pd.Series], leaders: Mapping[str, str]
) -> dict[str, dict[str, tuple[Any, ...]]]:
    """By axis, what goes with it: values in the order of the axis's own."""
    found: dict[str, dict[str, tuple[Any, ...]]] = {}
    for name, leader in leaders.items():
        first = values[leader].map(repr).drop_duplicates().index  # a cell for each value
        found.setdefault(leader, {})[heading_of(name)] = tuple(decided[name].loc[first])
    return found


def in_words(value: Any) -> str:
    """A value of a spec for a table.

    >>> in_words(0.05), in_words(3.0), in_words(True), in_words((1, 2)), in_words(None)
    ('0.05', '3', 'yes', '1, 2', '')
    """
    if is_missing(value):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple | list):
        return ", ".join(map(in_words, value))
    return f"{value:.10g}" if isinstance(value, int | float) else str(value)


def is_missing(value: Any) -> bool:
    """Whether a setting has no such value."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def _plain(values: pd.Series) -> pd.Series:
    """Of types that can be told apart; what is missing is None."""
    return pd.Series([_hashable(value) for value in values.tolist()], values.index, dtype=object)


def _hashable(value: Any) -> Hashable:
    if isinstance(value, list):
        return tuple(map(_hashable, value))
    if isinstance(value, Mapping):
        return json.dumps(value)
    return None if is_missing(value) else value


def _differs(values: pd.Series) -> bool:
    return len({repr(value) for value in values.dropna()}) > 1


def _splits(values: pd.Series, axes: Mapping[str, pd.Series]) -> bool:
    """Whether only this tells that some cells have a value which others lack, as those of another trigger do."""
    if values.notna().all() or values.isna().all():
        return False
    known = pd.DataFrame({**axes, "": 0}, index=values.index).map(repr).agg("\n".join, axis=1)
    return bool((values.notna().groupby(known).nunique() > 1).any())


def _of_models(cells: pd.DataFrame) -> dict[str, pd.Series]:
    """Parameters of all models by path, `models.NAME.tau`; None where a cell has no such model."""
    found = {
        cell: {
            f"models.{model['name']}.{path}": _hashable(value)
            for model in json.loads(f"[{models}]")
            for path, value in _leaves(model)
            if path != "name"
        }
        for cell, models in cells["models"].items()
    }
    paths = dict.fromkeys(path for one in found.values() for path in one)
    return {
        path: pd.Series([found[cell].get(path) for cell in cells.index], cells.index, dtype=object) for path in paths
    }


def _leaves(table: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def _without_copies(axes: dict[str, pd.Series]) -> dict[str, pd.Series]:
    """One axis where a parameter of several models always has the same value in all: `models.*.tau`."""
    found: dict[str, pd.Series] = {}
    for path, values in axes.items():
        parameter = path.split(".", 2)[2]
        alike = [other for other, seen in found.items() if other.split(".", 2)[2] == parameter and seen.equals(values)]
        if alike:
            found = {f"models.*.{parameter}" if name == alike[0] else name: seen for name, seen in found.items()}
        else:
            found[path] = values
    return found


def _ranks(values: pd.Series) -> list[tuple[int, float]]:
    """Numbers as numbers, after them the rest as it came."""
    came = {value: place for place, value in enumerate(values.unique())}
    return [
        (0, float(value)) if isinstance(value, int | float) and not isinstance(value, bool) else (1, came[value])
        for value in values
    ]


def _computing(versions: str) -> str | None:
    """Versions of what determines numbers, all but Python's; None of a cell that tells none."""
    return ", ".join(part for part in versions.split(", ") if not part.startswith("python ")) or None


def _versions(values: list[str]) -> dict[str, str]:
    """Those that are not the same everywhere."""
    parts = {value: value.split(", ") for value in values}
    common = set.intersection(*map(set, parts.values()))
    return {value: ", ".join(part for part in split if part not in common) for value, split in parts.items()}


def _defences(values: list[str]) -> dict[str, str]:
    """Names, with those parameters that differ where the names are the same."""
    lists = {value: json.loads(f"[{value}]") for value in values}
    seen: dict[tuple[str, str], set[str]] = {}
    for defences in lists.values():
        for one in defences:
            for name, value in one.items():
                seen.setdefault((one["name"], name), set()).add(repr(value))
    return {value: ", ".join(_defence(one, seen) for one in defences) or "none" for value, defences in lists.items()}


def _defence(one: Mapping[str, Any], seen: Mapping[tuple[str, str], set[str]]) -> str:
    own = [f"{name} {in_words(value)}" for name, value in one.items() if len(seen[one["name"], name]) > 1]
    return f"{one['name']} ({', '.join(own)})" if own else str(one["name"])


_LISTS = {"versions": _versions, "defences": _defences}
