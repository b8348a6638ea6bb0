"""Files that take long to make: made once, found again by everything that determines them, whole or not at all."""

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
except ImportError:  # on Windows nothing tells whether a writer is alive: left-overs stay
    fcntl = None  # type: ignore[assignment]

Content = TypeVar("Content")
UNFINISHED = ".unfinished-"


def default_cache() -> Path:
    """`art-snn` in the folder that the user keeps for caches, which may be emptied at any time."""
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "art-snn"
    except RuntimeError as error:
        raise OSError("expected a home folder for the cache of frames, got none; XDG_CACHE_HOME names one") from error


def cached(
    cache: Path, key: Mapping[str, Any], write: Callable[[Path], None], read: Callable[[Path], Content]
) -> Content:
    """What `read` finds in the folder that belongs to `key`, which is written first where it is missing or damaged.

    The folder appears under its name only when `write` has returned, so nobody ever meets half of it; who is slower
    than another process takes what that one wrote. What killed processes left behind is removed.

    Args:
        cache: Folder of all such folders; made where it is missing.
        key: Everything that determines what `write` writes, as JSON knows it.
        write: Fills the empty folder that it is given.
        read: Opens a folder that was written, and raises ValueError or OSError where it is not as `write` left it; a
            warning says so, and the folder is written anew.

    Raises:
        OSError: If the folder of all cannot be made.
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
    """Hold the folder's lock, which all share who write; who holds it alone sweeps first: nobody else is writing."""
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
