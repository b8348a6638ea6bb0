"""Files, each written whole or not at all."""

import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

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
    table = json.dumps(result.as_json(), indent=2) + "\n"
    figure = triggered_figure(result.examples)
    return [
        _write_whole(folder / "results.json", lambda path: path.write_text(table)),
        _write_whole(folder / "triggered.png", lambda path: figure.savefig(path, format="png", dpi=110)),
    ]


def write_trigger(shown: Shown, folder: Path) -> list[Path]:
    """Write `trigger.png`, a contact sheet, and `trigger.gif`, the same in motion, into `folder`."""
    pictures = dict(zip(shown.rows, as_pictures_alike(shown.rows.values()), strict=True))
    figure = trigger_sheet(shown.title, pictures)
    return [
        _write_whole(folder / "trigger.png", lambda path: figure.savefig(path, format="png", dpi=110)),
        _write_whole(folder / "trigger.gif", lambda path: write_animation(pictures, path)),
    ]


def write_defended(defended: Defended, folder: Path) -> list[Path]:
    """Write `defences.json`, `defences.png` and, by model, what detectors saw, into `folder`; returns the paths.

    That is `scores-MODEL.png`, and where a defence clusters or compares sequences, `clusters-MODEL.png` and
    `sequences-MODEL.png`.
    """
    table = json.dumps(defended.as_json(), indent=2) + "\n"
    figures = {"defences.png": defences_figure(defended)}
    for model in defended.evidence:
        figures |= {f"{name}-{model}.png": figure for name, figure in evidence_figures(defended, model).items()}
    written = [_write_whole(folder / "defences.json", lambda path: path.write_text(table))]
    for name, figure in figures.items():
        written.append(_write_whole(folder / name, partial(figure.savefig, format="png", dpi=110)))
    return written


def _write_whole(path: Path, write: Callable[[Path], object]) -> Path:
    """Write under another name and rename: a reader sees the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".partial")
    write(unfinished)
    os.replace(unfinished, path)
    return path
