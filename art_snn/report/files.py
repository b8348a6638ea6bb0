"""Files, each written whole or not at all."""

import json
from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path
from typing import IO, Any

from matplotlib.figure import Figure

from art_snn._files import write_whole
from art_snn.experiment import Defended, Result, Shown
from art_snn.report.animation import write_animation
from art_snn.report.evidence import evidence_figures
from art_snn.report.folder import png_record
from art_snn.report.matrix import defences_figure
from art_snn.report.pictures import trigger_sheet, triggered_figure
from art_snn.report.reasons import notice
from art_snn.report.titles import DPI

RESULTS = "results.json", ("triggered.png",)  # the record of `compare`, and the files beside it
DEFENCES = "defences.json", ("defences.png", "scores-*.png", "clusters-*.png", "sequences-*.png")
TRIGGER = "trigger.png", ("trigger.gif",)


def keep_result(result: Result, folder: Path) -> Path:
    """Write `results.json` alone, whole or as far as it goes; returns its path."""
    return write_whole(folder / RESULTS[0], _json(result.as_json()))


def keep_defended(defended: Defended, folder: Path) -> list[Path]:
    """Write what detectors saw of the last model, and then `defences.json`; returns the paths of the former."""
    drawn = _write_evidence(defended, folder, [row.model for row in defended.rows[-1:]])
    write_whole(folder / DEFENCES[0], _json(defended.as_json()))
    return drawn


def write_result(result: Result, folder: Path) -> list[Path]:
    """Write `results.json` and `triggered.png` into `folder`; returns their paths."""
    figure = triggered_figure(result.examples, notice(result.rows))
    return [keep_result(result, folder), write_whole(folder / "triggered.png", _png(figure))]


def write_trigger(shown: Shown, folder: Path, record: Mapping[str, Any] | None = None) -> list[Path]:
    """Write `trigger.png`, a contact sheet, and `trigger.gif`, the same in motion, into `folder`.

    Args:
        shown: What to draw.
        folder: Where to; it is made where it is missing.
        record: What determines the pictures, which `trigger.png` then holds.
    """
    figure, animation = trigger_sheet(shown), write_animation(shown, folder / "trigger.gif")
    metadata = {} if record is None else png_record(record)
    return [write_whole(folder / "trigger.png", _png(figure, metadata=metadata)), animation]


def write_defended(defended: Defended, folder: Path, models: Collection[str] | None = None) -> list[Path]:
    """Write `defences.json`, `defences.png` and, by model, what detectors saw, into `folder`; returns the paths.

    That is `scores-MODEL.png`, and where a defence clusters or compares sequences, `clusters-MODEL.png` and
    `sequences-MODEL.png`; of these models only, where they are named.
    """
    evidence = _write_evidence(defended, folder, defended.evidence if models is None else models)
    matrix = write_whole(folder / "defences.png", _png(defences_figure(defended)))
    return [write_whole(folder / DEFENCES[0], _json(defended.as_json())), matrix, *evidence]


def _write_evidence(defended: Defended, folder: Path, models: Collection[str]) -> list[Path]:
    return [
        write_whole(folder / f"{name}-{model}.png", _png(figure))
        for model in models
        if model in defended.evidence
        for name, figure in evidence_figures(defended, model).items()
    ]


def _json(plain: dict[str, Any]) -> bytes:
    return (json.dumps(plain, indent=2) + "\n").encode()


def _png(figure: Figure, **options: Any) -> Callable[[IO[bytes]], object]:
    return partial(figure.savefig, format="png", dpi=DPI, **options)
