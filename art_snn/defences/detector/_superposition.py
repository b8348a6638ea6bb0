"""Superposition of samples: images, frames, or the events of two recordings."""

import itertools
from typing import Any, Literal

import numpy as np

from art_snn._validation import check_choice
from art_snn.events import SensorSize, SplitBy, check_sensor_size, to_frames
from art_snn.typing import Array, Events, Frames

Superposition = Literal["add", "mean", "maximum"]
SUPERPOSITIONS: tuple[Superposition, ...] = ("add", "mean", "maximum")
EVENT_SUPERPOSITIONS: tuple[Superposition, ...] = ("add", "mean")  # events have no size to take a maximum of


def superpose_arrays(
    samples: Array, overlays: Array, how: Superposition, clip_values: tuple[Any, Any] | None = None
) -> Array:
    """Superimpose each of M overlays on each of n images or frames.

    Args:
        samples: Samples, (n, ...).
        overlays: Overlays, (M, ...).
        how: "add" (clipped to the clip values, if any), "mean", or the pixelwise "maximum".
        clip_values: Smallest and largest value.

    Returns:
        Superpositions, float32 (n * M, ...), those of the first sample first.

    >>> superpose_arrays(np.array([[0.5]]), np.array([[0.25], [0.75]]), "add", (0, 1)).tolist()
    [[0.75], [1.0]]
    """
    check_choice("superposition", how, SUPERPOSITIONS)
    below, above = samples.astype(np.float32)[:, None], overlays.astype(np.float32)[None]
    superposed = np.maximum(below, above) if how == "maximum" else below + above
    if how == "mean":
        superposed /= 2
    if how == "add" and clip_values is not None:
        np.clip(superposed, *clip_values, out=superposed)
    return superposed.reshape(-1, *samples.shape[1:])


def superpose_events(
    samples: Events,
    overlays: Events,
    how: Superposition,
    sensor_size: SensorSize,
    n_bins: int,
    split_by: SplitBy = "count",
) -> Frames:
    """Superimpose each of M recordings on each of n, event by event, and bin the result into frames.

    Args:
        samples: Object array (n,) of streams.
        overlays: Object array (M,) of streams.
        how: "add" takes all events of both; "mean" takes every second event of each.
        sensor_size: Width and height in pixels.
        n_bins: Number T of time bins.
        split_by: How `to_frames` splits the events into bins; both recordings start at 0 µs.

    Returns:
        Counts, float32 (n * M, T, 2, H, W), those of the first sample first.

    Raises:
        ValueError: If `how` is "maximum".

    >>> from art_snn.events import make_events
    >>> streams = np.empty(2, object)
    >>> streams[:] = make_events([0], [0], [7], [1]), make_events([1, 1], [0, 0], [3, 4], [0, 0])
    >>> superpose_events(streams[:1], streams[1:], "add", (2, 1), n_bins=1).tolist()
    [[[[[0.0, 2.0]], [[1.0, 0.0]]]]]
    """
    check_choice("superposition of events", how, EVENT_SUPERPOSITIONS)
    width, height, _ = check_sensor_size(sensor_size)
    frames = np.empty((len(samples) * len(overlays), n_bins, 2, height, width), np.float32)
    for row, pair in zip(frames, itertools.product(samples, overlays), strict=True):
        streams = [stream if how == "add" else stream[::2] for stream in pair]
        row[:] = to_frames(_merged(*streams), sensor_size, n_bins, split_by, dtype=np.uint16, saturate=True)
    return frames


def _merged(first: Events, second: Events) -> Events:
    """The events of both streams sorted by time; each stream starts at 0 µs."""
    both = np.concatenate([_from_zero(first), _from_zero(second)])
    return both[np.argsort(both["t"], kind="stable")]


def _from_zero(stream: Events) -> Events:
    shifted = stream.copy()
    if len(shifted):
        shifted["t"] -= shifted["t"][0]
    return shifted
