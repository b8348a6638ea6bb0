"""Frames on disk: write them sample by sample, and read them as a memory map once their checksum fits."""

import hashlib
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from art_snn._files import open_regular, read_regular
from art_snn.data._recordings import RecordingReader
from art_snn.typing import Events, Frames, Indices

FORMAT = 3  # raise it when the same recordings give other frames: another parser, binning or file layout


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
    card = {"labels": labels, "bad": reader.bad, "shape": frames.shape, "sha256": checksum.hexdigest()}
    path.with_suffix(".json").write_text(json.dumps(card))


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
    card = json.loads(read_regular(path.with_suffix(".json")))
    labels, bad = _checked(card, sample_shape, n_classes)
    size = len(labels) * math.prod(sample_shape)
    with open_regular(path, most=size) as file:
        checksum = hashlib.file_digest(file, "sha256").hexdigest()
        if checksum != card["sha256"]:
            raise ValueError(f"expected the SHA-256 {card['sha256']} of {path}, got {checksum}")
        frames = np.memmap(file, np.uint8, "r", shape=(len(labels), *sample_shape))
    return frames, labels, bad


def _checked(card: Any, sample_shape: tuple[int, ...], n_classes: int) -> tuple[Indices, list[str]]:
    """Read labels and messages from a card, if it describes such samples."""
    if not isinstance(card, dict) or set(card) != {"labels", "bad", "shape", "sha256"}:
        raise ValueError("expected a card with labels, bad, shape and sha256, got another")
    if card["shape"] != list(sample_shape):
        raise ValueError(f"expected samples of shape {sample_shape}, got a card of {card['shape']}")
    labels, bad = card["labels"], card["bad"]
    if (
        not isinstance(labels, list)
        or not labels
        or not all(type(label) is int and 0 <= label < n_classes for label in labels)
    ):
        raise ValueError(f"expected labels in [0, {n_classes}) on the card, got others")
    if not isinstance(bad, list) or not all(isinstance(message, str) for message in bad):
        raise ValueError("expected messages on the card, got others")
    return np.array(labels, np.int64), bad
