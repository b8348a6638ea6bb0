"""Whether an event camera could have recorded a triggered sample."""

import numpy as np

from art_snn._arrays import as_samples
from art_snn._validation import check_at_least
from art_snn.events import SensorSize, check_events, check_sensor_size, is_stream, streams_of
from art_snn.typing import Array, Events, Frames, Mask


def recordable_rate(x: Frames | Events, sensor_size: SensorSize | None = None) -> float:
    """Share of samples that a sensor could have recorded, by their form: a necessary condition, not a sufficient one.

    Frames hold whole counts from 0 up. Streams hold events in order of time, of polarity 0 or 1, at whole pixels within
    the field.

    Args:
        x: Frames (N, T, 2, H, W), or an object array (N,) or a list of event streams.
        sensor_size: (W, H) or (W, H, 2), pixels: the field; None knows of no right and lower border of streams.

    Returns:
        A fraction in [0, 1].

    Raises:
        ValueError: If there are no samples, or frames are not those of such a sensor.
        TypeError: If they are neither numbers nor streams.

    Source: the definition.

    >>> recordable_rate(np.array([0, 1, 0.5, -1, np.nan]).reshape(5, 1, 1, 1, 1))
    0.4
    """
    if getattr(x, "dtype", None) == np.dtype(object) or (isinstance(x, list) and all(map(is_stream, x))):
        found = [_is_valid(stream, sensor_size) for stream in streams_of(x)]
    else:
        frames = as_samples("x", x)
        _check_field(frames, sensor_size)
        found = [bool(is_recordable(frames[row : row + 1])[0]) for row in range(len(frames))]
    check_at_least("the number of samples", len(found), 1)
    return sum(found) / len(found)


def is_recordable(frames: Array) -> Mask:
    """Which of some frames hold whole counts from 0 up, shape (N,)."""
    values = frames.reshape(len(frames), -1)
    if values.dtype.kind in "bu":
        return np.ones(len(values), bool)
    found: Mask = (np.isfinite(values) & (values >= 0) & (values == np.rint(values))).all(axis=1)
    return found


def _is_valid(stream: Events, sensor_size: SensorSize | None) -> bool:
    try:
        check_events(stream, sensor_size)
    except (ValueError, TypeError):
        return False
    return True


def _check_field(frames: Array, sensor_size: SensorSize | None) -> None:
    if sensor_size is None:
        return
    width, height, _ = check_sensor_size(sensor_size)
    if frames.shape[-2:] != (height, width):
        raise ValueError(f"expected frames of {height} × {width} pixels, those of the sensor, got shape {frames.shape}")
