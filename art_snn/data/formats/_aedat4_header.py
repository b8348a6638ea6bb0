"""Header of an AEDAT 4 file: its compression, the place of its table of packets, and the streams it declares."""

from typing import NamedTuple
from xml.etree import ElementTree

from art_snn.data.formats._compression import COMPRESSIONS, Compression
from art_snn.data.formats._flat_buffer import Table, read_number, root_table

VERSION_LINE = b"#!AER-DAT4.0\r\n"
COMPRESSION, TABLE_POSITION, INFO = range(3)  # fields
MOST_INFO = 1 << 20  # bytes; a tree of nodes takes many times its text
EVENTS = "EVTS"


class Stream(NamedTuple):
    """A stream as the header declares it."""

    identifier: str
    sensor_size: tuple[int, int] | None


class Header(NamedTuple):
    """The facts needed to read the packets."""

    end: int  # the first packet's byte
    compression: Compression
    table: int | None  # the table's byte
    streams: dict[int, Stream]

    @property
    def events(self) -> int:
        """Number of the event stream, the lowest if there are several."""
        return min(number for number, stream in self.streams.items() if stream.identifier == EVENTS)


def read_header(content: bytes) -> Header:
    """Read the header of a file.

    Raises:
        ValueError: If it is damaged, or declares no event stream.
    """
    start = len(VERSION_LINE)
    if not content.startswith(VERSION_LINE):
        raise ValueError(f"expected the line {VERSION_LINE!r}, got {content[:start]!r}")
    end = start + 4 + read_number(content, start, "<I")
    try:
        table = root_table(content[start:end], b"IOHE")
        compression = table.number(COMPRESSION, "<i", default=0)
        if compression not in COMPRESSIONS:
            raise ValueError(f"expected a compression in {[*COMPRESSIONS]}, got {compression}")
        position = table.number(TABLE_POSITION, "<q", default=-1)
        if position != -1 and not end <= position < len(content):
            raise ValueError(f"expected the table of packets within {len(content)} bytes, got it at byte {position}")
        streams = _streams(_info(table))
    except ValueError as error:
        raise ValueError(f"{error} in the header") from error
    return Header(end, COMPRESSIONS[compression], None if position == -1 else position, streams)


def _info(table: Table) -> ElementTree.Element:
    """The XML that describes the streams."""
    first, n = table.only_vector(INFO, item_size=1, end=8)
    if n > MOST_INFO:
        raise ValueError(f"expected at most {MOST_INFO} bytes of XML, got {n}")
    text = table.buffer[first : first + n].decode("utf-8")
    if "<!" in text:
        raise ValueError("expected XML without declarations, got one")
    try:
        return ElementTree.fromstring(text)  # noqa: S314 - nothing can be declared, so nothing grows
    except ElementTree.ParseError as error:
        raise ValueError(f"expected XML, got: {error}") from error


def _streams(info: ElementTree.Element) -> dict[int, Stream]:
    streams = {}
    for node in info.findall("node[@name='outInfo']/node"):
        name = node.get("name", "")
        if not (name.isascii() and name.isdigit()):
            raise ValueError(f"expected streams to be numbered, got {name!r}")
        sides = [_attribute(node, f"node[@name='info']/attr[@key='{key}']") for key in ("sizeX", "sizeY")]
        size = (int(sides[0]), int(sides[1])) if all(side.isascii() and side.isdigit() for side in sides) else None
        streams[int(name)] = Stream(_attribute(node, "attr[@key='typeIdentifier']"), size)
    if not any(stream.identifier == EVENTS for stream in streams.values()):
        raise ValueError(f"expected a stream of {EVENTS}, got {[stream.identifier for stream in streams.values()]}")
    return streams


def _attribute(node: ElementTree.Element, path: str) -> str:
    return node.findtext(path) or ""
