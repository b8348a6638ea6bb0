"""Cells of sweeps as if they had been computed, and the reports on them."""

from typing import Any

from art_snn.experiment.trainings import digest
from art_snn.report import ReportTable, report_tables
from art_snn.sweep import Sweep
from art_snn.sweep.frame import TABLES, frame

ROW = {"accuracy_clean": 0.9, "accuracy": 0.8, "asr": 0.9, "floor": 0.1, "n_asr": 90, "n_asr_all": 100, "doubts": []}


def cells(spec: dict[str, Any], versions: str = "1", **rows: Any) -> list[dict[str, Any]]:
    """As if these had been computed: figures by name, the same for all models or a list over cells."""
    made = []
    for number, cell in enumerate(Sweep(spec).cells):
        plain = cell.model_dump(mode="json")
        own = {name: value[number] if isinstance(value, list) else value for name, value in rows.items()}
        found = [{"model": model["name"], **ROW, **own} for model in plain["models"]]
        environment = {"versions": {"torch": versions}}
        content = {"spec": plain, "rows": found, "environment": environment}
        made.append({"hash": digest(content), **content})
    return made


def failed(cell: dict[str, Any], text: str = "no room") -> dict[str, Any]:
    """The same cell, had it failed."""
    return {**{name: cell[name] for name in ("hash", "spec")}, "error": {"kind": "MemoryError", "text": text}}


def report(found: list[dict[str, Any]]) -> dict[str, ReportTable]:
    """The report on cells, by name."""
    tables = {name: frame(found, name) for name in TABLES}
    return {table.name: table for table in report_tables(tables)}
