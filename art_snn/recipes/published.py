"""Numbers that publications print in tables and text; none is read off a plot."""

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True)
class Published:
    """One printed number.

    Args:
        item: Table or figure that it belongs to, such as "Table 9".
        row: Label of its row, as the recipe's layout makes it.
        column: Heading of its column.
        value: The number, in `unit`.
        unit: "%" for shares and their differences, or "s".
        page: Page or section that prints it; empty where that is not known beyond the item.
    """

    item: str
    row: str
    column: str
    value: float
    unit: str
    page: str


@cache
def published_values(publication: str) -> tuple[Published, ...]:
    """All numbers of one publication, in the order of its tables.

    Args:
        publication: Name of its file, such as "framework".

    Raises:
        FileNotFoundError: If there is none of that name.
    """
    text = (files("art_snn.recipes") / "published" / f"{publication}.csv").read_text("utf-8")
    return tuple(
        Published(item, row, column, float(value), unit, page)
        for item, row, column, value, unit, page in list(csv.reader(text.splitlines()))[1:]
    )
