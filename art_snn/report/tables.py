"""What backdoors do and what defences find, as tables for a terminal of 100 columns."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table

from art_snn.evaluations import BackdoorResult
from art_snn.experiment import Defended, Result
from art_snn.report.reasons import NO_FIGURE, marked, reasons

WIDTH = 100
_WIDE = 1000  # columns of a file
_NAME = 17  # columns of a defence's at least, which folds where the line is too short


class _Column(NamedTuple):
    heading: str
    field: str
    shown: Callable[[Any], str]


def as_text(tables: Iterable[RenderableType], is_terminal: bool) -> str:
    """Tables as they are printed: to a terminal at the width at least that cuts off nothing; in a file unfolded."""
    console = Console()
    console.width = max(console.width, WIDTH) if is_terminal else _WIDE
    with console.capture() as printed:  # rich itself would end the program where nobody reads
        for table in tables:
            console.print(table)
    return "".join(f"{line.rstrip()}\n" for line in printed.get().splitlines())


def comparison_table(result: Result) -> Group:
    """What the backdoor does to each model, with what the columns mean below."""
    spec, rows = result.spec, result.rows
    migrates, is_specific = any(row.migration for row in rows), any(row.n_others for row in rows)
    table = Table(
        title=f"A {attack_done(spec.attack, result.title)}, target class {spec.attack.target_class}, seed {spec.seed}",
    )
    table.add_column("model")
    shown = {"accuracy_clean": "clean\nmodel", "accuracy": "backdoored\nmodel", "asr": "attack\nsuccess"}
    shown |= {"asr_others": "on\nothers"} if is_specific else {}
    shown |= {"asr_all": "of all", "floor": "floor"}
    for heading in [*shown.values(), "seconds"] + ["migration"] * migrates:
        table.add_column(heading, justify="right")
    for row in rows:
        cells = [row.model, *(marked(row, field, _three_digits(getattr(row, field))) for field in shown)]
        table.add_row(*cells, f"{row.seconds:.0f}", *[_migration(row)] * migrates)
    doubts = [(row.model, row.doubts) for row in rows]
    doubts += [(row.model, row.migration.doubts) for row in rows if row.migration]
    return Group(table, _notes([*_comparison_notes(result, migrates), *reasons(doubts)]))


def _notes(notes: Sequence[tuple[str, str]]) -> Table:
    """Terms and what they mean, for beneath a table."""
    grid = Table.grid(padding=(0, 2))
    for note in notes:
        grid.add_row(*note)
    return grid


def _three_digits(share: float) -> str:
    return NO_FIGURE if math.isnan(share) else f"{share:.3f}"


def attack_done(attack: Any, data: str) -> str:
    """What was done to which data: a share of them was poisoned, or an attack took part in the training.

    Args:
        attack: Section of a spec.
        data: What the data are called.
    """
    named = f"{attack.trigger} trigger" if attack.trigger else f"{attack.attack} attack"
    share = getattr(attack, "percent_poison", None)
    return f"{named} {'on' if share is None else f'in {as_percent(share)} of'} {data}"


def as_percent(fraction: float) -> str:
    """As it was given, not rounded to whole percents.

    >>> as_percent(0.1), as_percent(0.005), as_percent(0.07), as_percent(1 / 3)
    ('10 %', '0.5 %', '7 %', '33.33333333 %')
    """
    return f"{100 * fraction:.10g} %"


def _comparison_notes(result: Result, migrates: bool) -> Iterator[tuple[str, str]]:
    spec, first = result.spec, result.rows[0]
    yield "clean model", "accuracy on clean test samples after training on clean data"
    yield "backdoored model", "the same after training on the poisoned data"
    whose = "the source" if first.n_others else "other"
    yield "attack success", f"{first.n_asr} triggered samples of {whose} classes, taken for the target"
    if first.n_others:
        yield "on others", f"{first.n_others} samples of neither source nor target, as the attacker shows them"
    yield "of all", f"the same with the target's own samples, {first.n_asr_all} in all"
    if migrates:
        yield "migration", "attack success of the spiking network as a share of its source ANN's"
        yield "pooling", "average in all models, as conversion needs it"
        yield "time steps", ", ".join(f"{model.name} {model.timesteps}" for model in spec.models if model.timesteps)
    yield "floor", "attack success on the clean model, without a backdoor"


def _migration(row: BackdoorResult) -> str:
    """Nothing where nothing migrates, or the source's own success is none."""
    if row.migration is None:
        return ""
    rate = row.migration.rate
    return marked(row.migration, "rate", "" if math.isnan(rate) else f"{rate:.3f}")


def defence_tables(defended: Defended) -> list[Group]:
    """One table a kind of defence, those that have rows, with what the columns mean below."""
    tables = [
        ("Poisoned samples found", defended.detection, _DETECTION, _DETECTION_NOTE),
        ("Models judged", defended.verdicts, _VERDICTS, "twin: the same model trained on clean data, to be left alone"),
        ("Backdoors removed or filtered out", defended.elimination, _ELIMINATION, _ELIMINATION_NOTE),
        ("Defences that failed", defended.failures, (_Column("error", "error", str),), ""),
    ]
    return [_table(*table) for table in tables if table[1]]


def _table(title: str, rows: Sequence[Any], columns: Sequence[_Column], note: str) -> Group:
    doubts = [(row.model, row.doubts) for row in rows if hasattr(row, "doubts")]
    padding = (0, 0 if any(found for _, found in doubts) else 1, 0, 0)  # marks take the space
    table = Table(title=title, caption=note, caption_justify="left", box=box.SIMPLE_HEAD, padding=padding)
    table.add_column("model")
    table.add_column("defence", min_width=_NAME, overflow="fold")
    for column in columns:
        table.add_column(column.heading, justify="left" if column.field == "error" else "right")
    for row in rows:
        shown = (marked(row, column.field, column.shown(getattr(row, column.field))) for column in columns)
        table.add_row(row.model, _defence(row), *shown)
    return Group(table, _notes(list(reasons(doubts))))


def _defence(row: Any) -> str:
    """Its name, and the layer that it chose."""
    layer = getattr(row, "layer", None)
    return row.defence if layer is None else f"{row.defence}\n at {layer}"


def _share(value: float) -> str:
    """Without the zero before the point.

    >>> _share(0.25), _share(1.0)
    ('.250', '1.00')
    """
    if math.isnan(value):
        return NO_FIGURE
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


def _yes(value: bool | None) -> str:
    return "yes" if value else "no"


def _seconds(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.1f}" if value < 100 else f"{value:.0f}"


_COST = (_Column("s", "seconds", _seconds), _Column("MB", "peak_memory", _megabytes))
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
