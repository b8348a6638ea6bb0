"""What a sweep will take, measured on the first steps of each kind of training."""

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

from art_snn.evaluations.resource_use import measured_cost
from art_snn.experiment.cell import Prepared, prepare
from art_snn.experiment.sections import Model
from art_snn.experiment.spec import Experiment
from art_snn.experiment.threads import threads
from art_snn.experiment.trainings import digest, trainings_of
from art_snn.sweep.sweep import Sweep

STEPS = 2  # of training that are timed, after one that is not


@dataclass(frozen=True)
class Estimate:
    """What a sweep will take, about.

    Args:
        n_cells: Cells.
        n_trainings: Trainings that differ.
        seconds: Duration of all trainings, one after the other; measurements and defences come on top.
        peak_memory: Bytes of the largest training beside the data; NaN where the system does not tell.
        data: Bytes of the largest data set, which memory-mapped frames do not take.
    """

    n_cells: int
    n_trainings: int
    seconds: float
    peak_memory: float
    data: float


def estimate(sweep: Sweep) -> Estimate:
    """Time the first steps of one training of each kind, and multiply."""
    counts, samples = Counter[str](), dict[str, tuple[Experiment, Model]]()
    seen = set[str]()
    for cell in sweep.cells:
        for name, key in trainings_of(cell).items():
            if name in seen:
                continue
            seen.add(name)
            kind = digest({part: key[part] for part in ("data", "network", "training", "step", "model", "threads")})
            counts[kind] += 1
            samples.setdefault(kind, (cell, _model_of(cell, key)))
    measured = {kind: _measured(*sample) for kind, sample in samples.items()}
    return Estimate(
        n_cells=len(sweep.cells),
        n_trainings=len(seen),
        seconds=sum(counts[kind] * seconds for kind, (seconds, _, _) in measured.items()),
        peak_memory=max((memory for _, memory, _ in measured.values()), default=math.nan),
        data=max((data for _, _, data in measured.values()), default=math.nan),
    )


def _model_of(cell: Experiment, key: dict[str, Any]) -> Model:
    return next(
        model for model in cell.models if digest(key) in trainings_of(cell.model_copy(update={"models": (model,)}))
    )


def _measured(cell: Experiment, model: Model) -> tuple[float, float, float]:
    """Seconds and bytes of one training, and the bytes of its data."""
    prepared: Prepared = prepare(cell)
    training, data = cell.training_of(model), prepared.dataset
    x, y, size = data.x_train, data.y_train, min(training.batch_size, len(data.x_train))
    estimator = prepared.estimator(model)
    arguments = {"batch_size": size, "nb_epochs": 1, "seed": 0}
    with threads(cell.run.threads):
        estimator.fit(x[:size], y[:size], **arguments)
        with measured_cost() as cost:
            estimator.fit(x[: STEPS * size], y[: STEPS * size], **arguments)
    n_steps = training.epochs * math.ceil(len(x) / size)
    return cost.seconds / STEPS * n_steps, cost.peak_memory, float(x.nbytes + data.x_test.nbytes)
