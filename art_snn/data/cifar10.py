"""CIFAR-10 from its binary batches: small colour photographs of ten kinds of things."""

import warnings
from pathlib import Path

import numpy as np

from art_snn._files import read_regular
from art_snn.data._files import check_files, check_root, top_folder, unit_images
from art_snn.data.dataset import Dataset
from art_snn.typing import Array

OFFERED_AT = "https://www.cs.toronto.edu/~kriz/cifar.html"
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
TOP_FOLDER = "cifar-10-batches-bin"
TRAIN_BATCHES = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
TEST_BATCH = "test_batch.bin"
IMAGE_SHAPE = (3, 32, 32)  # planes R, G, B; rows; columns
RECORD = 1 + 3 * 32 * 32  # bytes: the label, then the image


def load_cifar10(root: Path, *, partial: bool = False) -> Dataset:
    """50,000 + 10,000 photographs of 3x32x32, or as many as the batches in `root` hold.

    Args:
        root: Folder of the binary batches, or the one that holds `cifar-10-batches-bin/`. A batch may hold any whole
            number of records.
        partial: Whether to leave out missing training batches, which a warning names.

    Raises:
        FileNotFoundError: If a batch is missing; with `partial`, if the test batch or all the others are.
        ValueError: If a batch is empty, ends within a record, or holds a label above 9.

    Source: Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009,
    https://www.cs.toronto.edu/~kriz/learning-features-2009-TR.pdf.
    """
    check_root(root, OFFERED_AT)
    folder = top_folder(root, TOP_FOLDER)
    there = [folder / name for name in TRAIN_BATCHES if (folder / name).is_file()]
    wanted = there if partial and there else [folder / name for name in TRAIN_BATCHES]
    cure = "" if partial or not there else "; with partial=True missing training batches are left out"
    check_files([*wanted, folder / TEST_BATCH], OFFERED_AT + cure)
    train = np.concatenate([_read_batch(path) for path in wanted])
    test = _read_batch(folder / TEST_BATCH)
    missing = [name for name in TRAIN_BATCHES if folder / name not in wanted]
    if missing:
        warnings.warn(
            f"CIFAR-10 without its training batches {', '.join(missing)}", stacklevel=3
        )  # load_dataset's caller
    return Dataset(*_split(train), *_split(test), CLASSES, clip_values=(0.0, 1.0), title="CIFAR-10")


def _read_batch(path: Path) -> Array:
    """The records (N, 3073) of one file."""
    content = np.frombuffer(read_regular(path), np.uint8)
    if len(content) == 0 or len(content) % RECORD:
        raise ValueError(f"expected {path} to hold whole records of {RECORD} bytes, got {len(content)} bytes")
    records = content.reshape(-1, RECORD)
    labels = records[:, 0]
    if labels.max() >= len(CLASSES):
        raise ValueError(f"expected labels below 10 in {path}, got {labels.max()} in record {labels.argmax()}")
    return records


def _split(records: Array) -> tuple[Array, Array]:
    return unit_images(records[:, 1:]).reshape(-1, *IMAGE_SHAPE), records[:, 0].astype(np.int64)
