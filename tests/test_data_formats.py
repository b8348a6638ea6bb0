"""Files of event cameras: read to the event, and no damage goes unnoticed."""

import io
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import lz4.frame
import numpy as np
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from art_snn.data.formats import PARSERS, read_events
from art_snn.events import check_events, make_events
from art_snn.typing import Events

SIDE = 128


def stream(n: int = 40, seed: int = 0, width: int = SIDE, height: int = SIDE) -> Events:
    """Events all over the sensor, two at a time in places."""
    rng = np.random.default_rng(seed)
    times = np.sort(rng.integers(0, 300_000, n))
    return make_events(rng.integers(0, width, n), rng.integers(0, height, n), times, rng.integers(0, 2, n))


def columns(events: Events) -> list[np.ndarray]:
    return [events[field].astype(np.int64) for field in "xytp"]


def atis(events: Events) -> bytes:
    x, y, t, p = columns(events)
    return np.stack([x, y, p << 7 | t >> 16, t >> 8 & 0xFF, t & 0xFF], axis=1).astype(np.uint8).tobytes()


def aedat2(events: Events) -> bytes:
    x, y, t, p = columns(events)
    address = 127 - x << 8 | 127 - y << 1 | 1 - p
    return b"#!AER-DAT2.0\r\n# written by a test\r\n" + np.stack([address, t], axis=1).astype(">u4").tobytes()


def aedat3_packet(events: Events, kind: int = 1, overflow: int = 0, size: int = 8, valid: int | None = None) -> bytes:
    x, y, t, p = columns(events)
    n = len(events)
    header = struct.pack("<HHIIIIII", kind, 1, size, 4, overflow, n, n, n if valid is None else valid)
    return header + np.stack([x << 17 | y << 2 | p << 1 | 1, t], axis=1).astype("<u4").tobytes()


def aedat3(events: Events) -> bytes:
    comments = b"#!AER-DAT3.1\r\n#Format: RAW\r\n#!END-HEADER\r\n"
    special = aedat3_packet(events[:3], kind=0)  # of another kind, to be passed over
    return comments + aedat3_packet(events[:15]) + special + aedat3_packet(events[15:])


def flat_buffer(identifier: bytes, fields: list[bytes]) -> bytes:
    """A root table of these inline fields, with its size before it."""
    offsets = [4 + sum(map(len, fields[:number])) for number in range(len(fields))]
    layout = struct.pack(f"<{2 + len(fields)}H", 4 + 2 * len(fields), 4 + sum(map(len, fields)), *offsets)
    layout += bytes(-len(layout) % 4)
    buffer = struct.pack("<I4s", 8 + len(layout), identifier) + layout + struct.pack("<i", len(layout))
    return struct.pack("<I", len(buffer) + sum(map(len, fields))) + buffer + b"".join(fields)


def aedat4_packet(events: Events) -> bytes:
    x, y, t, p = columns(events)
    body = b"".join(struct.pack("<qhhB3x", *event) for event in zip(t, x, y, p, strict=True))
    head = flat_buffer(b"EVTS", [struct.pack("<I", 4)])
    content = head + struct.pack("<I", len(events)) + body
    return struct.pack("<I", len(content) - 4) + content[4:]


COMPRESS: dict[int, Callable[[bytes], bytes]] = {
    0: bytes,
    1: lz4.frame.compress,
    3: zstandard.ZstdCompressor().compress,
}


def aedat4_file(compression: int, packets: list[tuple[int, bytes]], table: bool = True) -> bytes:
    compress = COMPRESS[compression]
    packed = [(stream_id, compress(packet)) for stream_id, packet in packets]
    body = b"".join(struct.pack("<ii", stream_id, len(packet)) + packet for stream_id, packet in packed)
    line = b"#!AER-DAT4.0\r\n"
    end = len(line) + len(flat_buffer(b"IOHE", [bytes(4), bytes(8)])) + len(body) if table else -1
    header = flat_buffer(b"IOHE", [struct.pack("<i", compression), struct.pack("<q", end)])
    return line + header + body + (compress(flat_buffer(b"FTAB", [struct.pack("<I", 4)])) if table else b"")


def aedat4(events: Events, compression: int = 1) -> bytes:
    frame = flat_buffer(b"FRME", [bytes(4)])  # of another kind, to be passed over
    return aedat4_file(compression, [(1, aedat4_packet(events[:15])), (0, frame), (1, aedat4_packet(events[15:]))])


def npy(events: Events) -> bytes:
    file = io.BytesIO()
    array = np.zeros(len(events), [("t", ">u8"), ("p", bool), ("x", np.uint16), ("y", np.int64)])
    for field in "xytp":
        array[field] = events[field]
    np.save(file, array)
    return file.getvalue()


def gesture_npy(events: Events) -> bytes:
    """The four columns that tonic cuts out of DVS128 Gesture, with ms."""
    x, y, t, p = columns(events)
    file = io.BytesIO()
    np.save(file, np.stack([x, y, p, t // 1000], axis=1).astype(np.float32))
    return file.getvalue()


def npz(events: Events) -> bytes:
    file = io.BytesIO()
    np.savez(file, **{field: events[field] for field in "tpyx"})
    return file.getvalue()


def packed_npz(events: Events) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **{field: events[field] for field in "tpyx"})
    return file.getvalue()


FILES: dict[str, tuple[str, Callable[[Events], bytes]]] = {
    "atis": (".bin", atis),
    "aedat2": (".aedat", aedat2),
    "aedat3": (".aedat", aedat3),
    "aedat4": (".aedat4", aedat4),
    "aedat4, not packed": (".aedat4", lambda events: aedat4(events, 0)),
    "aedat4, Zstandard": (".aedat4", lambda events: aedat4(events, 3)),
    "npy": (".npy", npy),
    "npz": (".npz", npz),
    "npz, packed": (".npz", packed_npz),
}


EVENTS = stream()
CONTENTS = {kind: make(EVENTS) for kind, (_, make) in FILES.items()}
AEDAT2_START = CONTENTS["aedat2"].index(b"test\r\n") + len(b"test\r\n")
AEDAT3_START = CONTENTS["aedat3"].index(b"HEADER\r\n") + len(b"HEADER\r\n")
NOTHING_TELLS = {  # where a file can end without contradicting itself
    "atis": range(0, 200, 5),
    "aedat2": range(AEDAT2_START, len(CONTENTS["aedat2"]), 8),
    "aedat3": [AEDAT3_START + length for length in (0, 28 + 15 * 8, 28 + 15 * 8 + 28 + 3 * 8)],
}


def write(folder: Path, kind: str, content: bytes) -> Path:
    path = folder / f"recording{FILES[kind][0]}"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("kind", FILES)
def test_every_event_of_a_file_is_read_as_it_was_written(tmp_path, kind):
    events = stream()

    read = read_events(write(tmp_path, kind, FILES[kind][1](events)), (SIDE, SIDE))

    assert read.dtype == events.dtype
    assert np.array_equal(read, events)


def test_an_event_in_row_240_of_a_bin_file_is_damage_and_no_marker_of_overflow(tmp_path):
    path = tmp_path / "recording.bin"
    path.write_bytes(bytes([1, 1, 0x80, 0, 5, 3, 240, 0, 0, 6, 2, 2, 0, 0, 7]))

    with pytest.raises(ValueError, match=r"expected y in \[0, 34\), got 240 in event 1"):
        read_events(path, (34, 34))


def test_the_columns_of_tonics_gestures_are_read_with_their_milliseconds(tmp_path):
    events = stream()
    path = tmp_path / "3.npy"
    path.write_bytes(gesture_npy(events))

    read = read_events(path, (SIDE, SIDE))

    assert np.array_equal(read["t"], events["t"] // 1000 * 1000)
    assert all(np.array_equal(read[field], events[field]) for field in "xyp")


def test_of_several_event_streams_in_an_aedat4_file_the_first_is_read(tmp_path):
    others = stream(seed=1)
    content = aedat4_file(0, [(2, aedat4_packet(others)), (1, aedat4_packet(EVENTS)), (3, aedat4_packet(others))])

    assert np.array_equal(read_events(write(tmp_path, "aedat4", content), (SIDE, SIDE)), EVENTS)


def test_every_format_is_written_by_a_test():
    assert {suffix for suffix, _ in FILES.values()} == set(PARSERS)


def test_the_times_of_aedat3_go_on_where_its_counter_starts_again(tmp_path):
    events = stream()
    content = b"#!AER-DAT3.1\r\n#!END-HEADER\r\n" + aedat3_packet(events) + aedat3_packet(events, overflow=1)

    read = read_events(write(tmp_path, "aedat3", content), (SIDE, SIDE))

    assert np.array_equal(read["t"][40:], events["t"] + 2**31)


@pytest.mark.parametrize("kind", FILES)
def test_an_event_off_the_sensor_is_an_error_that_names_file_and_event(tmp_path, kind):
    path = write(tmp_path, kind, FILES[kind][1](make_events([5, 100], [5, 5], [0, 1], [1, 1])))

    with pytest.raises(ValueError, match=rf"{path}: expected x in \[0, 34\), got 100 in event 1"):
        read_events(path, (34, 34))


@pytest.mark.parametrize("kind", FILES)
def test_time_that_runs_backwards_is_an_error_that_names_file_and_event(tmp_path, kind):
    path = write(tmp_path, kind, FILES[kind][1](stream()[[3, 9, 5]]))

    with pytest.raises(ValueError, match=rf"{path}: expected times in order.* in event 2"):
        read_events(path, (SIDE, SIDE))


@pytest.mark.parametrize("kind", FILES)
def test_a_file_without_events_is_an_error_that_names_it(tmp_path, kind):
    path = write(tmp_path, kind, FILES[kind][1](stream()[:0]))

    with pytest.raises(ValueError, match=rf"{path}: expected at least one event, got none"):
        read_events(path, (SIDE, SIDE))


@pytest.mark.parametrize("kind", FILES)
def test_a_file_of_another_kind_or_none_is_an_error(tmp_path, kind):
    for content in (b"", b"#", b"no such file", bytes(3), b"\x93NUMPY", b"#!AER-DAT1.0\r\n"):
        with pytest.raises(ValueError, match="recording"):
            read_events(write(tmp_path, kind, content), (SIDE, SIDE))
    with pytest.raises(FileNotFoundError):
        read_events(tmp_path / f"none{FILES[kind][0]}", (SIDE, SIDE))
    with pytest.raises(ValueError, match=r"ending.*\.mat"):
        read_events(tmp_path / "recording.mat", (SIDE, SIDE))


def read_or_none(path: Path) -> Events | None:
    """A stream that keeps every rule, or None for an error that names the file."""
    try:
        events = read_events(path, (SIDE, SIDE))
    except ValueError as error:
        if str(path) not in str(error):
            raise
        return None
    check_events(events, (SIDE, SIDE))
    return events


@pytest.mark.parametrize("kind", FILES)
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=2000)
@given(data=st.data())
def test_flipped_and_lost_bytes_make_an_error_or_a_stream_within_the_rules(tmp_path, kind, data):
    content = bytearray(CONTENTS[kind])
    places = st.integers(0, len(content) - 1)
    for place, byte in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), max_size=4)):
        content[place] = byte
    first, last = data.draw(st.tuples(places, places))
    del content[first:last]

    events = read_or_none(write(tmp_path, kind, bytes(content)))

    if events is not None and kind == "atis":
        assert len(events) == len(content) / 5
    if events is not None and kind == "aedat2" and first >= AEDAT2_START:
        assert len(events) == (len(content) - AEDAT2_START) / 8
    if events is not None and kind not in NOTHING_TELLS:
        assert first >= last, "a shorter file was taken for whole"


@pytest.mark.parametrize("kind", FILES)
def test_a_file_cut_anywhere_is_an_error_where_its_format_tells(tmp_path, kind):
    content = CONTENTS[kind]

    for end in sorted({*range(0, len(content), 7), *range(len(content) - 16, len(content))}):  # prime to 5 and 8
        events = read_or_none(write(tmp_path, kind, content[:end]))
        if events is not None:
            assert end in NOTHING_TELLS[kind]
            assert np.array_equal(events, EVENTS[: len(events)])


def lying_npy(shape: str, dtype: str = "<i8") -> bytes:
    header = f"{{'descr': {dtype!r}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header


def flood_npz() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for field in "xytp":
            archive.writestr(f"{field}.npy", bytes(1 << 26))
    return file.getvalue()


def flood_aedat4(compression: int) -> bytes:
    packet = struct.pack("<II4s", (1 << 26) - 4, 8, b"EVTS") + bytes((1 << 26) - 12)
    return aedat4_file(compression, [(0, packet)], table=False)


FRAME_LAST = aedat4_file(0, [(1, aedat4_packet(EVENTS)), (0, flat_buffer(b"FRME", [bytes(40)]))], table=False)


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
        ("npz", flood_npz(), "at most 100 times the file"),
        ("aedat3", b"#!AER-DAT3.1\r\n#!END-HEADER\r\n" + b"\xff" * 28, "packet that fits the file at byte 28"),
        ("aedat3", CONTENTS["aedat3"] + aedat3_packet(EVENTS, valid=39), "39 valid events.*got 40"),
        ("aedat3", CONTENTS["aedat3"] + aedat3_packet(EVENTS, size=4), "packet"),
        (
            "aedat3",
            CONTENTS["aedat3"][: AEDAT3_START + 20] + b"\xff" + CONTENTS["aedat3"][AEDAT3_START + 21 :],
            "packet that fits",
        ),
        ("aedat4", FRAME_LAST[:-1], "packet that fits the file"),
        ("aedat4", FRAME_LAST + struct.pack("<ii", 0, -8), "packet that fits the file at byte .* one of -8 bytes"),
        ("aedat4", flood_aedat4(1), "expected at most"),
        ("aedat4, Zstandard", flood_aedat4(3), "expected at most"),
    ],
)
def test_sizes_that_lie_are_an_error_and_take_no_memory(tmp_path, kind, content, complaint):
    path = write(tmp_path, kind, content)

    tracemalloc.start()
    with pytest.raises(ValueError, match=rf"{path}: .*{complaint}"):
        read_events(path, (SIDE, SIDE))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 4 * len(content) + (1 << 22)


def test_a_compression_whose_library_is_missing_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "lz4.frame", None)

    with pytest.raises(ModuleNotFoundError, match=r"art-snn\[aedat\]"):
        read_events(write(tmp_path, "aedat4", CONTENTS["aedat4"]), (SIDE, SIDE))


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "sensor_size", "n_events"),
    [
        ("event_format_samples/ncaltech101_faces_easy_0001.bin", (240, 180), 67_445),
        ("event_format_samples/davis346_sample.aedat4", (346, 260), 6_676),
        ("event_format_samples/tonic_sample.aedat4", (320, 240), 111_954),
        ("dvs_gesture/01.bin", (128, 128), 44_482),
        ("mnist_dvs/mnist_0_scale04_0001.aedat", (128, 128), 15_744),
    ],
)
def test_real_recordings_hold_as_many_events_as_their_publisher_says(real_data, name, sensor_size, n_events):
    assert len(read_events(real_data / name, sensor_size)) == n_events


@pytest.mark.data
@pytest.mark.parametrize("name", ["davis346_sample.aedat4", "tonic_sample.aedat4"])
def test_real_aedat4_files_are_read_as_the_library_under_tonic_reads_them(real_data, name):
    aedat = pytest.importorskip("aedat")
    path = real_data / "event_format_samples" / name

    events = read_events(path, (346, 260))

    packets = [packet["events"] for packet in aedat.Decoder(str(path)) if "events" in packet]
    theirs = np.concatenate(packets)
    assert all(np.array_equal(events[field], theirs[field]) for field in "xytp")


@pytest.mark.data
@pytest.mark.parametrize("name", ["ncaltech101_faces_easy_0001.bin", "tonic_sample_nmnist.bin"])
def test_real_bin_files_are_read_as_tonic_reads_them(real_data, name):
    tonic_io = pytest.importorskip("tonic.io")
    path = real_data / "event_format_samples" / name

    events = read_events(path, (240, 180))

    theirs = tonic_io.read_mnist_file(str(path), events.dtype)
    assert np.array_equal(events, theirs)


@pytest.mark.data
def test_a_real_aedat2_digit_stands_upright_and_leans_to_the_right(real_data):
    events = np.concatenate(
        [read_events(path, (SIDE, SIDE)) for path in sorted((real_data / "mnist_dvs").glob("*.aedat"))]
    )

    x, y = (events[field] - np.median(events[field]) for field in "xy")
    near = (abs(x) < 20) & (abs(y) < 20)  # the rest is noise

    assert y[near].std() > 1.1 * x[near].std()
    assert np.corrcoef(x[near], -y[near])[0, 1] > 0.1
