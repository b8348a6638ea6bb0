"""Files of data sets: only regular ones are opened, and no more is read than was asked for."""

import os
import socket
import threading
from contextlib import chdir
from pathlib import Path

import pytest

from art_snn._files import open_regular, read_regular
from art_snn.data.formats import read_events


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
