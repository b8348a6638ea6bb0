"""What is taken for a recording among a folder's files, and what becomes of the bad ones."""

import os
from pathlib import Path

import numpy as np
import pytest

from art_snn.data import load_dataset
from art_snn.data._files import check_files, listed
from tests.recordings import gesture_npy, saved, stream
from tests.test_data_events import GESTURE_LABELS, WRITE, put, write_cifar10_dvs, write_dvs_gesture, write_nmnist


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for data, with a cache of its own beside it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / ".hidden" / "data"  # it is what lies below that counts
    folder.mkdir(parents=True)
    return folder


def write_cut_gestures(root: Path) -> None:
    put(root / "DVSGesture/ibmGestureTrain/user01_led/10.npy", gesture_npy(stream()))
    put(root / "DVSGesture/ibmGestureTest/user24_led/0.npy", gesture_npy(stream(seed=1)))


@pytest.mark.parametrize("write", [*WRITE.values(), write_cut_gestures])
def test_what_a_mac_leaves_beside_files_and_folders_is_no_recording(root, write):
    write(root)
    name = {value: key for key, value in WRITE.items()}.get(write, "dvs-gesture")
    before = load_dataset(name, root, form="events")

    for path in [path for path in root.rglob("*") if path.is_file()]:
        put(path.with_name(f"._{path.name}"), b"\0\5\26\7 Mac OS X")
        put(path.parent.with_name(f".{path.parent.name}") / path.name, b"hidden")
        put(path.parent / ".DS_Store", b"Bud1")
    after = load_dataset(name, root, form="events")

    assert len(after.x_train) == len(before.x_train)
    assert all(np.array_equal(one, other) for one, other in zip(after.x_train, before.x_train, strict=True))
    assert len(after.x_test) == len(before.x_test)
    assert after.classes == before.classes


def test_a_download_that_is_not_complete_is_no_recording(root):
    write_cifar10_dvs(root)
    put(root / "airplane/cifar10_airplane_0.aedat.part", b"half")

    assert len(load_dataset("cifar10-dvs", root, form="events").x_train) == 20


@pytest.mark.parametrize("form", ["frames", "events"])
@pytest.mark.parametrize("t", [-1, 2**62, 2**63 - 1])
def test_times_that_no_clock_shows_are_skipped_where_bad_recordings_are(root, form, t):
    write_cut_gestures(root)
    bad = np.zeros(2, [("x", "i2"), ("y", "i2"), ("t", "i8"), ("p", "u1")])
    bad["t"] = sorted((5, t))
    put(root / "DVSGesture/ibmGestureTrain/user01_led/3.npy", saved(bad))

    with pytest.raises(ValueError, match=r"3\.npy: expected times .*; on_bad='skip' leaves it out"):
        load_dataset("dvs-gesture", root, form=form, split_by="time")
    with pytest.warns(UserWarning, match=r"left out 1 samples.*3\.npy: expected times"):
        dataset = load_dataset("dvs-gesture", root, form=form, split_by="time", on_bad="skip")

    assert dataset.y_train.tolist() == [10]


@pytest.mark.parametrize("form", ["frames", "events"])
def test_a_pipe_or_a_folder_in_the_place_of_a_recording_is_an_error_or_is_skipped(root, form):
    write_nmnist(root)
    os.mkfifo(root / "NMNIST/Train/2/00009.bin")
    (root / "NMNIST/Train/7/00009.bin").mkdir()

    with pytest.raises(ValueError, match=r"00009\.bin to be a regular file, got a"):
        load_dataset("nmnist", root, form=form)
    with pytest.warns(UserWarning, match="left out 2 samples"):
        dataset = load_dataset("nmnist", root, form=form, on_bad="skip")

    assert dataset.y_train.tolist() == [2, 2, 2, 7, 7, 7]


def test_a_gesture_recording_that_is_no_file_is_not_overlooked(root):
    write_dvs_gesture(root)
    (root / "DvsGesture/user01_led.aedat").unlink()
    os.mkfifo(root / "DvsGesture/user01_led.aedat")

    with pytest.raises(ValueError, match=r"user01_led\.aedat to be a regular file, got a"):
        load_dataset("dvs-gesture", root)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("trials_to_train.txt", "x" * 100_000),
        ("user01_led_labels.csv", GESTURE_LABELS.format("1,0," + "9" * 100_000)),
        ("user01_led_labels.csv", GESTURE_LABELS.format("x" * 100_000 + ",0,9")),
        ("user01_led_labels.csv", GESTURE_LABELS.format("0,0,9," + "x" * 100_000)),
        ("trials_to_train.txt", "user01_led.aedat\n" * 100_000),  # above the limit of a list's size
    ],
)
def test_no_message_about_a_table_is_longer_than_a_screen(root, name, content):
    write_dvs_gesture(root)
    put(root / "DvsGesture" / name, content)

    with pytest.raises(ValueError, match=name) as error:
        load_dataset("dvs-gesture", root)

    assert len(str(error.value)) < len(str(root)) + 450


def test_of_many_missing_files_the_first_are_named(tmp_path):
    paths = [tmp_path / f"file{number}" for number in range(100)]

    with pytest.raises(FileNotFoundError, match=r"file0, .*file3 and 96 more; .* at https://there") as error:
        check_files(paths, "https://there")

    assert "file4" not in str(error.value)


def test_files_are_listed_in_order_of_their_names(tmp_path):
    for name in ("b/2.bin", "a/1.bin", "a/._1.bin", ".c/3.bin", "a/4.txt"):
        put(tmp_path / name, b"")

    assert listed(tmp_path, "*/*.bin") == [tmp_path / "a/1.bin", tmp_path / "b/2.bin"]
