"""A folder for the results of one experiment: claimed before anything is computed, and no other's written over."""

import io
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL.PngImagePlugin import PngImageFile

from art_snn._files import read_regular, write_whole

try:
    import fcntl
except ImportError:  # Windows has none; two runs at once are not noticed there
    fcntl = None  # type: ignore[assignment]

KEY = "art-snn"  # under which a picture holds its record
_MOST = 1 << 27  # bytes of a record
_OTHER = "name another folder with --out"


@dataclass(frozen=True)
class ResultsFolder:
    """A folder, and what one command writes there.

    Args:
        path: Path of the folder, which need not exist yet.
        record: Name of the file that says whose the results are: JSON, or a picture that holds it.
        others: Names of the other files, as patterns.
        determined_by: What determines the results, as `art_snn.experiment.identity` gives it; the record has its keys.
    """

    path: Path
    record: str
    others: tuple[str, ...]
    determined_by: dict[str, Any]

    @contextmanager
    def claimed(self) -> Iterator[dict[str, Any] | None]:
        """While the block runs, the folder exists, can be written to, and belongs to this run alone.

        Gives the record that is there already, of the same experiment, or None. A folder that was made and stays empty
        is taken away again.

        Raises:
            OSError: If the folder cannot be made or written to.
            ValueError: If another run is writing there, or it holds other results; nothing has been changed then.
        """
        made = _make(self.path)
        try:
            with _alone(self.path):
                _probe(self.path)
                yield self._known()
        except KeyboardInterrupt as error:
            if (self.path / self.record).is_file():
                error.add_note(f"{self.path} keeps what is finished, and the same command goes on from there")
            raise
        finally:
            for folder in made:
                with suppress(OSError):  # it is not empty
                    folder.rmdir()

    def has_all(self) -> bool:
        """Whether there is a file for each name that is no pattern of many."""
        return all((self.path / name).is_file() for name in (self.record, *self.others) if "*" not in name)

    def _known(self) -> dict[str, Any] | None:
        file = self.path / self.record
        if not os.path.lexists(file):
            if found := sorted(path for name in self.others for path in self.path.glob(name)):
                raise ValueError(f"expected {self.path} to be free for results, got {found[0].name} there; {_OTHER}")
            return None
        record = _read_record(file)
        if difference := _difference(self.determined_by, {name: record.get(name) for name in self.determined_by}):
            raise ValueError(f"expected {file} to hold results of this experiment, got {difference}; {_OTHER}")
        return record


def _make(folder: Path) -> list[Path]:
    """Make a folder and those above it; returns the new ones, the lowest first."""
    missing = [place for place in (folder, *folder.parents) if not os.path.lexists(place)]
    there = next((place for place in (folder, *folder.parents) if os.path.lexists(place)), folder)
    if not there.is_dir():
        kind = "a link to nowhere," if there.is_symlink() and not there.exists() else "the file"
        raise NotADirectoryError(f"expected {folder} to be a folder for results, got {kind} {there}")
    with _named(folder):
        folder.mkdir(parents=True, exist_ok=True)
    return missing


def _probe(folder: Path) -> None:
    """Write a file there, of the size of a small result, and take it away again."""
    with _named(folder):
        write_whole(folder / f".probe-{secrets.token_hex(8)}", bytes(1 << 16)).unlink()


@contextmanager
def _named(folder: Path) -> Iterator[None]:
    """Say of which folder the system's errors are."""
    try:
        yield
    except OSError as error:
        expected = f"expected {folder} to be a folder for results that can be written to"
        raise type(error)(f"{expected}, got: {error.strerror or error}") from error


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the system's lock on the folder, which goes with the process, however that ends."""
    if fcntl is None:
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ValueError(f"expected {folder} to be for one run, got another that writes there; {_OTHER}") from error
        except OSError:  # a file system without locks
            pass
        yield
    finally:
        os.close(descriptor)


def _read_record(file: Path) -> dict[str, Any]:
    if file.is_symlink():
        raise ValueError(f"expected {file} to be a file of results, got a link; {_OTHER}")
    try:
        content = read_regular(file, _MOST)
        record = json.loads(PngImageFile(io.BytesIO(content)).text[KEY] if file.suffix == ".png" else content)
    except Exception as error:  # of whatever a decoder meets in a file that anybody may have put there
        raise ValueError(f"expected {file} to be a file of results, got something else; {_OTHER}") from error
    if not isinstance(record, dict):
        raise ValueError(f"expected {file} to be a file of results, got something else; {_OTHER}")
    return record


def _difference(wanted: Any, found: Any, name: str = "") -> str:
    """The first place in which two values of plain types differ, in words; empty where there is none."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        differences = (_difference(value, found.get(inner), inner) for inner, value in wanted.items())
        return next(filter(None, differences), "")
    if wanted == found:
        return ""
    return f"some with {name} {_short(found)}, not {_short(wanted)}"


def _short(value: Any) -> str:
    text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def png_record(record: Mapping[str, Any]) -> dict[str, str]:
    """The metadata of a picture that is its own record."""
    return {KEY: json.dumps(dict(record))}
