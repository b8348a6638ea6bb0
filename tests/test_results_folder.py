"""No result is written over, none that is finished is lost, and one run at a time writes into a folder."""

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from art_snn.report import ResultsFolder, folder
from art_snn.report.folder import png_record

MINE = {"spec": {"seed": 0, "models": ["ann", "lif"]}, "versions": {"torch": "2"}}


def _folder(path: Path, **changes: Any) -> ResultsFolder:
    spec = {**MINE["spec"], **changes}
    return ResultsFolder(path, "results.json", ("triggered.png", "scores-*.png"), {**MINE, "spec": spec})


def _written(path: Path) -> Path:
    path.mkdir(exist_ok=True)
    (path / "results.json").write_text(json.dumps({**MINE, "rows": [1]}))
    return path


def test_a_folder_that_is_free_is_claimed_and_goes_away_where_nothing_was_written(tmp_path: Path) -> None:
    with _folder(tmp_path / "a" / "b").claimed() as known:
        assert known is None
        assert (tmp_path / "a" / "b").is_dir()
        assert not list((tmp_path / "a" / "b").iterdir())
    assert not list(tmp_path.iterdir())
    with _folder(tmp_path / "a").claimed():
        (tmp_path / "a" / "results.json").touch()
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_the_record_of_the_same_experiment_is_given(tmp_path: Path) -> None:
    with _folder(_written(tmp_path)).claimed() as known:
        assert known == {**MINE, "rows": [1]}


@pytest.mark.parametrize(
    ("changes", "difference"),
    [({"seed": 1}, "some with seed 0, not 1"), ({"models": ["if"]}, "some with models ann,lif, not if")],
)
def test_results_of_another_experiment_are_refused_and_stay(
    changes: dict[str, Any], difference: str, tmp_path: Path
) -> None:
    before = (_written(tmp_path) / "results.json").read_bytes()
    with (
        pytest.raises(ValueError, match=f"this experiment, got {difference}; name another folder with --out"),
        _folder(tmp_path, **changes).claimed(),
    ):
        pass
    assert (tmp_path / "results.json").read_bytes() == before


@pytest.mark.parametrize("name", ["triggered.png", "scores-ann.png"])
def test_files_that_no_record_explains_are_not_written_over(name: str, tmp_path: Path) -> None:
    (tmp_path / name).touch()
    with (
        pytest.raises(ValueError, match=f"to be free for results, got {name} there"),
        _folder(tmp_path).claimed(),
    ):
        pass


def _link(path: Path) -> None:
    (_written(path.parent / "elsewhere") / "results.json").rename(path.parent / "target")
    path.symlink_to(path.parent / "target")


@pytest.mark.parametrize(
    "plant",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"\xff{"),
        lambda path: path.write_text("[1]"),
        lambda path: path.write_text("[" * 100_000),
        lambda path: path.mkdir(),
        os.mkfifo,
        lambda path: path.symlink_to("/dev/zero"),
        lambda path: path.symlink_to("nowhere"),
        _link,
    ],
)
def test_what_is_no_record_is_refused(plant: Callable[[Path], None], tmp_path: Path) -> None:
    plant(tmp_path / "results.json")
    with (
        pytest.raises(ValueError, match=r"results\.json to be a file of results, got .*; name another folder"),
        _folder(tmp_path).claimed(),
    ):
        pass


def test_a_picture_can_be_its_own_record(tmp_path: Path) -> None:
    from matplotlib.figure import Figure

    mine = ResultsFolder(tmp_path, "trigger.png", ("trigger.gif",), MINE)
    Figure().savefig(tmp_path / "trigger.png", metadata=png_record(MINE))
    with mine.claimed() as known:
        assert known == MINE
    assert not mine.has_all()
    Figure().savefig(tmp_path / "trigger.png")
    with pytest.raises(ValueError, match="got something else"), mine.claimed():
        pass


def test_two_runs_do_not_write_into_one_folder(tmp_path: Path) -> None:
    with (
        _folder(tmp_path).claimed(),
        pytest.raises(ValueError, match="got another that writes there; name another folder"),
        _folder(tmp_path, seed=1).claimed(),
    ):
        pass
    with _folder(tmp_path, seed=1).claimed():
        pass


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES, errno.ENOSPC])
def test_that_one_can_write_is_proved_by_writing(code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(path: Path, _content: bytes) -> Path:
        raise OSError(code, os.strerror(code), str(path))

    monkeypatch.setattr(folder, "write_whole", fail)
    with (
        pytest.raises(OSError, match=f"{tmp_path}/new to be a folder .* got: {os.strerror(code)}"),
        _folder(tmp_path / "new").claimed(),
    ):
        pass
    assert not (tmp_path / "new").exists()


def test_what_is_in_the_way_of_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("nowhere")
    for out, there in (("file", "the file"), ("file/out", "the file"), ("link", "a link to nowhere,")):
        with (
            pytest.raises(NotADirectoryError, match=f"{out} to be a folder .* got {there}"),
            _folder(tmp_path / out).claimed(),
        ):
            pass


def test_an_interruption_says_where_to_go_on(tmp_path: Path) -> None:
    for path, notes in ((tmp_path / "free", []), (_written(tmp_path / "kept"), ["kept keeps what is finished"])):
        with pytest.raises(KeyboardInterrupt) as raised, _folder(path).claimed():
            raise KeyboardInterrupt
        told = getattr(raised.value, "__notes__", [])
        assert len(told) == len(notes)
        assert all(note in line for note, line in zip(notes, told, strict=True))
