"""The kinds of tables that pool figures over seeds: what the backdoor does, what defences find and leave."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import pandas as pd

from art_snn.report.pooling import Pooled, Quantity

MAIN = "table"
Tables = Mapping[str, pd.DataFrame]


def _as_it_is(lines: pd.DataFrame, _: Tables) -> pd.DataFrame:
    return lines


class Kind(NamedTuple):
    """A kind of tables.

    Args:
        title: Title in words.
        keys: Columns that tell lines apart beside settings and seeds.
        quantities: The figures, by column.
        notes: Sentences for beneath the table.
        source: Name of the lines of cells from which it is made; empty where that is the table's own.
        prepared: Function from these lines and all tables to lines with all columns of the figures.
        shown: Function from the pooled figures to the table for people.
    """

    title: str
    keys: tuple[str, ...]
    quantities: Mapping[str, Quantity]
    notes: tuple[str, ...] = ()
    source: str = ""
    prepared: Callable[[pd.DataFrame, Tables], pd.DataFrame] = _as_it_is
    shown: Callable[[Pooled], pd.DataFrame] = Pooled.shown


def megabytes(n_bytes: float) -> str:
    """Bytes as whole megabytes.

    >>> megabytes(3 * 2**20)
    '3'
    """
    return f"{n_bytes / 2**20:.0f}"


def three_digits(value: float) -> str:
    """A number of any size, with three digits that say something, or all before the point.

    >>> three_digits(0.001234), three_digits(56.78), three_digits(56789.0)
    ('0.00123', '56.8', '56,789')
    """
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def plain(heading: str, meaning: str = "", written: Callable[[float], str] = three_digits) -> Quantity:
    """A figure that is no share, and that no doubt about models concerns."""
    return Quantity(heading, meaning, is_derived=False, written=written)


SUCCESS = "triggered test samples of other classes that are taken for the target"
ROBUST = "triggered test samples of other classes that are still recognised"
FIGURES = {
    "accuracy_clean": Quantity("accuracy of the clean twin", "clean test samples", "n_test", is_derived=False),
    "accuracy": Quantity("accuracy", "clean test samples, of the backdoored model", "n_test", is_derived=False),
    "accuracy_target": Quantity("accuracy in target", "the same, of the target class", "n_target", is_derived=False),
    "asr": Quantity("ASR", SUCCESS, "n_asr"),
    "asr_others": Quantity("ASR on others", "the same on classes that are neither source nor target", "n_others"),
    "floor": Quantity("floor", "ASR of the clean twin, without a backdoor", "n_asr"),
    "robust_accuracy": Quantity("robust accuracy", ROBUST, "n_asr"),
    "migration.rate": Quantity("migration", "ASR of the spiking network as a share of its source ANN's"),
    "migration.rate_above_floor": Quantity("migration above floor", "the same with the floors taken off both"),
}
_COST = {
    "seconds": plain("seconds", "of the defence on the backdoored model"),
    "peak_memory": plain("MB", "by which memory grew at most meanwhile", megabytes),
}
_DETECTION = {
    "auroc": Quantity("AUROC", "chance that a poisoned training sample scores higher than a clean one"),
    "auroc_in_class": Quantity("AUROC in class", "the same among samples with the target's label"),
    "fpr_at_95_tpr": Quantity("FPR at 95 TPR", "clean samples flagged by a threshold that flags 95 % of the poison"),
    "tpr": Quantity("TPR", "poisoned samples flagged at the defence's own threshold", "n_poison"),
    "fpr": Quantity("FPR", "clean samples flagged then", "n_clean"),
    "accuses_target": Quantity("target accused", "seeds in which the target's class is", is_verdict=True),
    "accuses_others": Quantity("others accused", "seeds in which another class is", is_verdict=True),
    "false_alarm_rate": Quantity("twin flagged", "training samples of the same model trained on clean data", "n_all"),
    "accuses_twin": Quantity("twin accused", "seeds in which a class of that model is: false alarms", is_verdict=True),
    "n_reference": plain("clean samples", "given to the defence beside the training samples"),
    **_COST,
}
_VERDICTS = {
    "is_accused": Quantity("accused", "seeds in which the backdoored model is", is_verdict=True),
    "is_right": Quantity("rightly", "seeds in which it is, for the class that is the target", is_verdict=True),
    "is_clean_accused": Quantity(
        "twin accused", "seeds in which the same model trained on clean data is: false alarms", is_verdict=True
    ),
    **_COST,
}
_ELIMINATION = {
    "accuracy_before": Quantity("accuracy before", "clean test samples", "n_all", is_derived=False),
    "accuracy_after": Quantity("accuracy after", "", "n_all", is_derived=False),
    "asr_before": Quantity("ASR before", SUCCESS, "n_asr"),
    "asr_after": Quantity("ASR after", "", "n_asr"),
    "robust_accuracy_before": Quantity("robust before", ROBUST, "n_asr"),
    "robust_accuracy_after": Quantity("robust after", "", "n_asr"),
    "der": Quantity("DER", "defence effectiveness rating, of ASR and accuracy; 0.5 does nothing, 1 is perfect"),
    "rir": Quantity("RIR", "robust improvement rating, of robust accuracy and accuracy; read as DER"),
    **_COST,
}


def _searched(lines: pd.DataFrame, _: Tables) -> pd.DataFrame:
    """With whom a detector of samples accuses."""
    accused, target = lines["accused_classes"], lines["attack.target_class"]
    pairs = [(found if isinstance(found, list) else None, one) for found, one in zip(accused, target, strict=True)]
    return lines.assign(
        n_all=lines["n_poison"] + lines["n_clean"],
        accuses_target=[None if found is None else one in found for found, one in pairs],
        accuses_others=[None if found is None else any(other != one for other in found) for found, one in pairs],
        accuses_twin=[bool(found) if isinstance(found, list) else None for found in lines["accused_when_clean"]],
    )


def _judged(lines: pd.DataFrame, _: Tables) -> pd.DataFrame:
    """With whether a detector of models names the target."""
    named = lines["target_class"] == lines["attack.target_class"]
    pairs = zip(lines["is_accused"], named, strict=True)
    return lines.assign(is_right=[None if pd.isna(accused) else bool(accused and is_it) for accused, is_it in pairs])


def _counted(lines: pd.DataFrame, tables: Tables) -> pd.DataFrame:
    """With the number of clean test samples."""
    counts = tables["rows"].set_index(["cell", "model"])["n_test"]
    return lines.assign(n_all=counts.reindex(pd.MultiIndex.from_frame(lines[["cell", "model"]])).to_numpy())


_BY_DEFENCE = ("model", "defence")
KINDS = {
    MAIN: Kind("What the backdoor does to each model", ("model",), FIGURES, source="rows"),
    "detection": Kind("Poisoned samples found", _BY_DEFENCE, _DETECTION, prepared=_searched),
    "verdicts": Kind("Models judged", _BY_DEFENCE, _VERDICTS, prepared=_judged),
    "elimination": Kind("Backdoors removed or filtered out", _BY_DEFENCE, _ELIMINATION, prepared=_counted),
}
