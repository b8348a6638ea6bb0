"""What a sweep found, as plots and page take it: settings, each with its rows over seeds, and what was measured."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from numbers import Real
from typing import Any, NamedTuple

import pandas as pd

from art_snn.experiment import Experiment
from art_snn.metrics.statistics import Summary, summary
from art_snn.recipes import ComparedTable, RecipeRun, compared
from art_snn.report.report_table import ReportTable
from art_snn.report.settings import Settings, in_words, settings_of
from art_snn.report.sweep_tables import report_tables

_OF_SPEC = {*Experiment.model_fields} - {"defences", "models"}
_OF_DEFENCES = ("detection", "verdicts", "elimination")


class Spec(NamedTuple):
    """The file from which a sweep was made.

    Args:
        text: Text of the file; empty where there is none.
        given: Tables in it; None where they cannot be read.
    """

    text: str = ""
    given: Mapping[str, Any] | None = None


NO_SPEC = Spec()


@dataclass(frozen=True)
class Setting:
    """What is alike in some cells but for their seeds.

    Args:
        values: Value by axis.
        rows: Lines of the table of results, one a seed and model.
    """

    values: dict[str, Any]
    rows: pd.DataFrame

    @property
    def models(self) -> list[str]:
        """Names of the models, in their order."""
        return list(dict.fromkeys(self.rows["model"]))

    def of(self, model: str) -> pd.DataFrame:
        """The lines of one model; none of one that it has not."""
        return self._by_model.get(model, self.rows.iloc[:0])

    @cached_property
    def _by_model(self) -> dict[str, pd.DataFrame]:
        return {str(model): lines for model, lines in self.rows.groupby("model", sort=False)}

    def without(self, axis: str) -> dict[str, Any]:
        """The values of all other axes."""
        return {name: value for name, value in self.values.items() if name != axis}


@dataclass(frozen=True)
class Findings:
    """What a sweep found.

    Args:
        cells: Contents of its cells, those that failed among them.
        tables: What `art_snn.sweep.load_tables` makes of them.
        spec: The file from which it was made.
        run: The recipe that was run; None where it was none.
    """

    cells: Sequence[Mapping[str, Any]]
    tables: Mapping[str, pd.DataFrame]
    spec: Spec = NO_SPEC
    run: RecipeRun | None = None

    @cached_property
    def compared(self) -> tuple[ComparedTable, ...]:
        """The tables of the publication, filled in; none where no recipe was run."""
        return compared(self.run.recipe, self.tables) if self.run else ()

    @cached_property
    def n_cells(self) -> int | None:
        """Number of cells for which the spec stands; None where there is none that can be read."""
        try:
            return None if self.spec.given is None else len(Experiment(**self.spec.given).cells())
        except (ValueError, TypeError):  # a spec of another version
            return None

    @cached_property
    def report(self) -> tuple[ReportTable, ...]:
        """All tables of the report."""
        return report_tables(self.tables, self.compared)

    @property
    def results(self) -> pd.DataFrame:
        """A line a cell and model, and one a cell that failed."""
        return self.tables["rows"]

    @cached_property
    def axes(self) -> Settings:
        """What tells cells apart, and how that is called."""
        return settings_of(self.results)

    @cached_property
    def settings(self) -> list[Setting]:
        """Those of cells that did not fail, in the order of tables."""
        if "model" not in self.results:
            return []
        return self._settings(self.results[self.results["error"].isna()] if "error" in self.results else self.results)

    @cached_property
    def models(self) -> list[str]:
        """Names of all models, in their order: a model looks the same in all plots."""
        return list(dict.fromkeys(model for one in self.settings for model in one.models))

    @cached_property
    def of_defences(self) -> dict[str, list[Setting]]:
        """The settings of the tables of defences, by name of the table."""
        tables = ((name, self.tables.get(name, pd.DataFrame())) for name in _OF_DEFENCES)
        return {name: self._settings(table) if len(table) else [] for name, table in tables}

    def _settings(self, table: pd.DataFrame) -> list[Setting]:
        own = [name for name in table if name.partition(".")[0] not in _OF_SPEC]
        ordered, groups = self.axes.added(table[own]), dict[str, tuple[dict[str, Any], list[int]]]()
        for place, line in enumerate(ordered[list(self.axes.axes)].to_dict("records")):
            groups.setdefault(repr(line), ({str(axis): value for axis, value in line.items()}, []))[1].append(place)
        one_a_seed = ["seed", *(name for name in ("model", "defence") if name in ordered)]
        return [Setting(values, ordered.iloc[some].drop_duplicates(one_a_seed)) for values, some in groups.values()]

    def text(self, values: Mapping[str, Any]) -> str:
        """Values by axis in words; empty where there are none."""
        named = ((self.axes.headings[axis], in_words(value)) for axis, value in values.items())
        return ", ".join(f"{heading} {value or 'none'}" for heading, value in named)

    def titled(self, title: str, values: Mapping[str, Any]) -> str:
        """A title with the setting of which it is."""
        return f"{title}; {self.text(values)}" if values else title

    def measures(self, setting: Setting, model: str, name: str) -> list[Mapping[str, Any]]:
        """What was measured of one model beside accuracy and success, one a seed."""
        return list(self.measures_by_seed(setting, model, name).values())

    def measures_by_seed(self, setting: Setting, model: str, name: str) -> dict[int, Mapping[str, Any]]:
        """The same by seed."""
        lines = setting.of(model)
        measured = [self._by_name[cell].get("measures", {}).get(name, {}).get(model) for cell in lines["cell"]]
        pairs = zip(lines["seed"], measured, strict=True)
        return {int(seed): found for seed, found in pairs if found is not None}

    @cached_property
    def _by_name(self) -> dict[str, Mapping[str, Any]]:
        return {cell["hash"]: cell for cell in self.cells}


def is_number(value: Any) -> bool:
    """Whether it can be a place on an axis."""
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def over_seeds(values: Sequence[float | None], n_samples: float | None = None) -> Summary:
    """Mean and interval of a figure over seeds; of one seed over the samples of which it is a share.

    >>> over_seeds([0.5, None, 1.0]).n, over_seeds([0.9], 100).kind
    (2, 'samples')
    """
    numbers = [math.nan if value is None else float(value) for value in values]
    counts = None
    if len(numbers) == 1 and n_samples and not math.isnan(numbers[0]):
        counts = round(numbers[0] * n_samples), int(n_samples)
    return summary(numbers, counts=counts)


def numeric_axes(settings: Sequence[Setting]) -> Iterator[str]:
    """Axes with two numbers at least, those with more values first."""
    axes = settings[0].values if settings else {}
    values = {axis: {one.values[axis] for one in settings if is_number(one.values[axis])} for axis in axes}
    yield from sorted((axis for axis in axes if len(values[axis]) > 1), key=lambda axis: -len(values[axis]))
