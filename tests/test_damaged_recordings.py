"""Damaged recordings: an error wherever the file itself can tell, and never a crash or more memory than it is worth."""

import struct
import tracemalloc
import zipfile
from io import BytesIO
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from art_snn.data.formats import read_events
from art_snn.events import check_events
from art_snn.typing import Events
from tests.recordings import (
    AEDAT3_COMMENTS,
    FILES,
    FRAME,
    SIDE,
    Aedat4,
    aedat4_packet,
    flat_buffer,
    saved,
    stream,
    write,
)

EVENTS = stream()
CONTENTS = {kind: make(EVENTS) for kind, (_, make) in FILES.items()}
AEDAT2_START = CONTENTS["aedat2"].index(b"test\r\n") + len(b"test\r\n")
AEDAT3_START = len(AEDAT3_COMMENTS)
PACKETS = [(1, aedat4_packet(EVENTS[:15])), (0, FRAME), (1, aedat4_packet(EVENTS[15:]))]
NO_TABLE_START = CONTENTS["aedat4, no table"].index(struct.pack("<ii", 1, len(PACKETS[0][1])))
NO_TABLE_CUTS = [NO_TABLE_START + sum(8 + len(buffer) for _, buffer in PACKETS[:n]) for n in range(3)]
NOTHING_TELLS = {  # where a file can end without contradicting itself
    "atis": range(0, 200, 5),
    "aedat2": range(AEDAT2_START, len(CONTENTS["aedat2"]), 8),
    "aedat3": [AEDAT3_START + length for length in (0, 28 + 15 * 8, 28 + 15 * 8 + 28 + 3 * 8)],
    "aedat4, no table": NO_TABLE_CUTS,
}


def read_or_none(kind: str, content: bytes) -> Events | None:
    """A stream that keeps every rule, or None for an error that names the file and fits a screen."""
    name = f"recording{FILES[kind][0]}"
    with patch("art_snn.data.formats.read_regular", lambda _: content):  # a thousand files take their time
        try:
            events = read_events(name, (SIDE, SIDE))
        except ValueError as error:
            if name not in str(error) or len(str(error)) > 400:
                raise
            return None
    check_events(events, (SIDE, SIDE))
    return events


@pytest.mark.parametrize("kind", FILES)
@settings(max_examples=60, deadline=2000)
@given(data=st.data())
def test_no_damage_loses_an_event_unseen_where_the_file_can_tell(kind, data):
    content = bytearray(CONTENTS[kind])
    places = st.integers(0, len(content) - 1)
    for place, byte in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), max_size=4)):
        content[place] = byte
    first, last = data.draw(st.tuples(places, places))
    del content[first:last]

    events = read_or_none(kind, bytes(content))

    if events is not None and kind == "atis":
        assert len(events) == len(content) / 5
    if events is not None and kind == "aedat2" and first >= AEDAT2_START:
        assert len(events) == (len(content) - AEDAT2_START) / 8
    if events is not None and (first >= last or kind not in NOTHING_TELLS):
        assert len(events) >= len(EVENTS)


@pytest.mark.parametrize("kind", FILES)
def test_a_flipped_bit_never_loses_an_event(kind):
    content = CONTENTS[kind]
    step = max(1, len(content) // 100)

    for place in range(kind.startswith("aedat") and 12, len(content), step):
        for bit in range(8):
            damaged = bytearray(content)
            damaged[place] ^= 1 << bit
            events = read_or_none(kind, bytes(damaged))
            assert events is None or len(events) >= len(EVENTS), (place, bit)


@pytest.mark.parametrize("kind", FILES)
def test_a_file_cut_anywhere_is_an_error_where_its_format_tells(kind):
    content = CONTENTS[kind]

    for end in sorted({*range(0, len(content), 7), *range(len(content) - 16, len(content))}):  # prime to 5 and 8
        events = read_or_none(kind, content[:end])
        if events is not None:
            assert end in NOTHING_TELLS[kind]
            assert np.array_equal(events, EVENTS[: len(events)])


def with_times(kind: str, *times: int) -> bytes:
    if kind == "npy":
        array = np.zeros(len(times), [("x", "i2"), ("y", "i2"), ("t", "i8"), ("p", "u1")])
        array["t"] = times
        return saved(array)
    if kind == "ms":
        return saved(np.array([(0, 0, 0, t) for t in times]))
    body = b"".join(struct.pack("<qhhB3x", t, 0, 0, 0) for t in times)
    packet = flat_buffer(b"EVTS", [struct.pack("<I", 4)], struct.pack("<I", len(times)) + body)
    return Aedat4([(1, packet)]).build()


@pytest.mark.parametrize(
    ("kind", "times", "complaint"),
    [
        ("npy", (-1, 5), "times from 0 µs on, got -1 in event 0"),
        ("npy", (-(2**63), 5), "times above -2.62"),
        ("npy", (5, 2**62), "below 2.62 µs, got 4611686018427387904 in event 1"),
        ("npy", (5, 2**63 - 1), "below 2.62 µs"),
        ("ms", (-1, 5), "times from 0 µs on, got -1000"),
        ("ms", (5, 2**60), "times of at most"),
        ("ms", (5, 2**52 + 2**51), "below 2.62 µs"),
        ("aedat4", (-1, 5), "times from 0 µs on"),
        ("aedat4", (5, 2**62), "below 2.62 µs"),
    ],
)
def test_times_that_no_clock_shows_are_an_error(tmp_path, kind, times, complaint):
    path = write(tmp_path, "npy" if kind == "ms" else kind, with_times(kind, *times))

    with pytest.raises(ValueError, match=complaint):
        read_events(path, (SIDE, SIDE))


def lying_npy(shape: str, dtype: str = "<i8") -> bytes:
    header = f"{{'descr': {dtype!r}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header


def flood_npz() -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for field in "xytp":
            archive.writestr(f"{field}.npy", bytes(1 << 26 if field == "x" else 9))
    return file.getvalue()


def twofold_npz() -> bytes:
    """An archive that holds the columns of another recording after the first."""
    file = BytesIO(CONTENTS["npz"])
    with zipfile.ZipFile(file, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("x.npy", saved(EVENTS["x"] * 0))
    return file.getvalue()


def flood_aedat4(compression: int) -> bytes:
    packet = struct.pack("<II4s", (1 << 26) - 4, 8, b"EVTS") + bytes((1 << 26) - 12)
    return Aedat4([(1, packet)], compression, with_table=False, counts=[(0, 0, 0)]).build()


FRAME_LAST = Aedat4(PACKETS[:2], 0, with_table=False).build()


@pytest.mark.parametrize(
    ("kind", "content", "complaint"),
    [
        ("npy", lying_npy("(1000000000000, 4)"), "32000000000000 bytes after the header, got 0"),
        ("npy", lying_npy("(-1, 4)"), "array of numbers"),
        ("npy", lying_npy("(3, 4)", "|O") + bytes(96), "array of numbers"),
        ("npy", lying_npy("(0,)"), "fields x, y, t, p"),
        ("npy", lying_npy("(1, 4)", "<f8") + struct.pack("<4d", 0.5, 0, 0, 0), "x to hold whole numbers"),
        ("npy", lying_npy("(1, 4)", "<f8") + struct.pack("<4d", 0, 0, 0, np.nan), "t to hold whole numbers"),
        ("npy", lying_npy("(1, 4)", "<f8") + struct.pack("<4d", 0, 0, 0, 1e300), "t to hold whole numbers"),
        ("npy", saved(np.zeros(1, [(f"f{i}", "u1") for i in range(300)])), "fields x, y, t, p"),
        ("npz", twofold_npz(), "one array each .* or several for x"),
        ("npz", flood_npz(), "within .* bytes of memory"),
        ("aedat4", FRAME_LAST[:-1], "packet that fits the file"),
        (
            "aedat4",
            FRAME_LAST + struct.pack("<ii", 0, -8),
            "packet that fits .* one of -8 bytes in the packet at byte",
        ),
        ("aedat4", flood_aedat4(1), "expected at most"),
        ("aedat4, Zstandard", flood_aedat4(3), "expected at most"),
    ],
)
def test_sizes_that_lie_are_an_error_and_take_no_memory(tmp_path, kind, content, complaint):
    path = write(tmp_path, kind, content)

    tracemalloc.start()
    with pytest.raises(ValueError, match=rf"{path}: .*{complaint}") as error:
        read_events(path, (SIDE, SIDE))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert len(str(error.value)) < len(str(path)) + 400
    assert peak < 4 * len(content) + (1 << 22)
