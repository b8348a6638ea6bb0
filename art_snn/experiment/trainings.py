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
    cell: "Experiment", model: Model, step: TrainingStep, poisoned: tuple[TrainingStep, ...]
) -> dict[str, Any]:
    """Everything in a cell that determines one step of the training of one model.

    A step on clean data depends neither on the attack nor on what is measured; the training of an ANN does not depend
    on what is made of it.

    Args:
        cell: Of one point and one seed.
        model: One of its models.
        step: "ann" or "snn".
        poisoned: The steps so far, this one included, whose data are poisoned.
    """
    resolved = cell.model_dump(mode="json")
    data = {name: value for name, value in resolved["data"].items() if name not in ("root", "normalisation_test")}
    is_held_out = bool(cell.defences or cell.measure.detection or cell.measure.elimination)
    own = {} if step == "ann" else model.model_dump(mode="json", exclude={"name", "training", "combination"})
    return {
        "data": data,
        "network": resolved["network"],
        "training": cell.training_of(model).model_dump(mode="json", exclude=set() if poisoned else {"alpha", "beta"}),
        "step": step,
        "model": own,
        "attack": resolved["attack"] if poisoned else None,
        "poisoned": list(poisoned),
        "share_of_clean_data": cell.measure.share_of_clean_data if is_held_out else 0,
        "seed": cell.seed,
        "threads": cell.run.threads,
        "device": cell.run.device,
    }


def trainings_of(cell: "Experiment") -> dict[str, dict[str, Any]]:
    """All trainings that a cell takes, by their names."""
    keys = []
    for model in cell.models:
        for is_poisoned in (False, True):
            so_far: tuple[TrainingStep, ...] = ()
            for step in rules()[model.rule].training_steps:
                if is_poisoned and poison_combination(model.combination).is_poisoned(step):
                    so_far += (step,)
                if step != "calibration":
                    keys.append(training_key(cell, model, step, so_far))
    return {digest(key): key for key in keys}


@dataclass(frozen=True)
class Trainings:
    """Trained weights in a folder, one subfolder for each training.

    Args:
        folder: Made where it is missing.
        cell: The experiment of one point and one seed whose trainings are taken or restored.
        checksum: Of its data, which determine a training beside its key.
    """

    folder: Path
    cell: "Experiment"
    checksum: str

    def keeper(self, model: Model) -> Once:
        """What takes each step of a model's training once."""

        def once(
            step: TrainingStep, poisoned: tuple[TrainingStep, ...], module: nn.Module, take: Callable[[], StepRecord]
        ) -> StepRecord:
            with self.alone(training_key(self.cell, model, step, poisoned)) as place:
                known = self.restore(place, module)
                if known is not None:
                    return StepRecord(known["seconds"], tuple(known["epochs"]), known["peak_memory"])
                record = take()
                self.keep(place, module, record._asdict())
                return record

        return once

    @contextmanager
    def alone(self, key: Mapping[str, Any]) -> Iterator[Path]:
        """Hold the place of a training, which another process waits for meanwhile."""
        place = self.folder / digest({**key, "checksum": self.checksum})
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
    def restore(place: Path, module: nn.Module) -> dict[str, Any] | None:
        """Give a module the weights of a training that was done before.

        Returns:
            What was written down with them; None if there are none that fit.
        """
        try:
            tensors, record = unpack(place / FILE)
            module.load_state_dict(tensors)
        except (FileNotFoundError, ValueError, RuntimeError):  # not there, damaged, or of another network: done anew
            return None
        found: dict[str, Any] = json.loads(record)["record"]
        return found

    @staticmethod
    def keep(place: Path, module: nn.Module, record: Mapping[str, Any]) -> None:
        """Write the weights of a training down."""
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in module.state_dict().items()}
        write_whole(place / FILE, pack(tensors, json.dumps({"record": dict(record)})))


def keeper_in(folder: Path | None, cell: "Experiment", checksum: str) -> Callable[[Model], Once] | None:
    """From a model of a cell to what takes steps of its training once, with the outcomes in a folder; None for none."""
    return None if folder is None else Trainings(folder, cell, checksum).keeper
