"""The tables of a sweep: every figure over seeds with its interval, differences that are tested, and problems."""

from collections.abc import Mapping

import pandas as pd

from art_snn.report.differences import differences_table
from art_snn.report.pooling import Pooled, Quantity, check_seeds_differ, pooled
from art_snn.report.problems import problems_table
from art_snn.report.report_table import ReportTable
from art_snn.report.settings import settings_of

FIGURES = {
    "accuracy_clean": Quantity("accuracy of the clean twin", "clean test samples", "n_asr_all", is_derived=False),
    "accuracy": Quantity("accuracy", "clean test samples, of the backdoored model", "n_asr_all", is_derived=False),
    "asr": Quantity("ASR", "triggered test samples of other classes that are taken for the target", "n_asr"),
    "floor": Quantity("floor", "the same of the clean twin, without a backdoor", "n_asr"),
    "robust_accuracy": Quantity(
        "robust accuracy", "triggered ones of other classes that are still recognised", "n_asr"
    ),
    "migration.rate": Quantity("migration", "ASR of the spiking network as a share of its source ANN's"),
    "migration.rate_above_floor": Quantity("migration above floor", "the same with the floors taken off both"),
}


def report_tables(tables: Mapping[str, pd.DataFrame]) -> tuple[ReportTable, ...]:
    """All tables of a report that have lines: the main one first, problems last.

    Args:
        tables: What `art_snn.sweep.load_tables` gives: by name the lines of all cells; at least "rows".

    Raises:
        ValueError: If two cells of one setting and seed have other figures, as when the data have changed between them.
    """
    rows = tables["rows"]
    settings = settings_of(rows)
    done = rows[rows["error"].isna()] if "error" in rows else rows
    found = list[ReportTable]()
    if len(done):
        check_seeds_differ(done, ("model",), tuple(FIGURES), settings)
        main = pooled(done, ("model",), FIGURES, settings)
        found += [
            table_of("table", "What the backdoor does to each model", main),
            differences_table(done, settings, FIGURES),
        ]
    found.append(problems_table(tables, settings))
    return tuple(table for table in found if len(table.numbers))


def table_of(name: str, title: str, found: Pooled) -> ReportTable:
    """Figures over seeds as a table."""
    return ReportTable(name, title, found.shown(), found.numbers, found.notes(), found.keys, found.headings)
