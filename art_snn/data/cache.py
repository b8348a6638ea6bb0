"""Files that take long to make: made once, found again by everything that determines them, whole or not at all."""

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any


def default_cache() -> Path:
    """`art-snn` in the folder that the user keeps for caches, which may be emptied at any time."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "art-snn"


def cached(cache: Path, key: Mapping[str, Any], write: Callable[[Path], None]) -> Path:
    """The folder that belongs to `key`: as it was found, or written now.

    It appears under its name only when `write` has returned, so nobody ever meets half of it; who is slower than
    another process takes what that one wrote.

    Args:
        cache: Folder of all such folders; made where it is missing.
        key: Everything that determines what `write` writes, as JSON knows it.
        write: Fills the empty folder that it is given.

    Raises:
        OSError: If the folder of all cannot be made.
    """
    place = cache / hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:32]
    if not place.is_dir():
        _make_folder(cache)
        with TemporaryDirectory(dir=cache, prefix=".unfinished-", ignore_cleanup_errors=True) as scratch:
            whole = Path(scratch) / place.name
            whole.mkdir()
            write(whole)
            try:
                whole.rename(place)
            except OSError:
                if not place.is_dir():
                    raise
    return place


def _make_folder(cache: Path) -> None:
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise type(error)(
            f"expected {cache} to be a folder for frames, got: {error.strerror}; XDG_CACHE_HOME names another"
        ) from error
