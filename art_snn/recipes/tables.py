"""How a table of a publication is laid out: what tells its rows apart, and which figure stands in each column."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Epoch = Literal["last", "first", "best accuracy", "best of both"]
Value = str | bool | int | float
UNITS = {"%": 100.0, "s": 1.0, "": 1.0}  # what a figure is multiplied by


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Term(_Part):
    """A figure that is taken from another one, or by which that is divided; by default what the column names.

    Args:
        model: Name of the model.
        figure: Column of the results.
        epoch: Epoch of the last step of the training at which it is taken.
    """

    model: str | None = None
    figure: str | None = None
    epoch: Epoch | None = None


class Column(_Part):
    """One column of a table.

    Args:
        name: Heading, as the publication has it.
        model: Name of the model.
        figure: Column of the results; a number behind a dot is a place in a list.
        table: Which results: "rows", or what defences did, "elimination", "detection" or "verdicts".
        defence: Name of the defence, where the results are of defences.
        epoch: Epoch of the last step of the training at which it is taken: the "last", the "first", that of the "best
            accuracy" on test samples, or the last at which accuracy and success were both better than ever before
            ("best of both"). The latter two are what released code kept; nothing else is chosen by test data.
        minus: What is subtracted.
        over: What it is divided by.
        beside: Name of a model that the cell must hold too, where cells differ in their models.
        unit: "%" for a share or a difference of shares, "s" for seconds, or "".
    """

    name: str
    model: str
    figure: str = "asr_all"
    table: str = "rows"
    defence: str = ""
    epoch: Epoch = "last"
    minus: Term | None = None
    over: Term | None = None
    beside: str = ""
    unit: Literal["%", "s", ""] = "%"


class TableLayout(_Part):
    """One table, or the numbers of one figure.

    Args:
        item: Name in the publication, such as "Table 9".
        title: What it shows.
        rows: Columns of the results, such as "attack.percent_poison", whose values make the label of a row.
        columns: Columns from left to right.
        at: Only cells with these values, where the recipe measures more than the table shows; by column of the results.
        mean_over: Columns of the results over which each seed's figures are averaged.
        plot: What the axis of a plot of all columns says, which then have one unit; empty draws none.
    """

    item: str
    title: str
    rows: tuple[str, ...] = Field(min_length=1)
    columns: tuple[Column, ...] = Field(min_length=1)
    at: dict[str, Value] = {}
    mean_over: tuple[str, ...] = ()
    plot: str = ""

    def label(self, values: tuple[object, ...]) -> str:
        """The label of a row.

        >>> column = Column(name="ASR", model="ann")
        >>> TableLayout(item="Table 1", title="", rows=("a", "b"), columns=(column,)).label((0.1, "x"))
        '0.1, x'
        """
        return ", ".join(f"{value:g}" if isinstance(value, float) else str(value) for value in values)
