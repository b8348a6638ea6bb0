"""Frames on disk: written sample by sample, read as a memory map once they are known to be what was written."""

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

FORMAT = 3  # counts up when the same files give other frames: by a parser, by the binning, or by how they are kept


def write_frames(path: Path, reader: RecordingReader, to_frames: Callable[[Events], Frames]) -> None:
    """Write the uint8 frames of each sample that can be read, one after another, and beside them a card of the labels.

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
    """Memory-mapped, read-only frames (N, T, 2, H, W), their labels, and what was wrong with samples left out.

    Args:
        path: As for `write_frames`.
        sample_shape: What a sample's shape (T, 2, H, W) must be.
        n_classes: What every label must be below.

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
    """The labels and the messages of a card, if it is one of such samples."""
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
