"""A cache of files that take long to make: each is written whole and found again by all that determines it."""

import hashlib
import json
import os
import shutil
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

try:
    import fcntl
except ImportError:  # Windows: nothing tells whether a writer is alive, so left-overs stay
    fcntl = None  # type: ignore[assignment]

Content = TypeVar("Content")
UNFINISHED = ".unfinished-"


def default_cache() -> Path:
    """The folder `art-snn` in the user's cache folder, which may be emptied at any time."""
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "art-snn"
    except RuntimeError as error:
        raise OSError("expected a home folder for the cache of frames, got none; XDG_CACHE_HOME names one") from error


def cached(
    cache: Path, key: Mapping[str, Any], write: Callable[[Path], None], read: Callable[[Path], Content]
) -> Content:
    """Read the folder that belongs to `key`; write it first if it is missing or damaged.

    The folder gets its name only when `write` has returned, so that nobody reads an unfinished one. Of two processes
    that write the same folder, the slower one takes the other's. What killed processes left behind is removed.

    Args:
        cache: Folder of all such folders; made if it is missing.
        key: Everything that determines what `write` writes, in types that JSON has.
        write: Function that fills the empty folder that it is given.
        read: Function that opens a written folder; it raises ValueError or OSError if the folder is damaged, which is
            then written anew with a warning.

    Raises:
        OSError: If `cache` cannot be made.
    """
    place = cache / hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:32]
    _make_folder(cache)
    with _writing(cache):
        if place.is_dir():
            try:
                return read(place)
            except (OSError, ValueError, RecursionError) as error:
                warnings.warn(f"made {place} anew, which was damaged: {error}", stacklevel=5)
                shutil.rmtree(place, ignore_errors=True)
        _write(place, write)
        return read(place)


def _write(place: Path, write: Callable[[Path], None]) -> None:
    with TemporaryDirectory(dir=place.parent, prefix=UNFINISHED, ignore_cleanup_errors=True) as scratch:
        whole = Path(scratch) / place.name
        whole.mkdir()
        write(whole)
        try:
            whole.rename(place)
        except OSError:
            if not place.is_dir():
                raise


@contextmanager
def _writing(cache: Path) -> Iterator[None]:
    """Share the folder's lock with all who write; whoever holds it alone first removes left-overs."""
    if fcntl is None:
        yield
        return
    lock = os.open(cache, os.O_RDONLY)
    try:
        with suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for left_over in cache.glob(f"{UNFINISHED}*"):
                shutil.rmtree(left_over, ignore_errors=True)
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield
    finally:
        os.close(lock)


def _make_folder(cache: Path) -> None:
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise type(error)(
            f"expected {cache} to be a folder for frames, got: {error.strerror}; XDG_CACHE_HOME names another"
        ) from error
