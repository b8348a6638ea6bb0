"""Samples in motion."""

from collections.abc import Mapping
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image

from art_snn._files import write_whole
from art_snn.typing import Array

SIDE = 192  # pixels of the screen, at least, for each sample
MILLISECONDS = 150  # a time bin


def write_animation(rows: Mapping[str, Array], path: Path) -> Path:
    """An animated GIF: the samples beside each other, one time bin after the other, for ever.

    Args:
        rows: Pictures (T, H, W, 3) in [0, 1] by name, all of one shape.
        path: Where the GIF is written, whole or not at all.
    """
    side_by_side = np.concatenate(
        [np.pad(p, ((0, 0), (0, 0), (0, 1), (0, 0)), constant_values=1) for p in rows.values()], 2
    )
    zoom = max(1, SIDE // side_by_side.shape[1])
    frames = [
        Image.fromarray((255 * picture).astype(np.uint8).repeat(zoom, 0).repeat(zoom, 1)) for picture in side_by_side
    ]

    def write(file: IO[bytes]) -> None:
        frames[0].save(file, format="GIF", save_all=True, append_images=frames[1:], duration=MILLISECONDS, loop=0)

    return write_whole(path, write)
