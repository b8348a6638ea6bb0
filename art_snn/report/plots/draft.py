"""A plot with what a reader needs beside it, and what plots of all kinds share."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from art_snn.metrics.statistics import Summary
from art_snn.report.plots.drawing import Series
from art_snn.report.plots.style import one_line, page_svg
from art_snn.typing import Array

MOST = 6  # plots of one kind, of settings that differ
FIGURES = {  # column -> what it is
    "asr": "attack success rate (ASR)",
    "accuracy": "accuracy on clean samples",
    "migration.rate": "migration (ASR as a share of the ANN's)",
}
_INTERVALS = {
    "seeds": "Bars: 95 % intervals over seeds.",
    "samples": "Bars: 95 % intervals over the samples of one seed, which say nothing about other trainings.",
}


@dataclass(frozen=True)
class Plot:
    """A picture with what a reader needs beside it.

    Args:
        name: Name on the page.
        title: What it shows, in words.
        caption: How to read it.
        alt: The figures in words, for who cannot see it.
        svg: The picture, an element of HTML.
        only: Values by axis of the settings that it shows; none stands for all.
    """

    name: str
    title: str
    caption: str
    alt: str
    svg: str
    only: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Draft:
    """A plot that has not been drawn yet.

    Args:
        kind: What its name begins with, of letters and hyphens.
        title: What it shows, in words.
        caption: How to read it.
        alt: The figures in words.
        draw: Makes the figure.
        only: Values by axis of the settings that it shows; none stands for all.
    """

    kind: str
    title: str
    caption: str
    alt: str
    draw: Callable[[], Figure]
    only: Mapping[str, Any] = field(default_factory=dict)


def drawn(drafts: Iterable[Draft]) -> Iterator[Plot]:
    """Draw plots; those of a kind are numbered."""
    numbers: dict[str, int] = {}
    for one in drafts:
        numbers[one.kind] = numbers.get(one.kind, 0) + 1
        name, title = f"{one.kind}-{numbers[one.kind]}", one_line(one.title, 200)
        svg = page_svg(one.draw(), name, f"{title}. {one.alt}")
        yield Plot(name, title, one.caption, one.alt, svg, one.only)


def series_of(label: str, places: Sequence[float], found: Sequence[Summary], floors: Sequence[float] = ()) -> Series:
    """Points with intervals from summaries over seeds."""
    mean, low, high = (tuple(getattr(one, part) for one in found) for part in ("mean", "low", "high"))
    kinds = tuple(dict.fromkeys(one.kind for one in found))
    return Series(label, tuple(places), mean, low, high, tuple(floors), kinds)


def bars_told(series: Sequence[Series]) -> str:
    """What the bars are, and the dots where there are any."""
    kinds = {kind for one in series for kind in one.kinds}
    told = [text for kind, text in _INTERVALS.items() if kind in kinds]
    has_floor = any(one.floor and not np.isnan(one.floor).all() for one in series)
    return " ".join([*told, *["Dotted: the floor, what the trigger does to the clean twin."] * has_floor])


def points_told(series: Sequence[Series], axis: str, rows: Sequence[str] = ()) -> str:
    """The points in words.

    >>> points_told([Series("ann", (0.1, 0.2), (0.5, 1.0), (), ())], "rate")
    'ann: 0.5 at rate 0.1, 1 at rate 0.2.'
    """
    parts = []
    for one in series:
        known = [(x, mean) for x, mean in zip(one.x, one.mean, strict=True) if not math.isnan(mean)]
        where = (rows[int(x)] if rows else f"{axis} {x:g}" for x, _ in known)
        points = [f"{_number(mean)} at {place}" for (_, mean), place in zip(known, where, strict=True)]
        parts.append(f"{one.label or 'Points'}: {', '.join(points)}.")
    return " ".join(parts)


def _number(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def map_told(values: Array, rows: Sequence[Any], columns: Sequence[Any]) -> str:
    """The least and the greatest of a map, in words.

    >>> map_told(np.array([[0.25, 0.5]]), ["strip"], ["ann", "lif"])
    'From 0.25 at strip × ann to 0.5 at strip × lif.'
    """
    known = [(value, place) for place, value in np.ndenumerate(values) if not math.isnan(value)]
    ends = [f"{_number(value)} at {rows[row]} × {columns[column]}" for value, (row, column) in (min(known), max(known))]
    return f"From {ends[0]} to {ends[1]}."


def capital(text: str) -> str:
    """With a large first letter."""
    return text[:1].upper() + text[1:]
