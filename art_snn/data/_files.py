"""Find the files of data sets, or say where the publisher offers them."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from art_snn.typing import Array, Images

MOST_NAMES = 4  # in one message


def check_root(root: Path, offered_at: str) -> None:
    """Check that there is a folder of this name.

    Raises:
        FileNotFoundError: If there is nothing of this name.
        NotADirectoryError: If it is not a folder.
    """
    offered = f"the data set is offered at {offered_at}"
    if not root.exists():
        raise FileNotFoundError(f"expected root to be a folder, got {root}, which does not exist; {offered}")
    if not root.is_dir():
        raise NotADirectoryError(f"expected root to be a folder, got {root}, which is none; {offered}")


def folder_content(folder: Path) -> str:
    """Name the first few entries of a folder."""
    names = [path.name + "/" * path.is_dir() for path in listed(folder, "*")]
    more = [f"{len(names) - MOST_NAMES} more"] if len(names) > MOST_NAMES else []
    return ", ".join([*names[:MOST_NAMES], *more]) or "nothing"


def check_files(paths: Iterable[Path], offered_at: str) -> None:
    """Check that all of these files exist.

    Raises:
        FileNotFoundError: If one does not; it names the first missing ones and the publisher's page.
    """
    missing = [str(path) for path in paths if not path.is_file()]
    if missing:
        names = ", ".join(missing[:MOST_NAMES])
        more = f" and {len(missing) - MOST_NAMES} more" if len(missing) > MOST_NAMES else ""
        raise FileNotFoundError(f"expected the files {names}{more}; the data set is offered at {offered_at}")


def listed(folder: Path, pattern: str) -> list[Path]:
    """List what matches below a folder, sorted, without hidden files: a Mac leaves `._NAME` beside NAME."""
    found = (path for path in folder.glob(pattern) if not path.relative_to(folder).as_posix().startswith("."))
    return sorted(path for path in found if not path.name.startswith("."))


def top_folder(root: Path, name: str) -> Path:
    """Find the publisher's top folder: below `root`, or `root` itself."""
    return root / name if (root / name).is_dir() else root


def unit_images(pixels: Array) -> Images:
    """Scale images of bytes to float32 in [0, 1], in one pass and one new array."""
    return np.divide(pixels, np.float32(255), dtype=np.float32)
