"""Tables in Markdown, in which no string is anything but text."""

import re

import pandas as pd

_HTML = {"&": "&amp;", "<": "&lt;"}


def markdown_table(table: pd.DataFrame) -> str:
    """A table with columns as wide as their content."""
    rows = [[markdown_text(str(cell)) for cell in row] for row in (table.columns, *table.to_numpy())]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])


def markdown_text(text: str) -> str:
    """Text that Markdown shows as it is, inside a line: no HTML, no link, no emphasis, no new cell.

    >>> markdown_text("a|b <i>*c*</i> [d](e) f_g 0.5 [0.4, 0.6]")
    'a\\\\|b &lt;i>\\\\*c\\\\*&lt;/i> [d\\\\](e) f_g 0.5 [0.4, 0.6]'
    """
    text = " ".join(text.split())
    text = re.sub(r"&(?=#?\w+;)|<(?=[A-Za-z/!?])", lambda found: _HTML[found[0]], text)
    return re.sub(r"[\\`*|~$]|\](?=[(\[:])|(?<![^\W_])_|_(?![^\W_])", lambda found: f"\\{found[0]}", text)
