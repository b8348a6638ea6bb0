"""One cell of an experiment, one point and one seed: computed, and written down as plain types."""

import os
import platform
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import torch
from art.estimators.classification import PyTorchClassifier

from art_snn._progress import telling
from art_snn._random import draw_seed
from art_snn.data import Dataset
from art_snn.experiment.building import make_dataset, make_estimator, read_data, streams
from art_snn.experiment.comparison import run
from art_snn.experiment.defended import Defended
from art_snn.experiment.defending import defend
from art_snn.experiment.elsewhere import models_folder, shared_folder
from art_snn.experiment.result import Result, versions
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
        What the cell's file holds, of plain types; NaN is None. On a machine that does not see the folder also
        "files", the trained classifiers by the names of their files, where they are to be kept.

    Raises:
        ValueError: If the data or the versions are others here than where the cell got its name.
    """
    cell, here = Experiment(**job.spec), Path(job.folder)
    with ExitStack() as stack:
        stack.enter_context(telling(says))
        models, files = stack.enter_context(models_folder(here, job.name)) if job.save_models else (None, {})
        compute = defend if cell.holds_out else run
        check = partial(_check_name, cell, job.name)
        found = compute(cell, check=check, trainings=shared_folder(here), models=models)
    return written(found) | ({"files": files} if files else {})


def _check_name(cell: Experiment, name: str, checksum: str) -> None:
    if name_of(cell, checksum) != name:
        raise ValueError("expected the data and the versions of who asked for this cell, got others on this machine")


def written(found: Result | Defended) -> dict[str, Any]:
    """What the file of a cell holds, of plain types."""
    name = name_of(found.spec, found.checksum)
    return {"hash": name, **found.as_json(), "environment": environment(found.spec.run.threads)}


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


def name_of(cell: Experiment, checksum: str | None) -> str:
    """The hash of everything that determines a cell's numbers: spec, content of the data, versions.

    Args:
        cell: The cell.
        checksum: Checksum of its data; None where they cannot be read: then it is the name of that failure.
    """
    return digest({**identity(cell), "checksum": checksum})


def forget_data() -> None:
    """Read data anew: they may have changed."""
    _checksums.clear()


def checksum_of_data(cell: Experiment) -> str:
    """Of the samples that a cell uses; read once for all cells that use the same.

    Raises:
        Exception: What reading them raises, each time.
    """
    key = cell.data.model_dump_json(), str(cell.data.folder), cell.seed  # of some data sets the seed decides the split
    if key not in _checksums:
        try:
            _checksums[key] = checksum(read_data(cell, streams(cell).split))
        except Exception as error:
            _checksums[key] = error
    if isinstance(found := _checksums[key], Exception):
        raise found
    return found


_checksums: dict[tuple[str, str, int], str | Exception] = {}


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
