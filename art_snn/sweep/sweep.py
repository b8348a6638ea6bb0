"""`Sweep`: all cells of a spec, each computed once and written as soon as it is done."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from art_snn._validation import check_at_least
from art_snn._workers import Failed, Outcome, Task, in_processes, in_turn, on_cluster
from art_snn.experiment.cell import checksum_of_data, compute_cell, environment, forget_data, name_of
from art_snn.experiment.grid import with_values
from art_snn.experiment.spec import MODELS, Experiment
from art_snn.experiment.trainings import digest, trainings_of
from art_snn.sweep.display import Display
from art_snn.sweep.folder import SweepFolder
from art_snn.sweep.frame import frame
from art_snn.sweep.values import is_at

Spec = str | Path | Mapping[str, Any] | Experiment


@dataclass
class Sweep:
    """The cells of one spec.

    Args:
        spec: Path of a TOML file, nested tables, or an `Experiment`.
        changes: Values in place of some of the spec's, by dotted path.
        only: Cells are left out that have not these values, by dotted path.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If the spec is none, or no cell is left.
    """

    spec: Spec
    changes: Mapping[str, Any] = field(default_factory=dict)
    only: Mapping[str, Any] = field(default_factory=dict)
    experiment: Experiment = field(init=False)
    cells: tuple[Experiment, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.experiment = experiment_of(self.spec, self.changes)
        cells = ((cell, cell.model_dump(mode="json")) for cell in self.experiment.cells())
        kept = {digest(plain): cell for cell, plain in cells if all(is_at(plain, *one) for one in self.only.items())}
        self.cells = tuple(kept.values())  # points that come to the same are one
        if not self.cells:
            wanted = ", ".join(f"{path} = {value!r}" for path, value in self.only.items())
            raise ValueError(f"expected cells with {wanted}, got none among {len(self.experiment.cells())}")

    @property
    def trainings(self) -> dict[str, dict[str, Any]]:
        """All trainings that differ, by name: what several cells need is done once."""
        return {name: key for cell in self.cells for name, key in trainings_of(cell).items()}

    @property
    def n_alone(self) -> int:
        """How many trainings there would be if each cell were computed by itself."""
        return sum(len(trainings_of(cell)) for cell in self.cells)

    @property
    def labels(self) -> list[str]:
        """What tells each cell from the others, in words."""
        return label_cells(self.cells)

    def run(
        self,
        out: str | Path,
        jobs: int = 1,
        client: Any = None,
        *,
        retry_failed: bool = False,
        save_models: bool = False,
        verbose: bool = True,
    ) -> pd.DataFrame:
        """Compute the cells that are missing.

        Each is written to `out/cells/HASH.json` as soon as it is done; one that fails is written with its error, and
        the others go on. A script that asks for several jobs must protect its own start by `if __name__ == "__main__"`.

        Args:
            out: The folder; another run may be working there.
            jobs: Processes on this machine.
            client: Client of `dask.distributed`, on whose workers cells are computed instead.
            retry_failed: Whether cells that failed before are computed again.
            save_models: Whether the trained classifiers are kept, in `out/models/HASH/`.
            verbose: Whether to show how it goes on.

        Returns:
            The table of this sweep's cells, as `load_results` gives it.

        Raises:
            ValueError: If jobs is below 1.
        """
        check_at_least("jobs", jobs, 1)
        folder = SweepFolder(Path(out).resolve())
        folder.write_spec(self.experiment.given)
        forget_data()
        names = {name_of(cell, checksum_of_data(cell)): cell for cell in self.cells}
        missing = [name for name in names if _is_missing(folder.read(name), retry_failed)]
        tasks = [Task(name, names[name].model_dump(mode="json"), str(folder.path), save_models) for name in missing]
        labels = dict(zip(missing, label_cells([names[name] for name in missing]), strict=True))
        display = Display(labels, len(names) - len(missing), jobs, verbose)
        with display.shown(), _kept(folder):
            for task, outcome in _computed(tasks, display, jobs, client):
                if not isinstance(outcome, Failed):
                    folder.write(task.name, outcome)
                elif _is_missing(folder.read(task.name), retry_failed=True):  # another run may have done it
                    folder.write(task.name, _failure(task, outcome))
                display.ended(task, f"{outcome.kind}: {outcome.text}" if isinstance(outcome, Failed) else None)
        return frame(content for name in names if (content := folder.read(name)) is not None)


@contextmanager
def _kept(folder: SweepFolder) -> Iterator[None]:
    """Say to who interrupts the block what is kept."""
    try:
        yield
    except KeyboardInterrupt as error:
        error.add_note(f"{folder.path} keeps the cells that are finished, and the same command goes on from there")
        raise


def experiment_of(spec: Spec, changes: Mapping[str, Any] | None = None) -> Experiment:
    """The experiment that a path, tables or an `Experiment` stand for.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If it is no spec.
    """
    if isinstance(spec, str | Path):
        spec = Experiment.from_toml(spec) if not changes else Experiment.tables_of(spec)
    given = {"models": list(MODELS), **(spec.given if isinstance(spec, Experiment) else spec)}
    return (
        Experiment(**with_values(given, changes))
        if changes
        else spec
        if isinstance(spec, Experiment)
        else Experiment(**given)
    )


def _computed(
    tasks: Sequence[Task], display: Display, jobs: int, client: Any
) -> Iterator[tuple[Task, Outcome | Failed]]:
    if client is not None:
        return on_cluster(tasks, compute_cell, display, client)
    if jobs > 1 and len(tasks) > 1:
        return in_processes(tasks, compute_cell, display, jobs)
    return in_turn(tasks, compute_cell, display)


def _is_missing(content: dict[str, Any] | None, retry_failed: bool) -> bool:
    return content is None or (retry_failed and "error" in content)


def _failure(task: Task, failed: Failed) -> dict[str, Any]:
    return {"hash": task.name, "spec": task.spec, "error": failed._asdict(), "environment": environment()}


def label_cells(cells: Sequence[Experiment]) -> list[str]:
    """What tells each cell from the others, in words."""
    tables = [dict(_leaves(cell.model_dump(mode="json"))) for cell in cells]
    differing = [path for path in dict.fromkeys(path for table in tables for path in table) if _differs(path, tables)]
    labels = []
    for table in tables:
        parts = [
            f"{path.rpartition('.')[2]}={table[path]}" for path in differing if path in table and path != "run.seeds"
        ]
        labels.append(", ".join([*parts, f"seed={table['run.seeds'][0]}"]))
    return labels


def _differs(path: str, tables: Sequence[Mapping[str, Any]]) -> bool:
    return len({repr(table.get(path)) for table in tables}) > 1


def _leaves(table: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{above}{name}.")
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            yield from _leaves({str(number): one for number, one in enumerate(value)}, f"{above}{name}.")
        else:
            yield f"{above}{name}", value
