"""`ReportTable`: one table of a report, for people and as numbers."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd


@dataclass(frozen=True)
class ReportTable:
    """One table of a report; its strings are as they were found, and whoever writes them into a page escapes them.

    Args:
        name: Stem of its files, such as "table" (the main one), "differences", "detection" or "problems".
        title: Title in words.
        shown: The table for people: strings, headings in words; empty where it is for plots and CSV alone.
        numbers: All parts of the figures as numbers, for CSV: of figure NAME the columns NAME.mean, .sd, .n (seeds with
            a number), .low and .high (ends of the interval), .interval (what that is over), .n_left_out (other seeds).
        notes: Sentences for beneath the table: what columns mean, which samples count, what brackets hold.
        keys: Columns of `numbers` that tell its lines apart (dotted paths of the spec, "model" and others), with their
            headings in `shown`.
        figures: Names of figures in `numbers`, with their headings in `shown`.
    """

    name: str
    title: str
    shown: pd.DataFrame
    numbers: pd.DataFrame
    notes: tuple[str, ...] = ()
    keys: Mapping[str, str] = field(default_factory=dict)
    figures: Mapping[str, str] = field(default_factory=dict)
