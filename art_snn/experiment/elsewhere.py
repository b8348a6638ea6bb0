"""Cells on machines that do not see the folder of their experiment: what they share there, and what comes back."""

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def private_folder() -> Path:
    """A folder for temporary files that no other user of this machine can read or write.

    Raises:
        PermissionError: If there is one of this name that others can, or that is another's.
    """
    if not hasattr(os, "getuid"):  # Windows gives each user a folder of his own
        return Path(tempfile.gettempdir()) / "art-snn"
    folder = Path(tempfile.gettempdir()) / f"art-snn-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise PermissionError(
            f"expected {folder} to be a folder of this user alone, got another; remove it, or set TMPDIR"
        )
    return folder


def shared_folder(experiment: Path) -> Path:
    """Where trainings are kept that cells share: with the experiment, or privately where this machine sees none."""
    return (experiment if experiment.is_dir() else private_folder()) / "shared"


@contextmanager
def models_folder(experiment: Path, name: str) -> Iterator[tuple[Path, dict[str, bytes]]]:
    """Where the trained classifiers of a cell are kept, and after the block the files that are to be sent there.

    Args:
        experiment: Folder of the experiment; where this machine does not see it, all files are to be sent.
        name: Name of the cell.
    """
    files: dict[str, bytes] = {}
    if experiment.is_dir():
        yield experiment / "models" / name, files
        return
    with tempfile.TemporaryDirectory(prefix="art-snn-") as folder:
        yield Path(folder), files
        files.update((path.name, path.read_bytes()) for path in sorted(Path(folder).iterdir()))
