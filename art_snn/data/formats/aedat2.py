"""AEDAT 2.0 of a DVS128, jAER's first format: CIFAR10-DVS and MNIST-DVS are kept in it."""

import numpy as np

from art_snn.data.formats._header_comments import comment_lines
from art_snn.events import make_events
from art_snn.typing import Array, Events

RECORD = np.dtype([("address", ">u4"), ("t", ">i4")])
SIDE = 128
ADDRESS_BITS = 15


def parse_aedat2(content: bytes) -> Events:
    """Read every 8 bytes after the comment lines as one event of 128x128 pixels.

    The sensor lay on its side: bits 8 to 14 of an address are the column and bits 1 to 7 the row, both counted from the
    far end. Bit 0 is the polarity, where 0 is ON.

    Raises:
        ValueError: If the bytes end within an event, another camera than a DVS128 wrote them, or time runs back.

    Source: Serrano-Gotarredona and Linares-Barranco, Poker-DVS and MNIST-DVS, 2015,
    https://doi.org/10.3389/fnins.2015.00481; the axes are those of the data set's own `dat2mat`.
    """
    start = max((end for _, end in comment_lines(content)), default=0)
    if b"DAVIS" in content[:start].upper() and b"DVS128" not in content[:start]:
        raise _not_of_a_dvs128("comments that name a DAVIS")
    if rest := (len(content) - start) % RECORD.itemsize:
        raise ValueError(f"expected events of 8 bytes from byte {start} on, got {rest} bytes after the last whole one")
    records = np.frombuffer(content, RECORD, offset=start)
    address = _addresses(records)
    return make_events(SIDE - 1 - (address >> 8), SIDE - 1 - (address >> 1 & 0x7F), records["t"], 1 - (address & 1))


def _addresses(records: Array) -> Array:
    """The addresses as int16, if a DVS128 can have made them."""
    addresses = records["address"]
    if addresses.max(initial=0) >> ADDRESS_BITS:
        event = int(np.argmax(addresses >> ADDRESS_BITS > 0))
        raise _not_of_a_dvs128(f"{addresses[event]:#010x} in event {event}")
    return addresses.astype(np.int16)


def _not_of_a_dvs128(got: str) -> ValueError:
    return ValueError(
        f"expected the addresses of a DVS128, of {ADDRESS_BITS} bits, got {got}; "
        "what a DAVIS or another camera recorded is read from .aedat4 or .npz"
    )
