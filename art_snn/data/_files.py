"""Files of data sets: found, or missed with a word on where they are offered."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from art_snn.typing import Array, Images


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
