"""Write files whole or not at all, and read regular files only."""

import hashlib
import os
import secrets
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from io import BufferedReader
from os import PathLike
from pathlib import Path
from typing import IO

try:
    import fcntl
except ImportError:  # Windows: nothing tells whether a writer is alive, so left-overs stay
    fcntl = None  # type: ignore[assignment]

_NEW = (
    os.O_WRONLY | os.O_CREAT | os.O_EXCL | sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_CLOEXEC", "O_BINARY"))
)
_OLD = 3600  # seconds: longer than a writer on another machine, whose lock may not be seen from here, does nothing
MOST_BYTES = 1 << 32  # of one data file: ten times the longest recording of the supported data sets
KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder",
    stat.S_IFSOCK: "a socket",
}
_WITHOUT_WAITING = sum(getattr(os, name, 0) for name in ("O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "O_BINARY"))


def write_whole(path: str | PathLike[str], content: bytes | Callable[[IO[bytes]], object]) -> Path:
    """Write a file so that a reader at any moment, even after a crash, finds the old file or the new one.

    The bytes go to a temporary file in the same folder, are flushed to disk, and then take the name. A link or a pipe
    at `path` is replaced, never followed. After an error nothing has changed. What a writer of the same path left
    behind that was killed more than an hour ago is removed.

    Args:
        path: Path of the file; missing folders are made.
        content: Bytes, or a function that writes them to the open file it is given.

    Returns:
        The path.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_whole(f"{folder}/a/table.json", b"{}").read_bytes()
    b'{}'
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_left_overs(path)
    unfinished, descriptor = _unfinished(path)
    try:
        with os.fdopen(descriptor, "wb") as file:
            _fill(file, content)
        os.replace(unfinished, path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    _keep_name(path.parent)
    return path


def open_regular(path: str | PathLike[str], most: int = MOST_BYTES) -> BufferedReader:
    """Open a regular file, or a link to one, of at most `most` bytes for reading.

    Opening a named pipe could block for ever, and a device may never end.

    Raises:
        FileNotFoundError: If there is nothing of this name.
        ValueError: If it is not a regular file, or larger.
    """
    _check_regular(path, os.stat(path), most)  # merely opening a device can act on it
    descriptor = os.open(path, os.O_RDONLY | _WITHOUT_WAITING)
    try:
        _check_regular(path, os.fstat(descriptor), most)  # the name may belong to another file by now
    except ValueError:
        os.close(descriptor)
        raise
    return os.fdopen(descriptor, "rb")


def read_regular(path: str | PathLike[str], most: int = MOST_BYTES) -> bytes:
    """Read the bytes of a regular file.

    Raises:
        FileNotFoundError: If there is nothing of this name.
        ValueError: If it is not a regular file, larger than `most` bytes, or not of its stated size.
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


def _unfinished(path: Path) -> tuple[Path, int]:
    """Make a temporary file for a path, and open it: it is locked until it is closed."""
    while True:
        unfinished = path.with_name(f"{_prefix(path)}{secrets.token_hex(8)}")
        descriptor = os.open(unfinished, _NEW, 0o666)
        with suppress(OSError):  # a file system without locks
            if fcntl is not None:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.path.lexists(unfinished):  # else it was taken for a left-over before it was locked
            return unfinished, descriptor
        os.close(descriptor)


def _remove_left_overs(path: Path) -> None:
    """Remove temporary files for the same path that are old, and that no writer holds."""
    if fcntl is None:
        return
    for left_over in path.parent.glob(f"{_prefix(path)}*"):
        with suppress(OSError, ValueError), open_regular(left_over, most=1 << 62) as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if time.time() - os.fstat(file.fileno()).st_mtime > _OLD:
                left_over.unlink()


def _prefix(path: Path) -> str:
    """What the names of a path's temporary files begin with; short, for its own name may be of full length."""
    return f".unfinished-{hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16]}-"


def _fill(file: IO[bytes], content: bytes | Callable[[IO[bytes]], object]) -> None:
    if callable(content):
        content(file)
    else:
        file.write(content)
    file.flush()
    os.fsync(file.fileno())


def _keep_name(folder: Path) -> None:
    """Flush the folder's entries to disk, if the system allows; the file itself is whole in any case."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
