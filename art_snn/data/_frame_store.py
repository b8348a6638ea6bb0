"""Frames on disk: write them sample by sample, and read them as a memory map once their checksum fits."""

import hashlib
import math
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt

from art_snn._files import open_regular, read_regular
from art_snn.data._recordings import RecordingReader
from art_snn.typing import Events, Frames, Indices

FORMAT = 3  # raise it when the same recordings give other frames: another parser, binning or file layout


class Card(BaseModel):
    """What lies beside the frames of a split.

    Args:
        labels: Class indices, (N,).
        bad: Errors of samples that were left out.
        shape: Shape of each sample.
        sha256: Checksum of all frames.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    labels: Annotated[list[NonNegativeInt], Field(min_length=1)]
    bad: list[str]
    shape: list[int]
    sha256: str


def write_frames(path: Path, reader: RecordingReader, to_frames: Callable[[Events], Frames]) -> None:
    """Write the uint8 frames of each sample that can be read, and beside them a card with the labels.

    Raises:
        ValueError: If a recording is damaged and not to be skipped, or has no frames; it names the file.
    """
    labels, checksum = [], hashlib.sha256()
    with path.open("wb") as file:
        for sample, events in reader:
            try:
                frames = to_frames(events)
            except ValueError as error:
                raise ValueError(f"{sample.path}: {error}") from error
            file.write(frames.data)
            checksum.update(frames.data)
            labels.append(sample.label)
    card = Card(labels=labels, bad=reader.bad, shape=list(frames.shape), sha256=checksum.hexdigest())
    path.with_suffix(".json").write_text(card.model_dump_json())


def open_frames(path: Path, sample_shape: tuple[int, ...], n_classes: int) -> tuple[Frames, Indices, list[str]]:
    """Open memory-mapped, read-only frames (N, T, 2, H, W), their labels, and the errors of samples left out.

    Args:
        path: Path that `write_frames` was given.
        sample_shape: Shape (T, 2, H, W) that each sample must have.
        n_classes: Number of classes; every label must be below it.

    Raises:
        ValueError: If the frames or their card are not what was written.
        OSError: If one of them cannot be read.
    """
    card = Card.model_validate_json(read_regular(path.with_suffix(".json")))
    if card.shape != list(sample_shape) or max(card.labels) >= n_classes:
        found = f"{card.shape} with labels up to {max(card.labels)}"
        raise ValueError(f"expected samples of shape {sample_shape} with labels below {n_classes}, got {found}")
    size = len(card.labels) * math.prod(sample_shape)
    with open_regular(path, most=size) as file:
        checksum = hashlib.file_digest(file, "sha256").hexdigest()
        if checksum != card.sha256:
            raise ValueError(f"expected the SHA-256 {card.sha256} of {path}, got {checksum}")
        frames = np.memmap(file, np.uint8, "r", shape=(len(card.labels), *sample_shape))
    return frames, np.array(card.labels, np.int64), card.bad
