"""Figures pooled over seeds: as numbers, and as people read them."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from art_snn.evaluations.doubts import Doubt, is_invalid
from art_snn.metrics.statistics import Summary, share_of_verdicts, summary
from art_snn.report.reasons import DOUBTFUL, NO_FIGURE
from art_snn.report.settings import Settings, in_words


class Quantity(NamedTuple):
    """A column of figures.

    Args:
        heading: Heading of the column.
        meaning: What it says, for the notes; empty where the heading says all.
        of: Column with the number of samples of which the figure is a share; None where it is none.
        is_derived: Whether doubts about models concern it.
        is_verdict: Whether it is yes or no a seed.
        written: How its mean and its ends are written.
    """

    heading: str
    meaning: str = ""
    of: str | None = None
    is_derived: bool = True
    is_verdict: bool = False
    written: Callable[[float], str] = "{:.3f}".format


@dataclass(frozen=True)
class Pooled:
    """Figures over seeds.

    Args:
        numbers: A line for each value of the keys: "seeds" (number of rows), all parts of each figure, "cautions" and
            "invalid" (numbers of rows with such doubts).
        keys: Columns that tell lines apart, with their headings.
        quantities: The figures that were measured, by name.
        samples: By figure that is a share, the numbers of samples that occur, rising.
    """

    numbers: pd.DataFrame
    keys: Mapping[str, str]
    quantities: Mapping[str, Quantity]
    samples: Mapping[str, tuple[int, ...]]

    def shown(self) -> pd.DataFrame:
        """For people: mean ± standard deviation [interval], and the number of seeds."""
        return pd.DataFrame([self._line(row) for _, row in self.numbers.iterrows()])

    def _line(self, row: pd.Series) -> dict[str, str]:
        figures = {one.heading: self._figure(row, name, one) for name, one in self.quantities.items()}
        return {**keys_in_words(row, self.keys), **figures, "seeds": f"{row['seeds']}"}

    def _figure(self, row: pd.Series, name: str, quantity: Quantity) -> str:
        found = part_of(row, name)
        if math.isnan(found.mean):
            return NO_FIGURE
        n_seeds, written = int(row["seeds"]), quantity.written
        is_fixed = quantity.of is None and found.sd == 0  # a count that no training changes
        spread = "" if math.isnan(found.sd) or is_fixed else f" ± {written(found.sd)}"
        mean = f"{found.mean * found.n:.0f} of {found.n}" if quantity.is_verdict else f"{written(found.mean)}{spread}"
        interval = "" if math.isnan(found.low) or is_fixed else f" [{written(found.low)}, {written(found.high)}]"
        few = f" ({found.n} of {n_seeds} seeds)" if found.n < n_seeds and not quantity.is_verdict else ""
        return f"{mean}{interval}{few}" + (f" {DOUBTFUL}" if quantity.is_derived and row["cautions"] else "")

    def notes(self) -> tuple[str, ...]:
        """What columns mean, which samples count, and what stands in brackets."""
        meanings = [self._meaning(name, one) for name, one in self.quantities.items() if one.meaning]
        marks = list[str]()
        found = [part_of(row, name) for name in self.quantities for _, row in self.numbers.iterrows()]
        brackets = dict.fromkeys(f"In brackets: {one.interval_text}." for one in found if not math.isnan(one.low))
        derived = [name for name, one in self.quantities.items() if one.is_derived]
        if derived and self.numbers["cautions"].any():
            marks.append(f"{DOUBTFUL}: a figure with a reason for caution, see the problems.")
        if derived and self.numbers["invalid"].any():
            marks.append(f"{NO_FIGURE} and seeds left out: the rows mean nothing, see the problems.")
        return (*meanings, *brackets, *marks)

    def _meaning(self, name: str, quantity: Quantity) -> str:
        samples = self.samples.get(name, ())
        n = "" if not samples else f", of {samples[0]}" + (f" to {samples[-1]}" if len(samples) > 1 else "")
        return f"{quantity.heading}: {quantity.meaning}{n}{' samples' if n else ''}."


def pooled(table: pd.DataFrame, keys: Sequence[str], quantities: Mapping[str, Quantity], settings: Settings) -> Pooled:
    """Figures of lines that differ in their seed alone; of two lines of one seed, which are alike, the first counts.

    Args:
        table: Lines of cells, as `art_snn.sweep.load_results` gives them.
        keys: Columns that tell lines apart beside the axes of the settings.
        quantities: The figures, by column.
        settings: Settings of the cells.
    """
    known = {name: one for name, one in quantities.items() if _is_measured(table, name, one)}
    by = (*settings.axes, *keys)
    narrow = with_columns(table, (*keys, *known, *(one.of for one in known.values()), "doubts"))
    lines = [_numbers(key, rows, known) for key, rows in grouped(settings.added(narrow), by)]
    counted = {name: table.loc[table[name].notna(), one.of] for name, one in known.items() if one.of in table}
    samples = {name: tuple(sorted({int(n) for n in one})) for name, one in counted.items()}
    return Pooled(pd.DataFrame(lines), settings.headings_of(by), known, samples)


def _is_measured(table: pd.DataFrame, name: str, quantity: Quantity) -> bool:
    """Whether there is such a figure: not where it is a share of no samples, nor where none is known for no doubt."""
    if name not in table or (quantity.of in table and table[quantity.of].max() == 0):
        return False
    return quantity.is_derived or bool(table[name].notna().any())


def check_seeds_differ(table: pd.DataFrame, keys: Sequence[str], figures: Sequence[str], settings: Settings) -> None:
    """Lines of one setting and seed have the same figures, or else other data would pass for other seeds.

    Raises:
        ValueError: If they differ.
    """
    by, known = [*settings.axes, *keys, "seed"], [name for name in figures if name in table]
    first = dict[str, tuple[str, str]]()
    for line in settings.added(table).to_dict("records"):
        key, found = repr([line[name] for name in by]), repr([line[name] for name in known])
        cell, before = first.setdefault(key, (line["cell"], found))
        if before != found:
            told = ", ".join(f"{name} {line[name]}" for name in by)
            raise ValueError(
                f"expected one result of {told}, got two that differ, in the cells {cell} and {line['cell']}: the data "
                "have changed between them; remove the old ones, or report another folder"
            )


def with_columns(table: pd.DataFrame, names: Iterable[str | None]) -> pd.DataFrame:
    """Lines with those of these columns that there are, and their cells and seeds: narrow tables are cut up fast."""
    return table[[name for name in dict.fromkeys(("cell", "seed", *names)) if name in table]]


def grouped(table: pd.DataFrame, by: Sequence[str]) -> Iterable[tuple[dict[str, Any], pd.DataFrame]]:
    """Lines of the same values in some columns, in the order in which these first come; one line a seed."""
    if not len(table):
        return
    alike = dict[str, tuple[dict[str, Any], list[int]]]()
    for place, values in enumerate(zip(*(table[name] for name in by), strict=True) if by else [()] * len(table)):
        alike.setdefault(repr(values), (dict(zip(by, values, strict=True)), []))[1].append(place)
    for key, places in alike.values():
        yield key, table.iloc[places].drop_duplicates("seed")


def _numbers(key: dict[str, Any], rows: pd.DataFrame, quantities: Mapping[str, Quantity]) -> dict[str, Any]:
    found: dict[str, Any] = {**key, "seeds": len(rows)}
    for name, quantity in quantities.items():
        found |= {f"{name}.{part}": value for part, value in _parts(_summary(rows, name, quantity)).items()}
    doubts = [[Doubt(*doubt) for doubt in one] for one in rows.get("doubts", ()) if isinstance(one, list) and one]
    n_invalid = sum(map(is_invalid, doubts))
    return found | {"cautions": len(doubts) - n_invalid, "invalid": n_invalid}


def _summary(rows: pd.DataFrame, name: str, quantity: Quantity) -> Summary:
    values = rows[name]
    if quantity.is_verdict:
        return share_of_verdicts([None if pd.isna(value) else bool(value) for value in values])
    values, counts = values.to_numpy(float), None
    known = ~np.isnan(values)
    if known.sum() == 1 and quantity.of in rows:
        n = int(rows[quantity.of].to_numpy()[known][0])
        counts = round(values[known][0] * n), n
    return summary(values, counts=counts)


def _parts(found: Summary) -> dict[str, Any]:
    return {("interval" if part == "kind" else part): value for part, value in found._asdict().items()}


def part_of(row: pd.Series, name: str) -> Summary:
    """A figure of a line of numbers."""
    mean, sd, n, low, high, kind, n_left_out = (
        row[f"{name}.{part}"] for part in ("mean", "sd", "n", "low", "high", "interval", "n_left_out")
    )
    return Summary(mean, sd, int(n), low, high, kind, int(n_left_out))


def keys_in_words(line: Mapping[str, Any] | pd.Series, headings: Mapping[str, str]) -> dict[str, str]:
    """What tells a line from others, by heading."""
    return {heading: in_words(line[key]) for key, heading in headings.items()}
