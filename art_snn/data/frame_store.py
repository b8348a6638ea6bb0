"""Frames on disk: written sample by sample, read as a memory map."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from art_snn.data.recordings import Readings
from art_snn.typing import Events, Frames, Indices

FORMAT = 1  # counts up when the same files give other frames: by a parser, by the binning, or by how they are kept


def write_frames(path: Path, readings: Readings, to_frames: Callable[[Events], Frames]) -> None:
    """Write the uint8 frames of each sample that can be read, one after another, and beside them a card of the labels.

    Raises:
        ValueError: If a recording is damaged and not to be skipped, or has no frames; it names the file.
    """
    labels = []
    with path.open("wb") as file:
        for sample, events in readings:
            try:
                frames = to_frames(events)
            except ValueError as error:
                raise ValueError(f"{sample.path}: {error}") from error
            file.write(frames.data)
            labels.append(sample.label)
    path.with_suffix(".json").write_text(json.dumps({"labels": labels, "bad": readings.bad, "shape": frames.shape}))


def open_frames(path: Path) -> tuple[Frames, Indices, list[str]]:
    """Memory-mapped, read-only frames (N, T, 2, H, W), their labels, and what was wrong with samples left out."""
    card = json.loads(path.with_suffix(".json").read_text())
    labels = np.array(card["labels"], np.int64)
    return np.memmap(path, np.uint8, "r", shape=(len(labels), *card["shape"])), labels, card["bad"]
