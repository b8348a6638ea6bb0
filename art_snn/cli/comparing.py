"""What `compare` and `defend` have in common: a folder of their own, several seeds, and what they print."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
import typer
from rich.console import RenderableType

from art_snn import experiment, report
from art_snn._files import write_whole
from art_snn._progress import silence
from art_snn.cli import FAILED, told
from art_snn.experiment import Defended, Experiment, Result
from art_snn.report import ResultsFolder
from art_snn.sweep import Sweep, load_tables

Found = TypeVar("Found", Result, Defended)


def results_folder(
    command: str, spec: Experiment, out: Path | None, files: tuple[str, tuple[str, ...]]
) -> ResultsFolder:
    """The folder of a command, by default named by what determines the results.

    Args:
        command: Name of the command.
        spec: The experiment.
        out: Folder that the user names.
        files: Name of the record, and patterns of the other files.
    """
    determined_by = experiment.identity(spec)
    default = f"{command}-{spec.data.name}-{experiment.digest(determined_by)}"
    return ResultsFolder(out or Path("results", default), *files, determined_by)


@contextmanager
def working(folder: ResultsFolder, restore: Callable[[dict[str, Any]], Found], quiet: bool) -> Iterator[Found | None]:
    """Hold the folder, and show no progress where none is wanted; gives what had been found before."""
    with folder.claimed() as record, silence() if quiet else nullcontext():
        try:
            known = None if record is None else restore(record)
        except ValueError as error:
            file = folder.path / folder.record
            raise ValueError(f"{file}: {error}; remove it, or name another folder with --out") from error
        if known is not None and not known.is_complete and not quiet:
            told(f"goes on in {folder.path}, where {', '.join(row.model for row in known.rows)} is finished", 0)
        yield known


def is_done(folder: ResultsFolder, known: Result | Defended | None) -> bool:
    """Whether nothing was left to do."""
    return known is not None and known.is_complete and folder.has_all()


def over_seeds(spec: Experiment, folder: ResultsFolder, as_json: bool, quiet: bool) -> None:
    """Several seeds are several cells; the record is all their tables with the spec beside them."""
    sweep = Sweep(spec)
    with folder.claimed(), silence() if quiet else nullcontext():
        results = sweep.run(folder.path)
        tables = load_tables(folder.path, results["cell"])
        lines = {name: json.loads(table.to_json(orient="records")) for name, table in tables.items() if len(table)}
        record = {"spec": spec.model_dump(mode="json"), "versions": folder.determined_by["versions"], **lines}
        content = json.dumps(record, indent=2)
        found = report.report_tables(tables)
        written = [
            write_whole(folder.path / folder.record, f"{content}\n".encode()),
            *report.write_sweep(found, folder.path),
        ]
    if as_json:
        print(content)
    elif not quiet:
        print(report.sweep_text(found))
        tell_files(folder, written)
    tell_failures(sweep, results, folder.path)


def tell_failures(sweep: Sweep, results: pd.DataFrame, folder: Path) -> None:
    """Say how many cells failed, by a line and the exit status."""
    if failed := results["error"].notna().sum() if "error" in results else 0:
        told(f"{failed} of {len(sweep.cells)} cells failed, see {folder / 'cells'}; --retry-failed computes them again")
        raise typer.Exit(FAILED)


def show(
    found: Result | Defended,
    tables: Callable[[], Iterable[RenderableType]],
    folder: ResultsFolder,
    written: list[Path],
    as_json: bool,
    quiet: bool,
) -> None:
    """Print what was found, as it is asked for."""
    if as_json:
        print(json.dumps(found.as_json(), indent=2))
    elif not quiet:
        print(report.as_text(tables(), sys.stdout.isatty()), end="")
        tell_files(folder, written)


def tell_files(folder: ResultsFolder, written: list[Path]) -> None:
    for path in written:
        print(f"wrote {path}")
    if not written:
        print(f"done before, nothing to do: {folder.path / folder.record}")


def tell_doubts(doubts: str, quiet: bool) -> None:
    """One line about results that mean nothing, or less than they seem to."""
    if doubts and not quiet:
        told(f"{doubts}; the reasons are under 'doubts' in the JSON and below the tables", 0)
