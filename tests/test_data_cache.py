"""The cache of frames: it serves what belongs to these very files, whole, or makes it anew."""

import json
import multiprocessing
import os
import time
from pathlib import Path

import numpy as np
import pytest

from art_snn.data import load_dataset
from art_snn.data._cache import UNFINISHED, cached
from art_snn.typing import Frames
from tests.test_data_events import write_nmnist

RECORDING = "NMNIST/Train/2/00000.bin"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small N-MNIST."""
    folder = tmp_path / "data"
    folder.mkdir()
    write_nmnist(folder)
    return folder


def frames_of(root: Path) -> Frames:
    return np.array(load_dataset("nmnist", root, n_bins=2, cache_dir=root.parent / "cache").x_train)


def entry(root: Path) -> Path:
    """The only folder in the cache."""
    (folder,) = (root.parent / "cache").iterdir()
    return folder


def turn_polarities(path: Path) -> None:
    """Change a recording and neither its size nor its time."""
    status, content = path.stat(), np.frombuffer(path.read_bytes(), np.uint8).reshape(-1, 5).copy()
    content[:, 2] ^= 0x80
    path.write_bytes(content.tobytes())
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_an_entry_is_written_whole_or_not_at_all(tmp_path):
    def fail(folder: Path) -> None:
        (folder / "half").write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cached(tmp_path, {"a": 1}, fail, names)

    assert names(tmp_path) == []
    assert cached(tmp_path, {"a": 1}, lambda folder: (folder / "whole").touch(), names) == ["whole"]
    assert len(names(tmp_path)) == 1


def test_two_that_write_one_entry_at_a_time_share_what_the_first_wrote(tmp_path):
    def read(folder: Path) -> str:
        return (folder / "text").read_text()

    def write(folder: Path, text: str) -> None:
        if text == "slow":
            cached(tmp_path, {"a": 1}, lambda other: write(other, "fast"), read)
        (folder / "text").write_text(text)

    text = cached(tmp_path, {"a": 1}, lambda folder: write(folder, "slow"), read)

    assert text == "fast"
    assert len(names(tmp_path)) == 1


def test_what_a_killed_process_left_behind_is_swept_by_the_next_and_a_live_ones_is_not(tmp_path):
    writer = multiprocessing.get_context("fork").Process(
        target=cached, args=(tmp_path, {"a": 1}, lambda _: time.sleep(60), names)
    )
    writer.start()
    while not (left := [name for name in names(tmp_path) if name.startswith(UNFINISHED)]):
        assert writer.is_alive()
        time.sleep(0.01)

    cached(tmp_path, {"b": 1}, lambda folder: None, names)
    assert left[0] in names(tmp_path)
    writer.kill()
    writer.join()
    cached(tmp_path, {"b": 1}, lambda folder: None, names)

    assert left[0] not in names(tmp_path)


def test_two_roots_whose_files_have_the_same_names_sizes_and_times_have_their_own_frames(root):
    other = root.parent / "other"
    other.mkdir()
    write_nmnist(other)
    for path in [*root.rglob("*.bin"), *other.rglob("*.bin")]:
        os.utime(path, (1000, 1000))
    for path in other.rglob("*.bin"):
        turn_polarities(path)

    first, second = frames_of(root), frames_of(other)

    assert first.any()
    assert np.array_equal(second, first[:, :, ::-1])


def test_a_recording_that_changed_behind_its_size_and_time_is_read_again(root):
    before = frames_of(root)

    turn_polarities(root / RECORDING)

    assert np.array_equal(frames_of(root)[0], before[0, :, ::-1])


def test_a_recording_that_changes_while_it_is_read_is_an_error(root, monkeypatch):
    import art_snn.data._event_files as module

    write = module.write_frames
    monkeypatch.setattr(module, "write_frames", lambda *args: (write(*args), turn_polarities(root / RECORDING)))

    with pytest.raises(ValueError, match=r"hold still, got .*00000\.bin changed while it was read"):
        frames_of(root)
    assert names(root.parent / "cache") == []


def test_a_named_pipe_among_the_recordings_is_skipped_like_any_damaged_one(root):
    (root / RECORDING).unlink()
    os.mkfifo(root / RECORDING)

    with pytest.raises(ValueError, match=r"to be a regular file, got a named pipe"):
        frames_of(root)
    with pytest.warns(UserWarning, match="left out 1 samples"):
        dataset = load_dataset("nmnist", root, n_bins=2, cache_dir=root.parent / "cache", on_bad="skip")

    assert len(dataset.x_train) == 5


def damage_frames(folder: Path) -> None:
    frames = np.memmap(folder / "train.frames", np.uint8, "r+")
    frames[-1] ^= 1
    frames.flush()


def cut_frames(folder: Path) -> None:
    path = folder / "train.frames"
    path.write_bytes(path.read_bytes()[:-1])


def change_card(**changes: object) -> object:
    def change(folder: Path) -> None:
        path = folder / "train.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return change


@pytest.mark.parametrize(
    "damage",
    [
        damage_frames,
        cut_frames,
        change_card(labels=[99] * 6),
        change_card(labels=[True] * 6),
        change_card(labels=[2] * 5),
        change_card(labels="222777"),
        change_card(shape=[2, 2, 34, 33]),
        change_card(bad=3),
        change_card(sha256="0"),
        lambda folder: (folder / "train.json").write_text("{"),
        lambda folder: (folder / "train.json").write_bytes(b"\xff\xfe"),
        lambda folder: (folder / "train.json").write_text("[" * 100_000),
        lambda folder: (folder / "train.json").unlink(),
        lambda folder: (folder / "train.frames").unlink(),
        lambda folder: [(folder / "train.frames").unlink(), os.mkfifo(folder / "train.frames")],
        lambda folder: [(folder / "test.frames").unlink(), (folder / "test.frames").symlink_to("/dev/zero")],
    ],
)
def test_a_damaged_entry_is_made_anew_and_a_warning_says_so(root, damage):
    before = frames_of(root)
    damage(entry(root))

    with pytest.warns(UserWarning, match="made .* anew, which was damaged") as warned:
        after = frames_of(root)

    assert np.array_equal(after, before)
    assert np.array_equal(frames_of(root), before)  # without a warning: those are errors
    assert len(warned) == 1
    assert warned[0].filename == __file__
