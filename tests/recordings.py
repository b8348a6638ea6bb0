"""Recordings of every format, written by the rules of its publication and by no code that reads it."""

import io
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import lz4.frame
import numpy as np
import zstandard

from art_snn.events import make_events
from art_snn.typing import Events

SIDE = 128


def stream(n: int = 40, seed: int = 0, width: int = SIDE, height: int = SIDE) -> Events:
    """Events all over the sensor, two at a time in places."""
    rng = np.random.default_rng(seed)
    times = np.sort(rng.integers(0, 300_000, n))
    return make_events(rng.integers(0, width, n), rng.integers(0, height, n), times, rng.integers(0, 2, n))


def columns(events: Events) -> list[np.ndarray]:
    return [events[name].astype(np.int64) for name in "xytp"]


def atis(events: Events) -> bytes:
    x, y, t, p = columns(events)
    return np.stack([x, y, p << 7 | t >> 16, t >> 8 & 0xFF, t & 0xFF], axis=1).astype(np.uint8).tobytes()


def aedat2(events: Events, comments: bytes = b"# written by a test\r\n") -> bytes:
    x, y, t, p = columns(events)
    address = 127 - x << 8 | 127 - y << 1 | 1 - p
    return b"#!AER-DAT2.0\r\n" + comments + np.stack([address, t], axis=1).astype(">u4").tobytes()


def aedat3_packet(
    events: Events, *, kind: int = 1, source: int = 1, overflow: int = 0, size: int = 8, offset: int = 4, **numbers: int
) -> bytes:
    """A packet of polarity events; the numbers that its header states are theirs, unless given otherwise."""
    x, y, t, p = columns(events)
    stated = {"capacity": len(events), "number": len(events), "valid": len(events)} | numbers
    header = struct.pack("<hhiiiiii", kind, source, size, offset, overflow, *stated.values())
    return header + np.stack([x << 17 | y << 2 | p << 1 | 1, t], axis=1).astype("<u4").tobytes()


def aedat3_special(*kinds: int) -> bytes:
    events = b"".join(struct.pack("<II", kind << 1 | 1, 5) for kind in kinds)
    return struct.pack("<hhiiiiii", 0, 1, 8, 4, 0, *[len(kinds)] * 3) + events


AEDAT3_COMMENTS = b"#!AER-DAT3.1\r\n#Format: RAW\r\n#!END-HEADER\r\n"


def aedat3(events: Events) -> bytes:
    return AEDAT3_COMMENTS + aedat3_packet(events[:15]) + aedat3_special(1, 2, 18) + aedat3_packet(events[15:])


def flat_buffer(identifier: bytes, fields: Sequence[bytes], vector: bytes = b"") -> bytes:
    """A root table of these inline fields, its vector behind it, and the buffer's size before all."""
    offsets = [4 + sum(map(len, fields[:number])) for number in range(len(fields))]
    layout = struct.pack(f"<{2 + len(fields)}H", 4 + 2 * len(fields), 4 + sum(map(len, fields)), *offsets)
    layout += bytes(-len(layout) % 4)
    buffer = struct.pack("<I4s", 8 + len(layout), identifier) + layout + struct.pack("<i", len(layout))
    buffer += b"".join(fields) + vector
    return struct.pack("<I", len(buffer)) + buffer


def aedat4_packet(events: Events) -> bytes:
    """A flat buffer of events, not packed yet."""
    x, y, t, p = columns(events)
    body = b"".join(struct.pack("<qhhB3x", *event) for event in zip(t, x, y, p, strict=True))
    return flat_buffer(b"EVTS", [struct.pack("<I", 4)], struct.pack("<I", len(events)) + body)


FRAME = flat_buffer(b"FRME", [bytes(4)])
COMPRESS: dict[int, Callable[[bytes], bytes]] = {
    0: bytes,
    1: lz4.frame.compress,
    3: zstandard.ZstdCompressor().compress,
}
DECLARED = {0: "FRME", 1: "EVTS"}


def aedat4_info(streams: dict[int, str], side: int) -> str:
    """What the header says of the streams."""
    nodes = "".join(
        f'<node name="{number}"><attr key="typeIdentifier" type="string">{identifier}</attr><node name="info">'
        f'<attr key="sizeX" type="int">{side}</attr><attr key="sizeY" type="int">{side}</attr></node></node>'
        for number, identifier in streams.items()
    )
    return f'<dv version="2.0"><node name="outInfo">{nodes}</node></dv>'


@dataclass
class Aedat4:
    """A file of packets (stream, flat buffer), with everything about it that a test may falsify."""

    packets: list[tuple[int, bytes]]
    compression: int = 1
    streams: dict[int, str] = field(default_factory=lambda: dict(DECLARED))
    info: str | None = None
    side: int = SIDE
    with_table: bool = True
    counts: list[tuple[int, int, int]] | None = None  # what the table says of each packet: number, first and last µs
    entries: Callable[[list[bytes]], list[bytes]] = list  # what becomes of the table's entries
    behind: bytes = b""

    def build(self) -> bytes:
        compress = COMPRESS[self.compression]
        line, packed = b"#!AER-DAT4.0\r\n", [compress(buffer) for _, buffer in self.packets]
        start, body, entries = len(line) + len(self._header(0)), b"", []
        for (number, _), content, counts in zip(self.packets, packed, self.counts or self.true_counts(), strict=True):
            entries.append(
                struct.pack("<qiiqqq", start + len(body) + 8, number, len(content), *counts)  # as the fields lie
            )
            body += struct.pack("<ii", number, len(content)) + content
        if not self.with_table:
            return line + self._header(-1) + body + self.behind
        return line + self._header(start + len(body)) + body + compress(self._table(entries)) + self.behind

    def _header(self, position: int) -> bytes:
        text = (aedat4_info(self.streams, self.side) if self.info is None else self.info).encode()
        fields = [struct.pack("<i", self.compression), struct.pack("<q", position), struct.pack("<I", 4)]
        return flat_buffer(b"IOHE", fields, struct.pack("<I", len(text)) + text + b"\0")

    def true_counts(self) -> list[tuple[int, int, int]]:
        """What the table should say."""
        counts = []
        for _, buffer in self.packets:
            start = buffer.find(struct.pack("<I", 4), 20) + 8
            times = np.frombuffer(buffer[start:], "<i8")[::2] if buffer[8:12] == b"EVTS" else []
            counts.append((len(times), int(times[0]), int(times[-1])) if len(times) else (0, 0, 0))
        return counts

    def _table(self, entries: list[bytes]) -> bytes:
        """A vector of tables, whose common layout lies behind them."""
        entries = self.entries(entries)
        n, size = len(entries), 4 + 40
        layout = struct.pack("<7H", 14, size, 4, 12, 20, 28, 36)
        places = b"".join(struct.pack("<I", 4 * (n - k) + size * k) for k in range(n))
        tables = b"".join(struct.pack("<i", size * (k - n)) + entry for k, entry in enumerate(entries))
        return flat_buffer(b"FTAB", [struct.pack("<I", 4)], struct.pack("<I", n) + places + tables + layout)


def aedat4(events: Events, compression: int = 1, *, with_table: bool = True) -> bytes:
    packets = [(1, aedat4_packet(events[:15])), (0, FRAME), (1, aedat4_packet(events[15:]))]
    return Aedat4(packets, compression, with_table=with_table).build()


def saved(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def npy(events: Events) -> bytes:
    array = np.zeros(len(events), [("t", ">u8"), ("p", bool), ("x", np.uint16), ("y", np.int64)])
    for name in "xytp":
        array[name] = events[name]
    return saved(array)


def gesture_npy(events: Events) -> bytes:
    """The four columns that tonic cuts out of DVS128 Gesture, with ms."""
    x, y, t, p = columns(events)
    return saved(np.stack([x, y, p, t // 1000], axis=1).astype(np.float32))


def npz(events: Events) -> bytes:
    file = io.BytesIO()
    np.savez(file, **{name: events[name] for name in "tpyx"})
    return file.getvalue()


def packed_npz(events: Events) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **{name: events[name] for name in "tpyx"})
    return file.getvalue()


FILES: dict[str, tuple[str, Callable[[Events], bytes]]] = {
    "atis": (".bin", atis),
    "aedat2": (".aedat", aedat2),
    "aedat3": (".aedat", aedat3),
    "aedat4": (".aedat4", aedat4),
    "aedat4, not packed": (".aedat4", lambda events: aedat4(events, 0)),
    "aedat4, Zstandard": (".aedat4", lambda events: aedat4(events, 3)),
    "aedat4, no table": (".aedat4", lambda events: aedat4(events, 0, with_table=False)),
    "npy": (".npy", npy),
    "npz": (".npz", npz),
    "npz, packed": (".npz", packed_npz),
}


def write(folder: Path, kind: str, content: bytes) -> Path:
    """A file of this kind in a folder."""
    path = folder / f"recording{FILES[kind][0]}"
    path.write_bytes(content)
    return path
