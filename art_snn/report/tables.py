"""What defences found, as tables for a terminal of 100 columns."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from rich import box
from rich.table import Table

from art_snn.experiment import Defended

WIDTH = 100
_NAME = 17  # columns of a defence's, which folds


class _Column(NamedTuple):
    heading: str
    field: str
    shown: Callable[[Any], str]


def defence_tables(defended: Defended) -> list[Table]:
    """One table a kind of defence, those that have rows, with what the columns mean below."""
    tables = [
        ("Poisoned samples found", defended.detection, _DETECTION, _DETECTION_NOTE),
        ("Models judged", defended.verdicts, _VERDICTS, "twin: the same model trained on clean data, to be left alone"),
        ("Backdoors removed or filtered out", defended.elimination, _ELIMINATION, _ELIMINATION_NOTE),
        ("Defences that failed", defended.failures, (_Column("error", "error", str),), ""),
    ]
    return [_table(*table) for table in tables if table[1]]


def _table(title: str, rows: Sequence[Any], columns: Sequence[_Column], note: str) -> Table:
    table = Table(title=title, caption=note, caption_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("model")
    table.add_column("defence", min_width=_NAME, max_width=_NAME, overflow="fold")
    for column in columns:
        table.add_column(column.heading, justify="left" if column.field == "error" else "right")
    for row in rows:
        shown = (column.shown(getattr(row, column.field)) for column in columns)
        table.add_row(row.model, _defence(row), *shown)
    return table


def _defence(row: Any) -> str:
    """Its name, and the layer that it chose."""
    layer = getattr(row, "layer", None)
    return row.defence if layer is None else f"{row.defence}\n at {layer}"


def _share(value: float) -> str:
    """Without the zero before the point.

    >>> _share(0.25), _share(1.0)
    ('.250', '1.00')
    """
    return f"{value:.2f}" if abs(value) >= 1 else f"{value:.3f}".replace("0.", ".", 1)


def _p_value(value: float | None) -> str:
    return "" if value is None else f"{value:.1g}"


def _classes(accused: tuple[int, ...] | None) -> str:
    """The classes accused, or how many if they are many; nothing where a defence accuses samples only.

    >>> _classes((1, 4)), _classes((0, 1, 2, 3)), _classes(()), _classes(None)
    ('1,4', '4 classes', 'none', '')
    """
    if accused is None:
        return ""
    return f"{len(accused)} classes" if len(accused) > 3 else ",".join(map(str, accused)) or "none"


def _megabytes(value: float) -> str:
    return "?" if math.isnan(value) else f"{value / 2**20:.0f}"


def _yes(value: bool) -> str:
    return "yes" if value else "no"


_COST = (_Column("s", "seconds", "{:.1f}".format), _Column("MB", "peak_memory", _megabytes))
_DETECTION = (
    _Column("AUROC\n", "auroc", _share),
    _Column("in\nclass", "auroc_in_class", _share),
    _Column("FPR at\n95 TPR", "fpr_at_95_tpr", _share),
    _Column("TPR\n", "tpr", _share),
    _Column("FPR\n", "fpr", _share),
    _Column("accused\n", "accused_classes", _classes),
    _Column("twin:\nflagged", "false_alarm_rate", _share),
    _Column("twin:\naccused", "accused_when_clean", _classes),
    *_COST,
)
_DETECTION_NOTE = (
    "in class: AUROC among samples with the target's label; TPR, FPR: at the defence's own threshold;\n"
    "accused: classes, where it accuses any; twin: the same model trained on clean data"
)
_VERDICTS = (
    _Column("accused", "is_accused", _yes),
    _Column("class", "target_class", str),
    _Column("p", "p_value", _p_value),
    _Column("twin:\naccused", "is_clean_accused", _yes),
    _Column("twin:\nclass", "target_when_clean", str),
    *_COST,
)
_ELIMINATION = (
    _Column("accuracy\nbefore", "accuracy_before", _share),
    _Column("\nafter", "accuracy_after", _share),
    _Column("ASR\nbefore", "asr_before", _share),
    _Column("\nafter", "asr_after", _share),
    _Column("robust\nbefore", "robust_accuracy_before", _share),
    _Column("\nafter", "robust_accuracy_after", _share),
    _Column("DER\n", "der", _share),
    _Column("RIR\n", "rir", _share),
    *_COST,
)
_ELIMINATION_NOTE = (
    "ASR: triggered samples of other classes taken for the target; robust: those still recognised;\n"
    "DER, RIR: .5 is a defence that does nothing, 1 a perfect one; they rate ASR and robust accuracy"
)
