"""IDX files, the format of MNIST and of sets modelled on it."""

import gzip
import hashlib
import math
import zlib
from pathlib import Path

import numpy as np

from art_snn._files import read_regular
from art_snn._validation import check_same_length
from art_snn.data._files import check_files, check_root, unit_images
from art_snn.data.dataset import Dataset
from art_snn.typing import Array

IMAGES_MAGIC = 0x00000803  # unsigned bytes, three axes
LABELS_MAGIC = 0x00000801  # unsigned bytes, one axis
SIDE = 28  # pixels
K = 10
MOST = {"train": 60_000, "t10k": 10_000}  # samples of a complete split
PUBLISHED = {  # whose files have which MD5
    "f68b3c2dcbeaaa9fbdd348bbdeb94873": "MNIST",
    "d53e105ee54ea40749a09fcbcd1e9432": "MNIST",
    "9fb629c4189551a2d022fa330f9573f3": "MNIST",
    "ec29112dd5afa0611ce80d1b7f02629c": "MNIST",
    "8d4fb7e6c68d591d4c3dfef9ec88bf0d": "Fashion-MNIST",
    "25c81989df183df01b3e8a0aad5dffbe": "Fashion-MNIST",
    "bef4ecab320f06d8554ea6380940ec79": "Fashion-MNIST",
    "bb300cfdad3c16e7a12a480ee83cd310": "Fashion-MNIST",
}


def load_idx(root: Path, classes: tuple[str, ...], offered_at: str, title: str) -> Dataset:
    """Read four `.gz` files in MNIST's layout as float32 images (N, 1, 28, 28) in [0, 1].

    Files other than the published ones, such as a part of them, are read too, and the title says so.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If one is truncated, damaged, of another kind or size, or published as another set's.
    """
    check_root(root, offered_at)
    paths = {split: (root / f"{split}-images-idx3-ubyte.gz", root / f"{split}-labels-idx1-ubyte.gz") for split in MOST}
    files = [path for pair in paths.values() for path in pair]
    check_files(files, offered_at)
    if not _are_published(files, title):
        title += " (not the published files)"
    x_train, y_train = _read_split(*paths["train"], MOST["train"])
    x_test, y_test = _read_split(*paths["t10k"], MOST["t10k"])
    x_train, x_test = unit_images(x_train), unit_images(x_test)
    return Dataset(x_train, y_train, x_test, y_test, classes, clip_values=(0.0, 1.0), title=title)


def _are_published(paths: list[Path], title: str) -> bool:
    """Whether these are the very files of the set; another set's are an error."""
    owners = {PUBLISHED.get(hashlib.md5(read_regular(path), usedforsecurity=False).hexdigest()) for path in paths}
    if others := sorted(owner for owner in owners if owner and owner != title):
        raise ValueError(f"expected the files of {title} in {paths[0].parent}, got files of {others[0]}")
    return owners == {title}


def _read_split(images_path: Path, labels_path: Path, most: int) -> tuple[Array, Array]:
    images = _read_idx(images_path, IMAGES_MAGIC, (SIDE, SIDE), most)
    labels = _read_idx(labels_path, LABELS_MAGIC, (), most)
    check_same_length(f"images in {images_path}", images, f"labels in {labels_path}", labels)
    if labels.max() >= K:
        raise ValueError(f"expected labels below {K} in {labels_path}, got {labels.max()} at {labels.argmax()}")
    return images[:, np.newaxis], labels.astype(np.int64)


def _read_idx(path: Path, magic: int, sample_shape: tuple[int, ...], most: int) -> Array:
    """The bytes of one file (N, *sample_shape); no more is unpacked than `most` samples take."""
    try:
        with gzip.open(path) as file:
            header = file.read(4 * (2 + len(sample_shape)))
            shape = _shape(path, header, magic, sample_shape, most)
            size = math.prod(shape)
            content = file.read(size + 1)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"expected {path} to be a complete gzip file, got: {error}") from error
    if len(content) != size:
        got = f"only {len(content)}" if len(content) < size else "more"
        raise ValueError(f"expected {size} bytes after the header of {path}, as it says itself, got {got}")
    return np.frombuffer(content, np.uint8).reshape(shape)


def _shape(path: Path, header: bytes, magic: int, sample_shape: tuple[int, ...], most: int) -> tuple[int, ...]:
    """What a header states, if it is one that `most` samples of this shape can have."""
    if len(header) != 4 * (2 + len(sample_shape)):
        raise ValueError(f"expected {path} to begin with an IDX header, got only {len(header)} bytes")
    found, count, *shape = np.frombuffer(header, ">u4").tolist()
    if found != magic:
        raise ValueError(f"expected {path} to begin with the IDX magic number {magic:#010x}, got {found:#010x}")
    if tuple(shape) != sample_shape:
        raise ValueError(f"expected samples of shape {sample_shape} in {path}, got {tuple(shape)}")
    if not 0 < count <= most:
        raise ValueError(f"expected 1 to {most} samples in {path}, got a header that says {count}")
    return count, *sample_shape
