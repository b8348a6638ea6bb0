"""AEDAT 4.0, DV's format: packets of compressed flat buffers.

The reader on which tonic builds ends the whole process on some damaged files; this one raises an error.
"""

import importlib
import struct
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np

from art_snn.events import EVENT_DTYPE, make_events
from art_snn.typing import Events

VERSION_LINE = b"#!AER-DAT4.0\r\n"
COMPRESSION, TABLE_POSITION = 0, 1  # fields of the file's header
ELEMENTS = 0  # field of a packet of events
EVENT = np.dtype(
    {"names": ["t", "x", "y", "p"], "formats": ["<i8", "<i2", "<i2", "u1"], "offsets": [0, 8, 10, 12], "itemsize": 16}
)
MOST_PACKED = 64  # times that a packet of events may be smaller than what it holds

Inflate = Callable[[bytes, int], bytes]  # what is packed, and the most bytes of it that are wanted


def parse_aedat4(content: bytes) -> Events:
    """The events of the file's first event stream.

    Raises:
        ValueError: If a size or a position that the file states is not within it, or a packet cannot be unpacked.
        ModuleNotFoundError: If the library that unpacks the file's compression is not installed.

    Source: iniVation, AEDAT 4.0 file format, https://docs.inivation.com/software/software-advanced-usage/file-formats.
    """
    at = len(VERSION_LINE)
    header = content[at : at + 4 + _number("<I", content, at)]
    compression = _field("<i", header, COMPRESSION, default=0)
    table = _field("<q", header, TABLE_POSITION, default=-1)
    if compression not in INFLATE:
        raise ValueError(f"expected a compression in {[*INFLATE]}, got {compression}")
    inflate = INFLATE[compression]
    if table != -1 and _unpack(content[max(table, 0) :], b"FTAB", inflate) is None:
        raise ValueError(f"expected the table of packets at byte {table} of {len(content)}, got none")
    streams = defaultdict(list)
    at += len(header)
    end = len(content) if table == -1 else table
    while at < end:
        stream, size = _number("<i", content, at), _number("<i", content, at + 4)
        if not 0 <= size <= end - at - 8:
            raise ValueError(f"expected a packet that fits the file at byte {at}, got one of {size} bytes")
        try:
            if packet := _unpack(content[at + 8 : at + 8 + size], b"EVTS", inflate):
                streams[stream].append(_events(packet))
        except ValueError as error:
            raise ValueError(f"{error} of the packet at byte {at}") from error
        at += 8 + size
    return np.concatenate(streams[min(streams)]) if streams else np.empty(0, EVENT_DTYPE)


def _unpack(packed: bytes, identifier: bytes, inflate: Inflate) -> bytes | None:
    """A flat buffer with its size before it, if it is of this kind; of another, no more than its head is unpacked."""
    head = inflate(packed, 12)
    if head[8:] != identifier:
        return None
    size = 4 + _number("<I", head, 0)
    if size > MOST_PACKED * len(packed):
        raise ValueError(f"expected at most {MOST_PACKED * len(packed)} bytes in {len(packed)}, got {size}")
    buffer = inflate(packed, size + 1)
    if len(buffer) != size:
        raise ValueError(f"expected {size} bytes, as the buffer says itself, got {len(buffer)}")
    return buffer


def _events(buffer: bytes) -> Events:
    """The events of one unpacked packet."""
    place = _place(buffer, ELEMENTS)
    if place is None:
        return np.empty(0, EVENT_DTYPE)
    place += _number("<I", buffer, place)
    events = np.frombuffer(buffer, EVENT, _number("<I", buffer, place), place + 4)  # numpy compares number and bytes
    return make_events(events["x"], events["y"], events["t"], events["p"])


def _field(kind: str, buffer: bytes, field: int, default: int) -> int:
    place = _place(buffer, field)
    return default if place is None else _number(kind, buffer, place)


def _place(buffer: bytes, field: int) -> int | None:
    """Where a field of the root table lies, or None where the buffer leaves it at its default."""
    table = 4 + _number("<I", buffer, 4)
    layout = table - _number("<i", buffer, table)
    if 4 + 2 * field >= _number("<H", buffer, layout):
        return None
    offset = _number("<H", buffer, layout + 4 + 2 * field)
    return table + offset if offset else None


def _number(kind: str, buffer: bytes, place: int) -> int:
    if not 0 <= place <= len(buffer) - struct.calcsize(kind):
        raise ValueError(f"expected a number at byte {place}, got {len(buffer)} bytes in all")
    number: int = struct.unpack_from(kind, buffer, place)[0]
    return number


def _inflate_none(packed: bytes, most: int) -> bytes:
    return packed[:most]


def _inflate_lz4(packed: bytes, most: int) -> bytes:
    decompressor = _extra("lz4.frame").LZ4FrameDecompressor()
    try:
        content = bytes(decompressor.decompress(packed, max_length=most))
    except RuntimeError as error:
        raise ValueError(f"expected an LZ4 frame, got: {error}") from error
    if len(content) < most and (decompressor.unused_data or not decompressor.eof):
        raise ValueError("expected an LZ4 frame and nothing else, got one that is cut, or more")
    return content


def _inflate_zstd(packed: bytes, most: int) -> bytes:
    zstandard = _extra("zstandard")
    try:
        return bytes(zstandard.ZstdDecompressor().stream_reader(packed).read(most))
    except zstandard.ZstdError as error:
        raise ValueError(f"expected a Zstandard frame, got: {error}") from error


def _extra(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f"AEDAT 4 needs {module}: pip install 'art-snn[aedat]'") from error


INFLATE: dict[int, Inflate] = {0: _inflate_none, 1: _inflate_lz4, 2: _inflate_lz4, 3: _inflate_zstd, 4: _inflate_zstd}
