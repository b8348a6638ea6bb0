"""Files of data sets: found, or missed with a word on where they are offered, and read if they are files at all."""

import os
import stat
from collections.abc import Iterable
from io import BufferedReader
from os import PathLike
from pathlib import Path

import numpy as np

from art_snn.typing import Array, Images

MOST_BYTES = 1 << 32  # of one file: ten times the longest recording among the data sets that are read here
KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder",
    stat.S_IFSOCK: "a socket",
}
_WITHOUT_WAITING = sum(getattr(os, name, 0) for name in ("O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "O_BINARY"))


def open_regular(path: str | PathLike[str], most: int = MOST_BYTES) -> BufferedReader:
    """A file opened to be read, if it is a regular one, or a link to one, of at most `most` bytes.

    A named pipe would be waited for without end, and a device may never end.

    Raises:
        FileNotFoundError: If there is nothing of this name.
        ValueError: If it is no regular file, or larger.
    """
    _check_regular(path, os.stat(path), most)  # opening alone can do something to a device
    descriptor = os.open(path, os.O_RDONLY | _WITHOUT_WAITING)
    try:
        _check_regular(path, os.fstat(descriptor), most)  # the name may belong to another one by now
    except ValueError:
        os.close(descriptor)
        raise
    return os.fdopen(descriptor, "rb")


def read_regular(path: str | PathLike[str], most: int = MOST_BYTES) -> bytes:
    """The bytes of a regular file.

    Raises:
        FileNotFoundError: If there is nothing of this name.
        ValueError: If it is no regular file, larger than `most` bytes, or not as long as it says.
    """
    with open_regular(path, most) as file:
        size = os.fstat(file.fileno()).st_size
        content = file.read(size + 1)
    if len(content) != size:
        got = "more" if len(content) > size else f"only {len(content)}"
        raise ValueError(f"expected {path} to hold {size} bytes, as its folder says, got {got}")
    return content


def _check_regular(path: str | PathLike[str], status: os.stat_result, most: int) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = KINDS.get(stat.S_IFMT(status.st_mode), "something else")
        raise ValueError(f"expected {path} to be a regular file, got {kind}")
    if status.st_size > most:
        raise ValueError(f"expected {path} to hold at most {most} bytes, got {status.st_size}")


def check_files(paths: Iterable[Path], offered_at: str) -> None:
    """All of these files exist.

    Raises:
        FileNotFoundError: If one does not; it names every missing one and the publisher's page.
    """
    missing = [str(path) for path in paths if not path.is_file()]
    if missing:
        raise FileNotFoundError(f"expected the files {', '.join(missing)}; the data set is offered at {offered_at}")


def top_folder(root: Path, name: str) -> Path:
    """The publisher's top folder: below `root`, or `root` itself."""
    return root / name if (root / name).is_dir() else root


def unit_images(pixels: Array) -> Images:
    """Images of bytes as float32 in [0, 1], in one pass and one new array."""
    return np.divide(pixels, np.float32(255), dtype=np.float32)
