"""Files are written whole or not at all; only regular ones are opened, and no more is read than was asked for."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import chdir
from pathlib import Path
from typing import IO

import pytest

import art_snn
from art_snn._files import open_regular, read_regular, write_whole
from art_snn.data.formats import read_events


def test_a_file_is_what_was_written(tmp_path: Path) -> None:
    assert write_whole(tmp_path / "new" / "a", b"one").read_bytes() == b"one"
    assert write_whole(tmp_path / "new" / "a", lambda file: file.write(b"two")).read_bytes() == b"two"
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a"]


def test_permissions_are_those_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"")
    assert write_whole(tmp_path / "a", b"").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path: Path, error: type[BaseException]) -> None:
    write_whole(tmp_path / "a", b"old")

    def fail(file: IO[bytes]) -> None:
        file.write(b"half")
        raise error

    with pytest.raises(error):
        write_whole(tmp_path / "a", fail)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a": b"old"}


def test_a_folder_in_the_way_is_an_error_that_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(OSError, match="a"):
        write_whole(tmp_path / "a", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_planted_links_are_replaced_and_never_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    for name in ("a", "a.partial"):
        (tmp_path / name).symlink_to(victim)
    write_whole(tmp_path / "a", b"new")
    assert victim.read_bytes() == b"precious"
    assert (tmp_path / "a").read_bytes() == b"new"
    assert not (tmp_path / "a").is_symlink()


def test_names_of_full_length_can_be_written(tmp_path: Path) -> None:
    assert write_whole(tmp_path / ("x" * 255), b"new").read_bytes() == b"new"


def test_writers_at_once_each_write_a_whole_file(tmp_path: Path) -> None:
    contents = [bytes([i]) * 100_000 for i in range(4)]
    threads = [threading.Thread(target=write_whole, args=(tmp_path / "a", content)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "a").read_bytes() in contents
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_kill_in_the_middle_leaves_the_old_file(tmp_path: Path) -> None:
    write_whole(tmp_path / "a", b"old")
    script = (
        "import os, signal, sys\nfrom art_snn._files import write_whole\n"
        "def die(file): file.write(b'half'); file.flush(); os.kill(os.getpid(), signal.SIGKILL)\n"
        "write_whole(sys.argv[1], die)\n"
    )
    assert subprocess.run([sys.executable, "-c", script, str(tmp_path / "a")]).returncode == -signal.SIGKILL
    assert (tmp_path / "a").read_bytes() == b"old"


HANGS = (
    "import sys, time\nfrom art_snn._files import write_whole\n"
    "write_whole(sys.argv[1], lambda file: (file.write(b'half'), file.flush(), time.sleep(60)))\n"
)


def test_what_a_killed_writer_left_behind_is_removed_by_the_next_one_of_that_name(tmp_path: Path) -> None:
    writer = subprocess.Popen([sys.executable, "-c", HANGS, str(tmp_path / "a")])
    while not (left := list(tmp_path.iterdir())) or not left[0].stat().st_size:
        assert writer.poll() is None
        time.sleep(0.01)
    long_ago = time.time() - 7200
    os.utime(left[0], (long_ago, long_ago))

    write_whole(tmp_path / "a", b"new")
    assert left[0].exists()  # its writer lives
    writer.kill()
    writer.wait()
    write_whole(tmp_path / "b", b"new")
    assert left[0].exists()  # it is another name's
    write_whole(tmp_path / "a", b"new")

    assert {path.name for path in tmp_path.iterdir()} == {"a", "b"}


def test_a_file_that_is_swept_before_its_writer_holds_it_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    swept: list[Path] = []

    def sweep(_descriptor: int, _operation: int) -> None:
        if not swept:
            swept.extend(tmp_path.iterdir())
            swept[0].unlink()

    monkeypatch.setattr("fcntl.flock", sweep)

    assert write_whole(tmp_path / "a", b"new").read_bytes() == b"new"
    assert len(swept) == 1


def test_nothing_else_writes_files_and_nothing_unpickles_them() -> None:
    own_way = {
        "_files.py",
        "data/_frame_store.py",  # in a folder of its own, which takes its name when it is whole
        "report/sweeps.py",  # makes text of a table, which is written whole
        "report/plots/style.py",  # draws into memory
        "report/trigger_pictures.py",  # so does this
        "evaluations/resource_use.py",  # asks the system for a figure
    }
    ways = r"write_text|write_bytes|savefig\(|np\.save|os\.replace|\.to_csv\(|open\([^)]*[\"'][wax]b?[\"']"
    reads = r"torch\.(save|load)\(|pickle\.load\(|allow_pickle=True"
    package = Path(art_snn.__file__).parent
    found = {
        str(path.relative_to(package)): match[0]
        for path in package.rglob("*.py")
        if (match := re.search(f"{ways}|{reads}", path.read_text()))
    }
    assert found.keys() <= own_way, found


def named_pipe(path: Path) -> None:
    os.mkfifo(path)


def endless_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def folder(path: Path) -> None:
    path.mkdir()


def socket_file(path: Path) -> None:
    with chdir(path.parent), socket.socket(socket.AF_UNIX) as server:  # the name of a socket is short
        server.bind(path.name)


@pytest.mark.parametrize("make", [named_pipe, endless_device, folder, socket_file])
@pytest.mark.parametrize("read", [open_regular, read_regular, lambda path: read_events(path, (8, 8))])
def test_what_is_no_regular_file_is_an_error_at_once(tmp_path, make, read):
    path = tmp_path / "recording.bin"
    make(path)
    errors: list[BaseException] = []

    def attempt() -> None:
        with pytest.raises(ValueError, match=r"recording\.bin to be a regular file, got a") as error:
            read(path)
        errors.append(error.value)

    thread = threading.Thread(target=attempt, daemon=True)  # else a hang would be the test's as well
    thread.start()
    thread.join(timeout=10)

    assert errors


def test_a_link_to_a_regular_file_is_read(tmp_path):
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to(tmp_path / "file")

    assert read_regular(tmp_path / "link") == b"content"


def test_a_file_above_the_limit_is_an_error_that_names_both_sizes(tmp_path):
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(1 << 40)  # takes no space

    with pytest.raises(ValueError, match=r"large to hold at most 4294967296 bytes, got 1099511627776"):
        read_regular(path)
    with pytest.raises(ValueError, match=r"large to hold at most 5 bytes"):
        open_regular(path, most=5)


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="this system keeps no such files")
def test_a_file_that_is_longer_than_its_folder_says_is_not_read_on():
    with pytest.raises(ValueError, match=r"/proc/self/status to hold 0 bytes, as its folder says, got more"):
        read_regular("/proc/self/status")


def test_a_missing_file_is_no_bad_one(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_regular(tmp_path / "none")
