"""AEDAT 3.1, cAER's format: DVS128 Gesture is published in it."""

import struct
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from art_snn.data.formats._header_comments import comment_lines
from art_snn.events import EVENT_DTYPE, make_events
from art_snn.typing import Events

END_OF_COMMENTS = b"#!END-HEADER\r\n"
HEADER = struct.Struct("<hhiiiiii")
SPECIAL, POLARITY, FRAME = range(3)  # types of packets
SIZES = {  # bytes of one event of each type; microphones and neuron chips are left out: theirs look like polarity's
    SPECIAL: 8,
    POLARITY: 8,
    FRAME: 36,  # and its pixels
    3: 36,  # acceleration and rotation
    4: 48,  # and the magnetic field
    7: 10,  # settings
    8: 12,  # measurements of 1 to 4 numbers
    9: 16,
    10: 20,
    11: 24,
    13: 72,  # of 16
}
SPECIAL_KINDS = 19
TIME_OFFSET = 4
EVENT = np.dtype([("data", "<u4"), ("t", "<i4")])  # data: 15 bits x, 15 bits y, 1 bit polarity, 1 bit valid


class Packet(NamedTuple):
    """A packet's header, and where its events begin."""

    type: int
    source: int
    size: int  # of one event
    time_offset: int  # in an event
    overflow: int  # number of times that the clock of 31 bits overflowed
    capacity: int
    number: int
    valid: int
    body: int

    @property
    def end(self) -> int:
        return self.body + self.capacity * self.size


def parse_aedat3(content: bytes) -> Events:
    """Read the valid polarity events of all packets.

    Raises:
        ValueError: If the comments have no end, or a packet is of no known type, longer than the bytes that are left,
            or contradicts itself or another one.

    Source: iniVation, AEDAT 3.1 file format, https://docs.inivation.com/software/software-advanced-usage/file-formats.
    """
    packets = list(_polarity_packets(content))
    return np.concatenate(packets) if packets else np.empty(0, EVENT_DTYPE)


def _polarity_packets(content: bytes) -> Iterator[Events]:
    """Yield the events of each polarity packet, and check all packets."""
    start = _end_of_comments(content)
    source = None
    while start < len(content):
        try:
            packet = _packet(content, start)
            if packet.type == POLARITY:
                source = packet.source if source is None else source
                if packet.source != source:
                    raise ValueError(f"expected the events of source {source} alone, got source {packet.source}")
                yield _events(content, packet)
        except ValueError as error:
            raise ValueError(f"{error} in the packet at byte {start}") from error
        start = packet.end


def _end_of_comments(content: bytes) -> int:
    for start, end in comment_lines(content):
        if content[start:end] == END_OF_COMMENTS:
            return end
    raise ValueError(f"expected comments up to {END_OF_COMMENTS!r}, got no such line")


def _packet(content: bytes, start: int) -> Packet:
    if (left := len(content) - start - HEADER.size) < 0:
        raise ValueError(f"expected a header of {HEADER.size} bytes, got {HEADER.size + left}")
    packet = Packet._make((*HEADER.unpack_from(content, start), start + HEADER.size))
    if packet.type not in SIZES:
        raise ValueError(f"expected a type of {[*SIZES]}, got {packet.type}")
    size = SIZES[packet.type]
    if packet.size < size or (packet.size > size and packet.type != FRAME):
        raise ValueError(f"expected events of {size} bytes, got {packet.size}")
    if not 0 <= packet.valid <= packet.number <= packet.capacity <= left // packet.size or packet.overflow < 0:
        raise ValueError(f"expected numbers that fit each other and the {left} bytes that are left, got {packet}")
    _check_marks(content, packet)
    return packet


def _check_marks(content: bytes, packet: Packet) -> None:
    """Check that as many events are marked valid as the header says, and that unused bytes are zero."""
    body = np.frombuffer(content, np.uint8, packet.end - packet.body, packet.body)
    used = packet.number * packet.size
    first_bytes = body[: used : packet.size]
    valid = first_bytes[(first_bytes & 1).astype(bool)]
    if len(valid) != packet.valid:
        raise ValueError(f"expected {packet.valid} valid events, got {len(valid)}")
    if body[used:].any():
        raise ValueError(f"expected {packet.number} events, got something after the last one")
    if packet.type == SPECIAL and valid.max(initial=0) >> 1 >= SPECIAL_KINDS:
        raise ValueError(f"expected special events of kinds below {SPECIAL_KINDS}, got kind {valid.max() >> 1}")


def _events(content: bytes, packet: Packet) -> Events:
    """The valid events of a polarity packet."""
    if packet.time_offset != TIME_OFFSET:
        raise ValueError(f"expected times at byte {TIME_OFFSET} of an event, got {packet.time_offset}")
    records = np.frombuffer(content, EVENT, packet.number, packet.body)
    records = records[(records["data"] & 1).astype(bool)]
    if records["t"].min(initial=0) < 0:
        raise ValueError(f"expected times of 31 bits, got {records['t'].min()}")
    data = records["data"]
    t = (packet.overflow << 31) + records["t"].astype(np.int64)
    return make_events(data >> 17, data >> 2 & 0x7FFF, t, data >> 1 & 1)
