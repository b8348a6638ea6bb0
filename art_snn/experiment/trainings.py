"""Trainings that cells of an experiment share: each is named by what determines it, done once, and kept."""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from art_snn._files import write_whole
from art_snn.estimators.classification import TrainingStep
from art_snn.estimators.classification.weights import pack, unpack
from art_snn.evaluations import poison_combination
from art_snn.evaluations.training import Once, StepRecord
from art_snn.experiment.result import computing_versions
from art_snn.experiment.sections import Model, rules

try:
    import fcntl
except ImportError:  # Windows has none: the same training may be done twice there
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from art_snn.experiment.spec import Experiment

FILE = "training.safetensors"


def digest(plain: Any) -> str:
    """A short name of what determines something, of plain types.

    >>> digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1}) != digest({"a": 1})
    True
    """
    return hashlib.sha256(json.dumps(plain, sort_keys=True, allow_nan=False).encode()).hexdigest()[:16]


def training_key(
    cell: "Experiment",
    model: Model,
    step: TrainingStep,
    poisoned: tuple[TrainingStep, ...],
    is_measured: bool,
    share_held_out: float,
) -> dict[str, Any]:
    """Everything in a cell that determines one step of the training of one model.

    A step on clean data depends neither on the attack nor on what is measured; the training of an ANN does not depend
    on what is made of it.

    Args:
        cell: Experiment of one point and one seed.
        model: One of its models.
        step: "ann" or "snn".
        poisoned: The steps so far, this one included, whose data are poisoned.
        is_measured: Whether test samples, with and without trigger, are asked about after each epoch.
        share_held_out: Share of the training samples that is the defender's.
    """
    resolved, training = cell.model_dump(mode="json"), cell.training_of(model).model_dump(mode="json")
    data = {name: value for name, value in resolved["data"].items() if name not in ("root", "normalisation_test")}
    del training["record_epochs"]
    if not poisoned:
        del training["alpha"], training["beta"], training["augmentation"]["place"]
    seen = {"attack": resolved["attack"], "normalisation": resolved["data"]["normalisation_test"]}
    own = {} if step == "ann" else model.model_dump(mode="json", exclude={"name", "training", "combination"})
    return {
        "data": data,
        "network": resolved["network"],
        "training": training,
        "step": step,
        "model": own,
        "attack": resolved["attack"] | _surrogate(cell) if poisoned else None,
        "poisoned": list(poisoned),
        "measured_on": seen if is_measured else None,
        "share_held_out": share_held_out,
        "seed": cell.seed,
        "threads": cell.run.threads,
        "device": cell.run.device,
    }


def _surrogate(cell: "Experiment") -> dict[str, Any]:
    """What a trigger is fitted on beside samples."""
    if (model := cell.surrogate) is None:
        return {}
    training = cell.training_of(model).model_dump(mode="json")
    return {"surrogate": {**model.model_dump(mode="json", exclude={"name", "training"}), "training": training}}


def share_held_out(cell: "Experiment") -> float:
    """Share of the training samples that a cell keeps for the defender."""
    return cell.measure.share_of_clean_data if cell.holds_out else 0.0


def trainings_of(cell: "Experiment") -> dict[str, dict[str, Any]]:
    """All trainings that a cell takes, by their names."""
    keys, share = [], share_held_out(cell)
    for model in cell.models:
        records = cell.training_of(model).record_epochs
        for is_poisoned in (False, True):
            so_far: tuple[TrainingStep, ...] = ()
            for step in rules()[model.rule].training_steps:
                if is_poisoned and poison_combination(model.combination).is_poisoned(step):
                    so_far += (step,)
                if step != "calibration":
                    keys.append(training_key(cell, model, step, so_far, records and is_poisoned, share))
    return {digest(key): key for key in keys}


@dataclass(frozen=True)
class Trainings:
    """Trained weights in a folder, one subfolder for each training.

    Args:
        folder: Made where it is missing.
        cell: The experiment of one point and one seed whose trainings are taken or restored.
        checksum: Checksum of its data, which determine a training beside its key, as the versions do.
        share_held_out: Share of the training samples that is held out.
    """

    folder: Path
    cell: "Experiment"
    checksum: str
    share_held_out: float

    def keeper(self, model: Model) -> Once:
        """What takes each step of a model's training once."""

        def once(
            step: TrainingStep,
            poisoned: tuple[TrainingStep, ...],
            is_measured: bool,
            module: nn.Module,
            take: Callable[[], StepRecord],
        ) -> StepRecord:
            key = training_key(self.cell, model, step, poisoned, is_measured, self.share_held_out)
            with self.alone(key) as place:
                if (known := self.restore(place, module)) is not None:
                    return known
                record = take()
                self.keep(place, module, record._asdict())
                return record

        return once

    def place(self, key: Mapping[str, Any]) -> Path:
        """The folder of a training, which need not exist."""
        return self.folder / digest({**key, "checksum": self.checksum, "versions": computing_versions()})

    @contextmanager
    def alone(self, key: Mapping[str, Any]) -> Iterator[Path]:
        """Hold the place of a training, which another process waits for meanwhile."""
        place = self.place(key)
        place.mkdir(parents=True, exist_ok=True)
        if fcntl is None:
            yield place
            return
        descriptor = os.open(place, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)  # goes with the process, however that ends
            yield place
        finally:
            os.close(descriptor)

    @staticmethod
    def restore(place: Path, module: nn.Module) -> StepRecord | None:
        """Give a module the weights of a training that was done before.

        Returns:
            What was written down with them; None if there are none that fit.
        """
        try:
            tensors, text = unpack(place / FILE)
            record = json.loads(text)["record"]
            found = StepRecord(record["seconds"], tuple(record["epochs"]), record["peak_memory"])
        except (FileNotFoundError, ValueError, KeyError):  # not there, or damaged: done anew
            return None
        shapes = [{name: one.shape for name, one in part.items()} for part in (tensors, module.state_dict())]
        if shapes[0] != shapes[1]:
            return None
        module.load_state_dict(tensors)
        return found

    @staticmethod
    def keep(place: Path, module: nn.Module, record: Mapping[str, Any]) -> None:
        """Write the weights of a training down."""
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in module.state_dict().items()}
        write_whole(place / FILE, pack(tensors, json.dumps({"record": dict(record)})))


def keeper_in(
    folder: Path | None, cell: "Experiment", checksum: str, share_held_out: float
) -> Callable[[Model], Once] | None:
    """From a model of a cell to what takes steps of its training once, with the outcomes in a folder; None for none."""
    return None if folder is None else Trainings(folder, cell, checksum, share_held_out).keeper
