"""The folder of a sweep: the spec, one JSON a cell named by what determines its numbers, and what cells share."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w

from art_snn._files import read_regular, write_whole
from art_snn.experiment import Defended, Result
from art_snn.experiment.cell import written

_MOST = 1 << 28  # bytes of one cell


@dataclass(frozen=True)
class SweepFolder:
    """Where a sweep keeps what it knows.

    Args:
        path: Made when something is written.
    """

    path: Path

    @property
    def shared(self) -> Path:
        """Trainings that cells share."""
        return self.path / "shared"

    @property
    def held(self) -> Path:
        """Files that runs lock while they compute cells of these names; gone when none does."""
        return self.path / "running"

    def cell(self, name: str) -> Path:
        """The file of a cell."""
        return self.path / "cells" / f"{name}.json"

    def write_spec(self, given: Mapping[str, Any]) -> None:
        """Keep the spec as it was given, so that the same command can be run again."""
        write_whole(self.path / "spec.toml", tomli_w.dumps(_for_toml(given)).encode())

    def write(self, name: str, content: Mapping[str, Any]) -> Path:
        """Keep a cell."""
        return write_whole(self.cell(name), json.dumps(content, indent=1, allow_nan=False).encode())

    def write_models(self, name: str, files: Mapping[str, bytes]) -> None:
        """Keep the trained classifiers of a cell, which come as files by their names."""
        for file, content in files.items():
            write_whole(self.path / "models" / name / Path(file).name, content)

    def remove(self, names: Iterable[str]) -> None:
        """Forget cells, where they are there."""
        for name in names:
            self.cell(name).unlink(missing_ok=True)

    def read(self, name: str) -> dict[str, Any] | None:
        """A cell that is kept; None where there is none, or one that is not whole."""
        with suppress(FileNotFoundError, ValueError):
            content = json.loads(read_regular(self.cell(name), _MOST))
            if isinstance(content, dict) and content.get("hash") == name:
                return content
        return None

    def names(self) -> list[str]:
        """Of all cells that are kept."""
        return sorted(path.stem for path in (self.path / "cells").glob("*.json"))

    def cells(self) -> Iterator[dict[str, Any]]:
        """All cells that are kept.

        Raises:
            FileNotFoundError: If there are none.
        """
        found = [content for name in self.names() if (content := self.read(name)) is not None]
        if not found:
            raise FileNotFoundError(
                f"expected cells of a sweep in {self.path / 'cells'}, got none; run one with art-snn run"
            )
        yield from found


def write_cell(found: Result | Defended, folder: Path) -> None:
    """Keep what one experiment found as the cell that it is, and its spec, where they are not there yet.

    Args:
        found: Complete result of a spec of one cell.
        folder: Folder of the results, of which `art-snn report` then makes tables.
    """
    place, cell = SweepFolder(folder), written(found)
    if place.read(cell["hash"]) is None:
        place.write_spec(found.spec.given)
        place.write(cell["hash"], cell)


def _for_toml(value: Any) -> Any:
    """Of types that TOML knows, which has no word for None."""
    if isinstance(value, Mapping):
        return {name: _for_toml(inner) for name, inner in value.items() if inner is not None}
    if isinstance(value, list | tuple | range | np.ndarray):
        return [_for_toml(inner) for inner in value]
    if isinstance(value, np.generic):
        return value.item()
    return str(value) if isinstance(value, Path) else value
