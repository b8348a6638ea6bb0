"""Doubts about results, in words: beneath tables, in titles of pictures, and as one line."""

from collections.abc import Iterator, Sequence
from typing import Any

from art_snn.evaluations.doubts import Doubt, Doubts, is_invalid
from art_snn.evaluations.figures import figures_of

NO_FIGURE, DOUBTFUL = "–", "?"


def marked(row: Any, field: str, text: str) -> str:
    """The text of a cell, if it is a figure that is derived from models, with its mark.

    >>> from art_snn.evaluations import BackdoorResult, Doubt
    >>> counts = {"n_asr": 9, "n_asr_all": 10, "seconds": 1.0}
    >>> doubts = (Doubt("few-samples", "caution", "9 samples count for success, fewer than 50"),)
    >>> row = BackdoorResult(model="ann", accuracy_clean=1.0, accuracy=1.0, asr=0.5, doubts=doubts, **counts)
    >>> marked(row, "asr", "0.500"), marked(row, "accuracy", "1.000")
    ('0.500 ?', '1.000')
    """
    doubts = getattr(row, "doubts", ())
    if not doubts or field not in figures_of(row):
        return text
    if is_invalid(doubts):
        return NO_FIGURE
    return f"{text} {DOUBTFUL}" if text else text


def reasons(doubts_of: Sequence[tuple[str, Doubts]]) -> Iterator[tuple[str, str]]:
    """What the marks mean, then each reason once behind the grade and the models: lines for beneath a table.

    Args:
        doubts_of: Names of models and the doubts of their rows.
    """
    if any(is_invalid(doubts) for _, doubts in doubts_of):
        yield NO_FIGURE, "no figure: what is invalid obeys a trigger, or does not, for no reason"
    if any(doubts and not is_invalid(doubts) for _, doubts in doubts_of):
        yield DOUBTFUL, "a figure with a reason for caution"
    models: dict[Doubt, dict[str, None]] = {}
    for model, doubts in doubts_of:
        for doubt in doubts:
            models.setdefault(doubt, {})[model] = None
    for doubt in sorted(models, key=lambda doubt: doubt.grade != "invalid"):
        yield f"{doubt.grade}: {', '.join(models[doubt])}", doubt.text


def notice(rows: Sequence[Any]) -> str:
    """Which rows are invalid, and which call for caution, in one line; empty where there are none of either.

    >>> notice([])
    ''
    """
    invalid = list(_invalid(rows))
    sound = [row for row in rows if not is_invalid(row.doubts)]
    cautious = dict.fromkeys(row.model for row in sound if row.doubts)
    found = (("invalid results", invalid), ("results with caution", cautious))
    return "; ".join(f"{kind}: {', '.join(names)}" for kind, names in found if names)


def _invalid(rows: Sequence[Any]) -> Iterator[str]:
    """Models of which all rows are, and of other models the defences behind which they are."""
    for model in dict.fromkeys(row.model for row in rows):
        its_own = [row for row in rows if row.model == model]
        invalid = [row for row in its_own if is_invalid(row.doubts)]
        if len(invalid) == len(its_own):
            yield model
        elif invalid:
            yield f"{model} behind {', '.join(row.defence for row in invalid)}"
