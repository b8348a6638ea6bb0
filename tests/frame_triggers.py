"""What a trigger writes into empty frames, which several files of tests look at."""

import numpy as np

from art_snn.attacks.poisoning import FrameTrigger
from art_snn.typing import Array


def lit(trigger: FrameTrigger, n_bins: int, height: int, width: int) -> Array:
    """Where the trigger writes ON events into empty frames, (T, H, W)."""
    return trigger(np.zeros((n_bins, 2, height, width), np.uint8))[:, 1].astype(bool)
