"""AEDAT 4.0, DV's format: packets of compressed flat buffers, and a table that lists them.

tonic's reader crashes the process on some damaged files; this one raises an error.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from art_snn.data.formats._aedat4_header import Header, read_header
from art_snn.data.formats._compression import MOST_PACKED, Compression, Packed
from art_snn.data.formats._flat_buffer import IDENTIFIER_END, Table, read_number, root_table
from art_snn.events import EVENT_DTYPE, FIELDS, check_events
from art_snn.typing import Array, Events

ELEMENTS = 0  # field of a packet of events
EVENT = np.dtype(
    {"names": ["t", "x", "y", "p"], "formats": ["<i8", "<i2", "<i2", "u1"], "offsets": [0, 8, 10, 12], "itemsize": 16}
)
PREFIX = 8  # bytes before a packet: its stream and its size
MOST_UNPACKED = (8, 1 << 26)  # most bytes of all events: times the file, plus bytes


class Packet(NamedTuple):
    """A packet of events as it lies in the file."""

    number: int  # among all packets
    body: int
    size: int
    unpacked: int


class Entry(NamedTuple):
    """A packet as the table lists it; older files leave the last three at 0."""

    body: int
    stream: int
    size: int
    number: int
    start: int
    end: int


class PacketTable:
    """The table of all packets.

    Raises:
        ValueError: If it is damaged.
    """

    def __init__(self, buffer: bytes) -> None:
        self._buffer = buffer
        self._first, self._n = root_table(buffer, b"FTAB").vector(0)

    def __len__(self) -> int:
        return self._n

    def entry(self, number: int) -> Entry:
        place = self._first + 4 * number
        table = Table(self._buffer, place + read_number(self._buffer, place, "<I"))
        packet = table.field(1)
        if packet is None:
            raise ValueError(f"expected entry {number} of the table to hold a packet, got none")
        stream, size = (read_number(self._buffer, packet + offset, "<i") for offset in (0, 4))
        body, *contents = (table.number(field, "<q", default=0) for field in (0, 2, 3, 4))
        return Entry(body, stream, size, *contents)


def parse_aedat4(content: bytes) -> Events:
    """Read the event stream that the header declares; of several, the one of the lowest number.

    Raises:
        ValueError: If a part of the file is damaged, contradicts another part, or leaves bytes unused.
        ModuleNotFoundError: If the library that unpacks the file's compression is not installed.

    Source: iniVation, AEDAT 4.0 file format, https://docs.inivation.com/software/software-advanced-usage/file-formats.
    """
    header = read_header(content)
    view = memoryview(content)
    table = None if header.table is None else PacketTable(_unpack(view[header.table :], header.compression))
    packets = list(_event_packets(view, header, table))
    unpacked, most = sum(packet.unpacked for packet in packets), MOST_UNPACKED[0] * len(content) + MOST_UNPACKED[1]
    if unpacked > most:
        raise ValueError(f"expected to unpack at most {most} bytes of events, got {unpacked}")
    events, n = np.empty(unpacked // EVENT.itemsize, EVENT_DTYPE), 0
    for packet in packets:
        records = _records(view, packet, header.compression, table)
        for field in FIELDS:
            events[field][n : n + len(records)] = records[field]
        n += len(records)
    if sensor_size := header.streams[header.events].sensor_size:
        check_events(events[:n], sensor_size)
    return events[:n]


def _event_packets(view: memoryview, header: Header, table: PacketTable | None) -> Iterator[Packet]:
    """Yield the packets of the event stream; check all packets against the header and the table."""
    at, end = header.end, header.table or len(view)
    number = 0
    while at < end:
        try:
            stream, size, head = _packet(view[at:end], header)
            if table is not None and (entry := table.entry(number))[:3] != (at + PREFIX, stream, size):
                raise ValueError(f"expected the packet that the table lists, {entry}, got {size} bytes of {stream}")
            if stream == header.events:
                yield Packet(number, at + PREFIX, size, _unpacked_size(head, size))
        except ValueError as error:
            raise ValueError(f"{error} in the packet at byte {at}") from error
        at += PREFIX + size
        number += 1
    if table is not None and number != len(table):
        raise ValueError(f"expected {len(table)} packets, as the table says, got {number}")


def _packet(view: memoryview, header: Header) -> tuple[int, int, bytes]:
    """The stream of a packet, its size and its first bytes."""
    stream, size = read_number(view, 0, "<i"), read_number(view, 4, "<i")
    if not 0 <= size <= len(view) - PREFIX:
        raise ValueError(f"expected a packet that fits the file, got one of {size} bytes")
    if stream not in header.streams:
        raise ValueError(f"expected a stream that the header declares, {[*header.streams]}, got {stream}")
    head = header.compression.head(view[PREFIX : PREFIX + size], IDENTIFIER_END)
    if (found := head[8:]) != header.streams[stream].identifier.encode():
        raise ValueError(f"expected {header.streams[stream].identifier} in stream {stream}, got {found!r}")
    return stream, size, head


def _records(view: memoryview, packet: Packet, compression: Compression, table: PacketTable | None) -> Array:
    """The events of one packet, in its own layout."""
    try:
        buffer = _unpack(view[packet.body : packet.body + packet.size], compression)
        first, n = root_table(buffer, b"EVTS").only_vector(ELEMENTS, EVENT.itemsize)
        records = np.frombuffer(buffer, EVENT, n, first)
        if table is not None:
            _check_contents(records, table.entry(packet.number))
    except ValueError as error:
        raise ValueError(f"{error} in the packet at byte {packet.body - PREFIX}") from error
    return records


def _check_contents(records: Array, entry: Entry) -> None:
    """Check the number of events and their first and last time against the table; older files list none."""
    ends = (int(records["t"][0]), int(records["t"][-1])) if len(records) else (entry.start, entry.end)
    if any(entry[3:]) and (len(records), *ends) != entry[3:]:
        raise ValueError(f"expected what the table lists, {entry}, got {len(records)} events at {ends} µs")


def _unpack(packed: Packed, compression: Compression) -> bytes:
    """Unpack a flat buffer, no larger than it says."""
    return compression.whole(packed, _unpacked_size(compression.head(packed, 4), len(packed)))


def _unpacked_size(head: bytes, packed_size: int) -> int:
    """Size that a flat buffer states, if its packed bytes can hold so much."""
    size = 4 + read_number(head, 0, "<I")
    if size > (most := MOST_PACKED * packed_size):
        raise ValueError(f"expected at most {most} bytes in {packed_size}, got {size}")
    return size
