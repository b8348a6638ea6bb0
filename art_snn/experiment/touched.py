"""Where a trigger writes, whether or not a pixel changes by it."""

import warnings
from typing import Any

import numpy as np

from art_snn.attacks.poisoning import NeuromorphicTrigger
from art_snn.typing import Array, Mask, Trigger


def touched(trigger: Trigger, clean: Array, triggered: Array) -> Mask:
    """Pixels that a trigger writes.

    Besides those that differ these are the ones that it writes into samples of one value, as a white patch on white. A
    trigger that moves events writes none of its own; one that chooses them sample by sample would write others.

    Args:
        trigger: Any trigger.
        clean: Images (N, C, H, W), frames (N, T, 2, H, W), or the time bins of one recording, (T, 2, H, W).
        triggered: Samples with the trigger, in the shape of the clean ones.

    Returns:
        A mask of the same shape without the axis of channels.
    """
    differs = clean != triggered
    if clean.size and not (getattr(trigger, "keeps_counts", False) or getattr(trigger, "follows_samples", False)):
        for probe in (np.full_like(clean, value) for value in _values(trigger, clean)):
            with warnings.catch_warnings():  # that it writes nothing has been said
                warnings.simplefilter("ignore")
                differs |= _fitted(trigger, clean)(probe) != probe
    mask: Mask = differs.any(axis=-3)
    return mask


def _values(trigger: Any, clean: Array) -> tuple[float, float]:
    """Two that nothing can be written into without a change of one: counts, or the ends of an image's range."""
    if getattr(trigger, "needs_frames", False):
        return 0, 2
    own: tuple[float, float] | None = getattr(trigger, "clip_values", None)
    return own or ((0, 255) if clean.dtype == np.uint8 else (0, 1))


def _fitted(trigger: Trigger, clean: Array) -> Trigger:
    """A trigger that is made anew for each set, as it was for these samples."""
    if not isinstance(trigger, NeuromorphicTrigger):
        return trigger
    return trigger.for_set(clean if clean.ndim == 5 else clean[None])
