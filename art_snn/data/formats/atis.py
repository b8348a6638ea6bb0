"""The `.bin` files of N-MNIST and N-Caltech101: 5 bytes an event, and nothing else."""

import numpy as np

from art_snn.events import make_events
from art_snn.typing import Events

RECORD = 5  # bytes: x, y, then 1 bit polarity and 23 bits µs, the highest first


def parse_atis(content: bytes) -> Events:
    """Every 5 bytes as one event.

    The format has no markers of overflow, so an event in row 240 is damage. Its 23 bits of time last 8 s; the markers
    that some readers, tonic's among them, look for there add 2^13 µs each, for the 13 bits of the camera's own format,
    and lie in column 305, which one byte cannot hold.

    Raises:
        ValueError: If the bytes end within an event, or the times run backwards.

    Source: Orchard et al., Converting static image datasets to spiking neuromorphic datasets using saccades, 2015,
    https://doi.org/10.3389/fnins.2015.00437; the layout is in the data set's ReadMe.

    >>> parse_atis(bytes([3, 7, 0x80, 1, 2])).tolist()
    [(3, 7, 258, 1)]
    """
    if len(content) % RECORD:
        raise ValueError(
            f"expected events of {RECORD} bytes, got {len(content) % RECORD} bytes after the last whole one"
        )
    x, y, *stamp = np.frombuffer(content, np.uint8).reshape(-1, RECORD).T
    high, middle, low = (byte.astype(np.int32) for byte in stamp)
    return make_events(x, y, (high & 0x7F) << 16 | middle << 8 | low, high >> 7)
