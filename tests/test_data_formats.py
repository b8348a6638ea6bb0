"""Files of event cameras: read to the event."""

import numpy as np
import pytest

from art_snn.data.formats import PARSERS, read_events
from art_snn.events import make_events
from tests.recordings import (
    FILES,
    SIDE,
    Aedat4,
    aedat3_packet,
    aedat4_packet,
    gesture_npy,
    stream,
    write,
)

EVENTS = stream()


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
    packets = [(2, aedat4_packet(others)), (1, aedat4_packet(EVENTS)), (3, aedat4_packet(others))]
    content = Aedat4(packets, streams={0: "FRME", 3: "EVTS", 1: "EVTS", 2: "EVTS"}).build()

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


def test_a_compression_whose_library_is_missing_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "lz4.frame", None)

    with pytest.raises(ModuleNotFoundError, match=r"art-snn\[aedat\]"):
        read_events(write(tmp_path, "aedat4", FILES["aedat4"][1](EVENTS)), (SIDE, SIDE))


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
