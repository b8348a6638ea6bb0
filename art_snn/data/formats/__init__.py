"""Files of event cameras: read one checked stream, or raise one error that names the file and the place.

The bytes may be hostile. A parser depends on nothing else, trusts no size that they state, and allocates at most a
small multiple of their number. tonic 1.7 reads most of these formats too, but it can miss a cut event, fails on every
AEDAT 2 and 3 file, and crashes the process on some damaged AEDAT 4 files; on whole files the tests compare with it.
"""

from collections.abc import Callable
from os import PathLike
from pathlib import Path

from art_snn._files import read_regular
from art_snn._validation import brief, check_choice
from art_snn.data.formats.aedat import parse_aedat
from art_snn.data.formats.atis import parse_atis
from art_snn.data.formats.numpy_files import parse_npy, parse_npz
from art_snn.events import SensorSize, check_events, check_sensor_size
from art_snn.typing import Events

__all__ = ["PARSERS", "read_events"]

PARSERS: dict[str, Callable[[bytes], Events]] = {
    ".aedat": parse_aedat,
    ".aedat4": parse_aedat,
    ".bin": parse_atis,
    ".npy": parse_npy,
    ".npz": parse_npz,
}


def read_events(path: str | PathLike[str], sensor_size: SensorSize) -> Events:
    """Read one recording: `.bin` (N-MNIST), `.aedat` (2.0 of a DVS128, 3.1), `.aedat4`, `.npy` or `.npz`.

    Args:
        path: The file; its ending names the format.
        sensor_size: Width and height in pixels that no event may leave.

    Returns:
        At least one event, of dtype `EVENT_DTYPE`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is of another kind, truncated or damaged, leaves the sensor, runs backwards in time, has
            times below 0 or from 2^62 µs on, or holds no event; it names the file, and the byte or event.
    """
    path = Path(path)
    check_choice("the file's ending", path.suffix, PARSERS)
    check_sensor_size(sensor_size)
    content = read_regular(path)
    try:
        events = PARSERS[path.suffix](content)
        check_events(events, sensor_size)
        if len(events) and events["t"][0] < 0:  # the first one is the least
            raise ValueError(f"expected times from 0 µs on, got {events['t'][0]} in event 0")
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: {brief(str(error))}") from error
    if len(events) == 0:
        raise ValueError(f"{path}: expected at least one event, got none")
    return events
