"""What a sweep will take, measured on the first steps of each kind of training that is yet to be done."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from art_snn.data import Dataset
from art_snn.estimators.classification import LearningRule, TrainingData, TrainingStep, rule_of
from art_snn.evaluations.resource_use import measured_cost
from art_snn.experiment.cell import Prepared, checksum_of_data, prepare
from art_snn.experiment.sections import Model
from art_snn.experiment.spec import Experiment
from art_snn.experiment.threads import threads
from art_snn.experiment.trainings import FILE, Trainings, digest, share_held_out, trainings_of
from art_snn.sweep.folder import SweepFolder
from art_snn.sweep.plan import Plan
from art_snn.sweep.sweep import Sweep

STEPS = 2  # of training that are timed, after one that is not
_KIND = ("data", "network", "training", "step", "model", "threads", "device", "share_held_out")


@dataclass(frozen=True)
class Estimate:
    """What a sweep will take, about.

    Args:
        n_cells: Cells that are to be computed.
        n_kept: Cells that are there already.
        n_trainings: Trainings that differ and are to be done.
        n_trainings_kept: Trainings of these cells that are there already.
        seconds: Duration of all trainings that are to be done, one after the other; measurements and defences come on
            top.
        peak_memory: Bytes of the largest of them beside the data; NaN where there is none or the system does not tell.
        data: Bytes of the largest data set, which memory-mapped frames do not take; NaN where there is no training.
        unreadable: Why data of cells cannot be read, by the names of the cells.
    """

    n_cells: int
    n_kept: int
    n_trainings: int
    n_trainings_kept: int
    seconds: float
    peak_memory: float
    data: float
    unreadable: dict[str, str]


class _Cost(NamedTuple):
    seconds: float
    peak_memory: float
    data: float


class _Training(NamedTuple):
    """One that is to be done: a model of a cell, and what determines the step."""

    cell: Experiment
    model: Model
    key: dict[str, Any]

    @property
    def kind(self) -> str:
        """What is the same for trainings that take as long as each other."""
        return digest({part: self.key[part] for part in _KIND})


def estimate(sweep: Sweep, out: str | Path, *, retry_failed: bool = False) -> Estimate:
    """Time the first steps of one training of each kind, and multiply; nothing is written.

    Args:
        sweep: The sweep.
        out: Folder of the sweep; cells and trainings that are there are left out.
        retry_failed: Whether cells that failed before are computed again.
    """
    folder = SweepFolder(Path(out).resolve())
    plan = Plan.of(sweep.cells, folder, retry_failed)
    missing, kept = _trainings((plan.cells[name] for name in plan.missing), folder)
    kinds = {training.kind: training for training in missing.values()}
    costs = {kind: _measured(training) for kind, training in kinds.items()}
    return Estimate(
        n_cells=len(plan.missing),
        n_kept=len(plan.cells) - len(plan.missing) - len(plan.unreadable),
        n_trainings=len(missing),
        n_trainings_kept=len(kept),
        seconds=sum(costs[training.kind].seconds for training in missing.values()),
        peak_memory=max((cost.peak_memory for cost in costs.values()), default=math.nan),
        data=max((cost.data for cost in costs.values()), default=math.nan),
        unreadable={name: failed.told for name, failed in plan.unreadable.items()},
    )


def _trainings(cells: Iterable[Experiment], folder: SweepFolder) -> tuple[dict[str, _Training], set[str]]:
    """Those that are to be done, by name, and the names of those that are there."""
    missing, kept = dict[str, _Training](), set[str]()
    for cell in cells:
        places = Trainings(folder.shared, cell, checksum_of_data(cell), share_held_out(cell))
        for name, key in trainings_of(cell).items():
            if (places.place(key) / FILE).exists():
                kept.add(name)
            elif name not in missing:
                missing[name] = _Training(cell, _model_of(cell, key), key)
    return missing, kept


def _model_of(cell: Experiment, key: dict[str, Any]) -> Model:
    return next(
        model for model in cell.models if digest(key) in trainings_of(cell.model_copy(update={"models": (model,)}))
    )


def _measured(one: _Training) -> _Cost:
    """Of one training, its data beside it."""
    data, training, step = prepare(one.cell).dataset, one.cell.training_of(one.model), one.key["step"]
    n = math.ceil(len(data.x_train) * (1 - share_held_out(one.cell)))
    size = min(training.batch_size, n)
    rule = rule_of(Prepared(one.cell, data).estimator(one.model))
    with threads(one.cell.run.threads):
        for earlier in rule.training_steps[: rule.training_steps.index(step)]:
            _train(rule, earlier, data, size, size)
        _train(rule, step, data, size, size)
        with measured_cost() as cost:
            _train(rule, step, data, STEPS * size, size)
    n_steps = (rule.n_epochs(step) or training.epochs) * math.ceil(n / size)
    return _Cost(cost.seconds / STEPS * n_steps, cost.peak_memory, float(data.x_train.nbytes + data.x_test.nbytes))


def _train(rule: LearningRule, step: TrainingStep, data: Dataset, n: int, batch_size: int) -> None:
    """One epoch of a step on the first n samples."""
    seen = TrainingData(data.x_train[:n], data.y_train[:n])
    arguments: dict[str, Any] = {"batch_size": batch_size, "nb_epochs": 1, "verbose": False}
    rule.train_step(step, seen, seed=0, **({} if step == "calibration" else arguments))
