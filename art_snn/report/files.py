"""Files, each written whole or not at all."""

import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import IO

from matplotlib.figure import Figure

from art_snn._files import write_whole
from art_snn.experiment import Defended, Result, Shown
from art_snn.report.animation import write_animation
from art_snn.report.evidence import evidence_figures
from art_snn.report.matrix import defences_figure
from art_snn.report.pictures import as_pictures_alike, trigger_sheet, triggered_figure


def check_folder(folder: Path) -> None:
    """Results can be written there: to a folder that there is, or that can be made; none is made yet.

    Raises:
        NotADirectoryError: If a file is in the way.
        PermissionError: If nobody may write there.
    """
    place = folder.absolute()
    while not place.exists():
        place = place.parent
    if not place.is_dir():
        raise NotADirectoryError(f"expected {folder} to be a folder for results, got the file {place}")
    if not os.access(place, os.W_OK | os.X_OK):
        raise PermissionError(f"expected {folder} to be a folder for results, got {place}, which cannot be written to")


def write_result(result: Result, folder: Path) -> list[Path]:
    """Write `results.json` and `triggered.png` into `folder`; returns their paths."""
    table = (json.dumps(result.as_json(), indent=2) + "\n").encode()
    figure = triggered_figure(result.examples)
    return [
        write_whole(folder / "results.json", table),
        write_whole(folder / "triggered.png", _png(figure)),
    ]


def write_trigger(shown: Shown, folder: Path) -> list[Path]:
    """Write `trigger.png`, a contact sheet, and `trigger.gif`, the same in motion, into `folder`."""
    pictures = dict(zip(shown.rows, as_pictures_alike(shown.rows.values()), strict=True))
    figure = trigger_sheet(shown.title, pictures)
    return [
        write_whole(folder / "trigger.png", _png(figure)),
        write_animation(pictures, folder / "trigger.gif"),
    ]


def write_defended(defended: Defended, folder: Path) -> list[Path]:
    """Write `defences.json`, `defences.png` and, by model, what detectors saw, into `folder`; returns the paths.

    That is `scores-MODEL.png`, and where a defence clusters or compares sequences, `clusters-MODEL.png` and
    `sequences-MODEL.png`.
    """
    table = (json.dumps(defended.as_json(), indent=2) + "\n").encode()
    figures = {"defences.png": defences_figure(defended)}
    for model in defended.evidence:
        figures |= {f"{name}-{model}.png": figure for name, figure in evidence_figures(defended, model).items()}
    written = [write_whole(folder / "defences.json", table)]
    for name, figure in figures.items():
        written.append(write_whole(folder / name, _png(figure)))
    return written


def _png(figure: Figure) -> Callable[[IO[bytes]], object]:
    return partial(figure.savefig, format="png", dpi=110)
