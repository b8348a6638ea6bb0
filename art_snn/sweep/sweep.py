"""`Sweep`: all cells of a spec, each computed once and written as soon as it is done."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from art_snn._validation import check_at_least
from art_snn._workers import Failed, Outcome, Task, in_processes, in_turn, on_cluster, warm_up
from art_snn.experiment.cell import compute_cell, environment
from art_snn.experiment.given import Spec, experiment_of
from art_snn.experiment.spec import Experiment
from art_snn.experiment.trainings import digest, trainings_of
from art_snn.sweep.claims import Claims
from art_snn.sweep.display import Display
from art_snn.sweep.folder import SweepFolder
from art_snn.sweep.frame import frame
from art_snn.sweep.labels import label_cells
from art_snn.sweep.plan import Plan, is_missing
from art_snn.sweep.values import is_at


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
        if jobs > 1 and client is None:
            warm_up(compute_cell.__module__)  # while the data are read here
        folder = SweepFolder(Path(out).resolve())
        folder.write_spec(self.experiment.given)
        plan = Plan.of(self.cells, folder, retry_failed)
        folder.remove(plan.outdated)
        tasks = [Task(name, plan.spec_of(name), str(folder.path), save_models) for name in plan.missing]
        labels = dict(zip(plan.cells, label_cells(list(plan.cells.values())), strict=True))
        display = Display(labels, len(plan.cells) - len(plan.missing) - len(plan.unreadable), verbose)
        with display.shown(), _kept(folder), Claims(folder, tasks, plan.missing, display) as claims:
            for name, failed in plan.unreadable.items():
                folder.write(name, _failure(name, plan.spec_of(name), failed))
                display.failed(name, failed.told)
            for task, outcome in _computed(claims, display, min(jobs, len(tasks)), client):
                _keep(folder, task, outcome)
                claims.release(task.name)
                display.ended(task, outcome.told if isinstance(outcome, Failed) else None)
        return frame(content for name in plan.cells if (content := folder.read(name)) is not None)


@contextmanager
def _kept(folder: SweepFolder) -> Iterator[None]:
    """Say to who interrupts the block what is kept."""
    try:
        yield
    except KeyboardInterrupt as error:
        error.add_note(f"{folder.path} keeps the cells that are finished, and the same command goes on from there")
        raise


def _computed(claims: Claims, display: Display, jobs: int, client: Any) -> Iterator[tuple[Task, Outcome | Failed]]:
    if client is not None:
        return on_cluster(claims, compute_cell, display, client)
    if jobs > 1:
        return in_processes(claims, compute_cell, display, jobs)
    return in_turn(claims, compute_cell, display)


def _keep(folder: SweepFolder, task: Task, outcome: Outcome | Failed) -> None:
    """Write down what came of a cell."""
    if not isinstance(outcome, Failed):
        folder.write_models(task.name, outcome.pop("files", {}))
        folder.write(task.name, outcome)
    elif is_missing(folder.read(task.name), retry_failed=True):  # where there are no locks, another may have done it
        folder.write(task.name, _failure(task.name, task.spec, outcome))


def _failure(name: str, spec: Mapping[str, Any], failed: Failed) -> dict[str, Any]:
    return {"hash": name, "spec": spec, "error": failed._asdict(), "environment": environment()}
