"""AEDAT 3.1, cAER's format: DVS128 Gesture is published in it."""

from collections.abc import Iterator

import numpy as np

from art_snn.events import EVENT_DTYPE, make_events
from art_snn.typing import Array, Events

END_OF_COMMENTS = b"#!END-HEADER\r\n"
HEADER = np.dtype(
    [
        ("type", "<u2"),
        ("source", "<u2"),
        ("size", "<u4"),
        ("time_offset", "<u4"),
        ("overflow", "<u4"),
        ("capacity", "<u4"),
        ("number", "<u4"),
        ("valid", "<u4"),
    ]
)
POLARITY = 1  # the packet's type
EVENT = np.dtype([("data", "<u4"), ("t", "<u4")])  # data: 15 bits x, 15 bits y, 1 bit polarity, 1 bit valid


def parse_aedat3(content: bytes) -> Events:
    """The valid polarity events of all packets.

    Raises:
        ValueError: If the comments have no end, a packet is longer than the bytes that are left, or contradicts itself.

    Source: iniVation, AEDAT 3.1 file format, https://docs.inivation.com/software/software-advanced-usage/file-formats.
    """
    end = content.find(END_OF_COMMENTS)
    if end < 0:
        raise ValueError(f"expected comments up to {END_OF_COMMENTS!r}, got no such line")
    packets = list(_polarity_packets(content, end + len(END_OF_COMMENTS)))
    return np.concatenate(packets) if packets else np.empty(0, EVENT_DTYPE)


def _polarity_packets(content: bytes, start: int) -> Iterator[Events]:
    while start < len(content):
        body = start + HEADER.itemsize
        if body > len(content):
            raise ValueError(f"expected a packet's header of 28 bytes at byte {start}, got {len(content) - start}")
        header = np.frombuffer(content, HEADER, 1, start)[0]
        end = body + int(header["capacity"]) * int(header["size"])
        if end > len(content) or header["number"] > header["capacity"]:
            raise ValueError(f"expected a packet that fits the file at byte {start}, got one of {header}")
        if header["type"] == POLARITY:
            if header["size"] != EVENT.itemsize:
                raise ValueError(f"expected events of 8 bytes in the packet at byte {start}, got {header['size']}")
            yield _events(np.frombuffer(content, EVENT, int(header["number"]), body), header, start)
        start = end


def _events(records: Array, header: Array, start: int) -> Events:
    """The valid ones among a packet's events."""
    records = records[(records["data"] & 1).astype(bool)]
    if len(records) != header["valid"]:
        raise ValueError(f"expected {header['valid']} valid events in the packet at byte {start}, got {len(records)}")
    data = records["data"]
    t = (header["overflow"].astype(np.int64) << 31) + records["t"]
    try:
        return make_events(data >> 17, data >> 2 & 0x7FFF, t, data >> 1 & 1)
    except ValueError as error:
        raise ValueError(f"{error} of the packet at byte {start}") from error
