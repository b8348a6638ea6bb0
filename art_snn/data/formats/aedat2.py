"""AEDAT 2.0 of a DVS128, jAER's first format: CIFAR10-DVS and MNIST-DVS are kept in it."""

import numpy as np

from art_snn.events import make_events
from art_snn.typing import Events

RECORD = np.dtype([("address", ">u4"), ("t", ">u4")])
SIDE = 128


def parse_aedat2(content: bytes) -> Events:
    """Every 8 bytes after the comment lines as one event of 128x128 pixels.

    The sensor lay on its side: bits 8 to 14 of an address are the column and 1 to 7 the row, both from the far end; of
    bit 0, the polarity, 0 is ON.

    Raises:
        ValueError: If a comment has no end, the bytes end within an event, an address is no pixel, or time runs back.

    Source: Serrano-Gotarredona and Linares-Barranco, Poker-DVS and MNIST-DVS, 2015,
    https://doi.org/10.3389/fnins.2015.00481; the axes are those of the data set's own `dat2mat`.
    """
    start = 0
    while content.startswith(b"#", start):
        end = content.find(b"\n", start)
        if end < 0:
            raise ValueError(f"expected the comment at byte {start} to end, got none of its end")
        start = end + 1
    if rest := (len(content) - start) % RECORD.itemsize:
        raise ValueError(f"expected events of 8 bytes from byte {start} on, got {rest} bytes after the last whole one")
    records = np.frombuffer(content, RECORD, offset=start)
    address = records["address"].astype(np.int64)  # where more than 15 bits are set, x is off the sensor
    return make_events(SIDE - 1 - (address >> 8), SIDE - 1 - (address >> 1 & 0x7F), records["t"], 1 - (address & 1))
