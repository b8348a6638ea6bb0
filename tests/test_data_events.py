"""Data sets of recordings: found in the publisher's layout, complete or partial, framed once, and nothing half."""

import os
from pathlib import Path

import numpy as np
import pytest

from art_snn.data import load_dataset
from art_snn.events import check_events, to_frames
from art_snn.typing import Events
from tests.recordings import aedat2, aedat3, aedat4, atis, gesture_npy, stream

SIDES = {"nmnist": (34, 34), "n-caltech101": (240, 180), "cifar10-dvs": (128, 128), "dvs-gesture": (128, 128)}
GESTURE_LABELS = "class,startTime_usec,endTime_usec\n{}"


def put(path: Path, content: bytes | str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def write_nmnist(root: Path, n_train: int = 3, n_test: int = 2) -> list[Events]:
    """N-MNIST of the digits 2 and 7; the training streams, in order."""
    streams = []
    for split, n in (("Train", n_train), ("Test", n_test)):
        for digit in (2, 7):
            for number in range(n):
                events = stream(seed=100 * digit + number, width=34, height=34)
                put(root / f"NMNIST/{split}/{digit}/{number:05}.bin", atis(events))
                streams += [events] if split == "Train" else []
    return streams


def write_n_caltech101(root: Path, n: int = 11) -> None:
    for name in ("accordion", "BACKGROUND_Google"):
        for number in range(n):
            events = stream(seed=number, width=240, height=180)
            put(root / f"Caltech101/{name}/image_{number:04}.bin", atis(events))
    put(root / "Caltech101_annotations/accordion/annotation_0001.bin", b"no recording")


def write_cifar10_dvs(root: Path, n: int = 11) -> None:
    for name in ("airplane", "truck"):
        for number in range(n):
            events = stream(seed=number)
            if number % 2:
                put(root / name / f"cifar10_{name}_{number}.aedat", aedat2(events))
            if number % 2 == 0 or number == 3:
                put(root / name / f"cifar10_{name}_{number}.aedat4", aedat4(events))


def write_dvs_gesture(root: Path) -> None:
    for name, rows in (
        ("user01_led", "1,0,100000\n8,100000,200000\n8,200000,300001\n"),
        ("user24_lab", "11,50,250000\n"),
    ):
        put(root / f"DvsGesture/{name}.aedat", aedat3(stream()))
        put(root / f"DvsGesture/{name}_labels.csv", GESTURE_LABELS.format(rows))
    put(root / "DvsGesture/trials_to_train.txt", "user01_led.aedat\nuser02_led.aedat\n")
    put(root / "DvsGesture/trials_to_test.txt", "user24_lab.aedat\n\n")


WRITE = {
    "nmnist": write_nmnist,
    "n-caltech101": write_n_caltech101,
    "cifar10-dvs": write_cifar10_dvs,
    "dvs-gesture": write_dvs_gesture,
}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for data, with a cache of its own beside it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


def unfinished(root: Path) -> list[str]:
    """What lies in the cache."""
    folder = root.parent / "cache" / "art-snn"
    return os.listdir(folder) if folder.is_dir() else []


@pytest.mark.parametrize("name", WRITE)
def test_frames_are_memory_mapped_counts_of_the_very_events(root, name):
    WRITE[name](root)
    width, height = SIDES[name]

    events = load_dataset(name, root, form="events")
    frames = load_dataset(name, root, n_bins=3)

    assert isinstance(frames.x_train, np.memmap)
    assert frames.x_train.dtype == np.uint8
    assert not frames.x_train.flags.writeable
    assert frames.x_train.shape == (len(events.x_train), 3, 2, height, width)
    assert np.array_equal(frames.x_train, to_frames(events.x_train, (width, height), 3, "count"))
    assert np.array_equal(frames.x_test, to_frames(events.x_test, (width, height), 3, "count"))
    assert np.array_equal(frames.y_train, events.y_train)
    assert frames.y_train.dtype == np.int64
    assert frames.clip_values is None
    assert frames.sensor_size == (width, height, 2)
    for one in [*events.x_train, *events.x_test]:
        check_events(one, (width, height))


@pytest.mark.parametrize("split_by", ["count", "time", 20_000])
def test_frames_are_split_as_asked(root, split_by):
    streams = write_nmnist(root)

    dataset = load_dataset("nmnist", root, n_bins=5, split_by=split_by)

    assert np.array_equal(dataset.x_train, to_frames(streams, (34, 34), 5, split_by))


def test_nmnist_takes_labels_and_splits_from_its_folders(root):
    streams = write_nmnist(root)

    for top in (root, root / "NMNIST"):
        dataset = load_dataset("nmnist", top, form="events")

        assert dataset.y_train.tolist() == [2, 2, 2, 7, 7, 7]
        assert dataset.y_test.tolist() == [2, 2, 7, 7]
        assert dataset.classes == tuple("0123456789")
        assert all(np.array_equal(one, other) for one, other in zip(dataset.x_train, streams, strict=True))


@pytest.mark.parametrize(("name", "labels"), [("n-caltech101", [0, 1]), ("cifar10-dvs", [0, 9])])
def test_the_first_nine_tenths_of_each_class_are_for_training(root, name, labels):
    WRITE[name](root)

    dataset = load_dataset(name, root, form="events")

    assert dataset.y_train.tolist() == [labels[0]] * 10 + [labels[1]] * 10
    assert dataset.y_test.tolist() == labels
    last = "9" if name == "cifar10-dvs" else "10"  # names are sorted as text
    assert np.array_equal(dataset.x_test[0], stream(seed=int(last), width=SIDES[name][0], height=SIDES[name][1]))


def test_n_caltech101_names_its_classes_after_the_folders(root):
    write_n_caltech101(root)

    assert load_dataset("n-caltech101", root, form="events").classes == ("BACKGROUND_Google", "accordion")


def test_dvs_gesture_is_cut_where_the_labels_say(root):
    write_dvs_gesture(root)
    events = stream()

    dataset = load_dataset("dvs-gesture", root, form="events")

    assert dataset.y_train.tolist() == [0, 7, 7]
    assert dataset.y_test.tolist() == [10]
    assert len(dataset.classes) == 11
    borders = np.searchsorted(events["t"], [0, 100_000, 200_000, 300_001])
    for one, start, stop in zip(dataset.x_train, borders[:-1], borders[1:], strict=True):
        assert np.array_equal(one, events[start:stop])


def test_dvs_gesture_is_read_as_tonic_keeps_it(root):
    put(root / "DVSGesture/ibmGestureTrain/user01_led/10.npy", gesture_npy(stream()))
    put(root / "DVSGesture/ibmGestureTest/user24_led/0.npy", gesture_npy(stream(seed=1)))

    dataset = load_dataset("dvs-gesture", root, form="events")

    assert dataset.y_train.tolist() == [10]
    assert dataset.y_test.tolist() == [0]
    assert np.array_equal(dataset.x_train[0]["t"], stream()["t"] // 1000 * 1000)


@pytest.mark.parametrize(
    ("labels", "complaint"),
    [
        (GESTURE_LABELS.format("12,0,9\n"), "line 2.*class from 1 to 11"),
        (GESTURE_LABELS.format("0,0,9\n"), "line 2.*class from 1 to 11"),
        (GESTURE_LABELS.format("1,0,9\n1,9,9\n"), "line 3.*start before an end"),
        (GESTURE_LABELS.format(f"1,0,{2**63}\n"), "line 2.*start before an end"),
        (GESTURE_LABELS.format("1,0\n"), "line 2"),
        (GESTURE_LABELS.format("1,0,nine\n"), "line 2"),
        (GESTURE_LABELS.format("1" * 200_000), "line 1"),  # the last that could be read
        ("1,0,9\n1,0,9\n", "line 2"),
        (b"\xff\xfe\x00\n\x00\n", "line 2"),
    ],
)
def test_damaged_gesture_labels_are_named_with_their_line(root, labels, complaint):
    write_dvs_gesture(root)
    put(root / "DvsGesture/user01_led_labels.csv", labels)

    with pytest.raises(ValueError, match=rf"user01_led_labels\.csv: expected a gesture in {complaint}"):
        load_dataset("dvs-gesture", root)


@pytest.mark.parametrize("name", ["../user01_led.aedat", "/etc/passwd", "user01_led.npy", "\x00"])
def test_gesture_trials_name_recordings_beside_them_and_nothing_else(root, name):
    write_dvs_gesture(root)
    put(root / "DvsGesture/trials_to_train.txt", name)

    with pytest.raises(ValueError, match=r"trials_to_train\.txt: expected names of \.aedat files"):
        load_dataset("dvs-gesture", root)


def test_a_limit_takes_from_each_class_in_turn(root):
    write_nmnist(root)

    dataset = load_dataset("nmnist", root, form="events", limit=3)

    assert dataset.y_train.tolist() == [2, 2, 7]
    assert dataset.y_test.tolist() == [2, 2, 7]
    assert len(load_dataset("nmnist", root, form="events", limit=99).x_train) == 6


@pytest.mark.parametrize("name", WRITE)
def test_a_data_set_that_is_not_there_is_named_with_its_publisher(root, name):
    with pytest.raises(FileNotFoundError, match=rf"{root}.*https://"):
        load_dataset(name, root)
    with pytest.raises(FileNotFoundError, match=r"none.*https://"):
        load_dataset(name, root / "none")


def test_a_data_set_without_test_recordings_is_not_half_loaded(root):
    write_nmnist(root, n_test=0)

    with pytest.raises(FileNotFoundError, match="test"):
        load_dataset("nmnist", root)


@pytest.mark.parametrize("form", ["frames", "events"])
def test_a_damaged_recording_is_an_error_or_is_skipped_and_counted(root, form):
    streams = write_nmnist(root)
    damaged = root / "NMNIST/Train/2/00001.bin"
    damaged.write_bytes(atis(streams[1])[:-1])

    with pytest.raises(ValueError, match=rf"{damaged}: expected events of 5 bytes.*; on_bad='skip' leaves it out"):
        load_dataset("nmnist", root, form=form)
    for _ in range(2):  # frames that were cached report it again
        with pytest.warns(UserWarning, match=rf"left out 1 samples.*{damaged}") as warned:
            dataset = load_dataset("nmnist", root, form=form, on_bad="skip")

    assert dataset.y_train.tolist() == [2, 2, 7, 7, 7]
    assert warned[0].filename == __file__


def test_nothing_but_damaged_recordings_are_an_error_even_if_skipped(root):
    write_nmnist(root)
    for path in (root / "NMNIST/Test").rglob("*.bin"):
        path.write_bytes(b"")

    for form in ("frames", "events"):
        with pytest.raises(ValueError, match=r"none of 4: .*Test"):
            load_dataset("nmnist", root, on_bad="skip", form=form)
    assert unfinished(root) == []


def test_a_gesture_without_events_is_damaged(root):
    write_dvs_gesture(root)
    put(root / "DvsGesture/user01_led_labels.csv", GESTURE_LABELS.format("1,0,300001\n2,900000,900001\n"))

    with pytest.raises(ValueError, match=r"user01_led\.aedat: expected events within \(900000, 900001\)"):
        load_dataset("dvs-gesture", root)
    with pytest.warns(UserWarning, match="left out 1"):
        assert load_dataset("dvs-gesture", root, on_bad="skip").y_train.tolist() == [0]


def test_a_count_above_255_is_an_error_or_saturates(root):
    write_nmnist(root)
    flicker = stream(300, width=1, height=1)
    flicker["p"] = 1
    put(root / "NMNIST/Train/2/00000.bin", atis(flicker))

    with pytest.raises(ValueError, match=r"Train/2/00000\.bin: .*at most 255 .*got 300"):
        load_dataset("nmnist", root, n_bins=1)
    assert load_dataset("nmnist", root, n_bins=1, saturate=True).x_train[0].max() == 255
    assert len(unfinished(root)) == 1


def test_frames_are_made_once_and_again_when_anything_that_determines_them_changes(root, capfd, monkeypatch):
    write_nmnist(root)
    place = root / "NMNIST/Train/2/00000.bin"

    def is_read(**options: object) -> bool:
        load_dataset("nmnist", root, n_bins=2, **options)
        return bool(capfd.readouterr().err)

    assert is_read()
    assert not is_read()
    assert is_read(split_by="time")
    assert is_read(limit=3)
    assert is_read(saturate=True)
    os.utime(place, ns=(0, 0))
    assert not is_read()
    place.rename(place.with_name("00009.bin"))
    assert is_read()
    assert not is_read()
    monkeypatch.setattr("art_snn.data._event_files.FORMAT", -1)
    assert is_read()


def test_the_cache_lies_where_it_is_told_to(root, tmp_path):
    write_nmnist(root)

    load_dataset("nmnist", root, cache_dir=tmp_path / "elsewhere")

    assert len(os.listdir(tmp_path / "elsewhere")) == 1
    assert unfinished(root) == []


def test_a_cache_that_cannot_be_made_is_an_error_before_anything_is_read(root, tmp_path, capfd):
    write_nmnist(root)
    (tmp_path / "file").touch()

    for cache in (tmp_path / "file", tmp_path / "file" / "cache"):
        with pytest.raises(OSError, match=rf"expected {cache} to be a folder for frames.*XDG_CACHE_HOME"):
            load_dataset("nmnist", root, cache_dir=cache)
    assert capfd.readouterr().err == ""


def test_reading_shows_its_progress_on_stderr_alone(root, capfd):
    write_nmnist(root)

    load_dataset("nmnist", root)

    captured = capfd.readouterr()
    assert "N-MNIST, train" in captured.err
    assert captured.out == ""


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"n_bins": 0}, "n_bins"),
        ({"split_by": "number"}, "split_by"),
        ({"form": "frame"}, "form"),
        ({"on_bad": "ignore"}, "on_bad"),
        ({"limit": 0}, "limit"),
    ],
)
def test_a_value_out_of_its_range_is_an_error_before_anything_is_read(root, options, complaint):
    with pytest.raises(ValueError, match=complaint):
        load_dataset("nmnist", root, **options)


@pytest.mark.data
def test_real_nmnist_keeps_what_its_publisher_says(real_data, tmp_path):
    events = load_dataset("nmnist", real_data / "nmnist", form="events")
    frames = load_dataset("nmnist", real_data / "nmnist", n_bins=8, cache_dir=tmp_path)

    sizes = np.array([len(one) for one in [*events.x_train, *events.x_test]])
    ends = np.array([one["t"][-1] for one in [*events.x_train, *events.x_test]])
    on = np.mean(np.concatenate([one["p"] for one in events.x_train]))
    assert (len(events.x_train), len(events.x_test)) == (800, 100)
    assert np.bincount(events.y_test)[8] == 2
    assert (sizes.min(), sizes.max()) == (1069, 7152)
    assert np.median(sizes) == pytest.approx(4160, abs=100)  # "about"
    assert (round(ends.min() / 1000), round(ends.max() / 1000)) == (297, 336)
    assert on == pytest.approx(0.5, abs=0.02)  # "half"
    assert frames.x_train.reshape(800, -1).sum(axis=1).tolist() == sizes[:800].tolist()
