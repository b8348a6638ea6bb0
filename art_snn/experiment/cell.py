"""One cell of an experiment, one point and one seed: computed, and written down as plain types."""

import os
import platform
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import torch
from art.estimators.classification import PyTorchClassifier

from art_snn._progress import telling
from art_snn._random import draw_seed
from art_snn.data import Dataset
from art_snn.experiment.building import make_dataset, make_estimator, streams
from art_snn.experiment.comparison import run
from art_snn.experiment.defending import defend
from art_snn.experiment.result import versions
from art_snn.experiment.resuming import checksum, identity
from art_snn.experiment.sections import Model
from art_snn.experiment.spec import Experiment
from art_snn.experiment.trainings import digest


class Job(Protocol):
    """What is to be computed.

    Attributes:
        name: Hash of the cell.
        spec: The cell as plain tables.
        folder: Folder of the whole experiment.
        save_models: Whether the trained classifiers are kept there, in models/NAME.
    """

    @property
    def name(self) -> str: ...
    @property
    def spec(self) -> dict[str, Any]: ...
    @property
    def folder(self) -> str: ...
    @property
    def save_models(self) -> bool: ...


def compute_cell(job: Job, says: Callable[[str], None]) -> dict[str, Any]:
    """Train, attack, defend and measure as a cell says.

    Args:
        job: The cell.
        says: Hears what is being done.

    Returns:
        What the cell's file holds, of plain types; NaN is None.
    """
    cell = Experiment(**job.spec)
    here = Path(job.folder)
    shared = (
        here if here.is_dir() else Path(tempfile.gettempdir()) / "art-snn"
    ) / "shared"  # a cluster's other machine
    with telling(says):
        models = here / "models" / job.name if job.save_models else None
        found = (defend if cell.holds_out else run)(cell, trainings=shared, models=models)
        if name_of(cell, found.checksum) != job.name:
            raise ValueError(
                "expected the data and the versions of who asked for this cell, got others on this machine"
            )
        return {"hash": job.name, **found.as_json(), "environment": environment(cell.run.threads)}


class Prepared(NamedTuple):
    """The data of a cell, and its untrained classifiers."""

    cell: Experiment
    dataset: Dataset

    def estimator(self, model: Model) -> PyTorchClassifier:
        """One of its classifiers, with the weights from which its training begins."""
        return make_estimator(model, self.cell, self.dataset, draw_seed(streams(self.cell).weights))


def prepare(cell: Experiment) -> Prepared:
    """Read the data of a cell."""
    return Prepared(cell, make_dataset(cell, streams(cell).split))


def name_of(cell: Experiment, checksum: str) -> str:
    """The hash of everything that determines a cell's numbers: spec, content of the data, versions."""
    return digest({**identity(cell), "checksum": checksum})


def forget_data() -> None:
    """Read data anew: they may have changed."""
    _checksums.clear()


def checksum_of_data(cell: Experiment) -> str:
    """Of the samples that a cell uses; read once for all cells that use the same."""
    key = cell.data.model_dump_json(), str(cell.data.folder), cell.seed  # of some data sets the seed decides the split
    if key not in _checksums:
        _checksums[key] = checksum(prepare(cell).dataset)
    return _checksums[key]


_checksums: dict[tuple[str, str, int], str] = {}


def environment(n_threads: int | None = None) -> dict[str, Any]:
    """On what numbers were computed."""
    return {
        "versions": versions(),
        "threads": n_threads or torch.get_num_threads(),
        "processor": _processor(),
        "processors": os.cpu_count(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "platform": platform.platform(),
    }


def _processor() -> str:
    """The processor by its name, where Linux or Python knows it."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text().splitlines() if told.is_file() else []
    names = (line.partition(": ")[2] for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())
