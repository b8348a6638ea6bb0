"""Files: written whole or not at all, and only regular ones read."""

import os
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, BinaryIO

_BINARY = getattr(os, "O_BINARY", 0)  # Windows
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)  # not on Windows, where O_EXCL does it alone
_NONBLOCK = getattr(os, "O_NONBLOCK", 0)  # a pipe without a writer would block `open` for ever


def write_whole(path: str | Path, content: bytes | Callable[[IO[bytes]], object]) -> Path:
    """Write a file: whoever reads `path` at any moment, after a kill or a crash too, finds the old one or the new one.

    The bytes go to a file of this call's own in the same folder, are brought to the disk, and take the name then. A
    link or a pipe in the place of `path` is replaced, never followed. After an error there is nothing new.

    Args:
        path: Of the file; folders that are missing are made.
        content: The bytes, or what writes them to the open file that it is given.

    Returns:
        The path.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_whole(f"{folder}/a/table.json", b"{}").read_bytes()
    b'{}'
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".unfinished-{secrets.token_hex(8)}")  # short: the name itself may be of full length
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NOFOLLOW | _BINARY, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            _fill(file, content)
        os.replace(unfinished, path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    _keep_name(path.parent)
    return path


@contextmanager
def open_regular(path: str | Path) -> Iterator[BinaryIO]:
    """A file open for reading its bytes; links are followed, to files alone.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If it is a folder, a pipe, a socket or a device, which would block or never end.
    """
    _check_regular(path, os.stat(path))  # before it is opened: opening a device may do something
    with os.fdopen(os.open(path, os.O_RDONLY | _NONBLOCK | _BINARY), "rb") as file:
        _check_regular(path, os.fstat(file.fileno()))
        yield file


def _check_regular(path: str | Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        kinds = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
        found = kinds.get(stat.S_IFMT(status.st_mode), "a device")
        raise ValueError(f"expected {path} to be a regular file, got {found}")


def _fill(file: IO[bytes], content: bytes | Callable[[IO[bytes]], object]) -> None:
    if callable(content):
        content(file)
    else:
        file.write(content)
    file.flush()
    os.fsync(file.fileno())


def _keep_name(folder: Path) -> None:
    """Bring the folder's entries to the disk, where the system lets one; the file itself is whole in any case."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
