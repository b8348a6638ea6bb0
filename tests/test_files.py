"""Files written whole or not at all."""

import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO

import pytest

import art_snn
from art_snn._files import write_whole


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


def test_nothing_else_writes_files_and_nothing_unpickles_them() -> None:
    own_way = {
        "_files.py",
        "data/_frame_store.py",  # in a folder of its own, which takes its name when it is whole
        "evaluations/cost.py",  # asks the system for a figure
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
