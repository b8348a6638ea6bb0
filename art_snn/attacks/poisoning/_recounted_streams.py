"""Bin event streams, change the counts of the bins, and give the streams these counts."""

from collections.abc import Callable, Sequence

import numpy as np

from art_snn.attacks.poisoning._event_counts import check_keeps_bins, with_counts
from art_snn.events import SensorSize, SplitBy, Window, to_frames
from art_snn.typing import Events, Frames


def recounted(
    streams: Sequence[Events],
    change: Callable[[Frames], Frames],
    sensor_size: SensorSize,
    n_bins: int,
    split_by: SplitBy,
    window: Window | None,
) -> Events:
    """Streams (N,) that bin to what a function makes of their frames, see `with_counts`.

    Args:
        streams: Event streams, which are not changed.
        change: Makes of frames (N, T, 2, H, W) others of the same shape, whole counts.
        sensor_size: Width and height in pixels.
        n_bins: Time bins, T.
        split_by: Rule that cuts the bins: "time", or a duration in µs.
        window: Interval (start, stop) in µs that the bins cover; None is each stream's own recording.

    Raises:
        ValueError: As `with_counts`, also where bins are cut by "count".
    """
    check_keeps_bins(split_by)
    frames = to_frames(streams, sensor_size, n_bins, split_by, window=window, dtype=np.int32)
    found = np.empty(len(streams), object)
    for row, (stream, counts) in enumerate(zip(streams, change(frames), strict=True)):
        found[row] = with_counts(stream, counts, sensor_size, split_by=split_by, window=window)
    return found
