"""What is measured of trained models beside accuracy and success, where a spec asks for it."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from art_snn.attacks.poisoning import TriggerBackdoor
from art_snn.data import Dataset
from art_snn.estimators.classification import rule_of
from art_snn.evaluations import onset_length, over_time, trigger_cost
from art_snn.evaluations.backdoor import TrainedPair
from art_snn.experiment.result import plain
from art_snn.experiment.spec import Experiment
from art_snn.metrics import stealth

N_COUNTED = 256  # test samples, at most, whose operations are counted and whose changes are seen


@dataclass(frozen=True)
class Measures:
    """Measures the models of one cell.

    Args:
        spec: The cell.
        attack: Attack of the cell.
        dataset: Data of the cell.
        models: Folder in which trained classifiers are kept; None keeps none.
    """

    spec: Experiment
    attack: TriggerBackdoor
    dataset: Dataset
    models: Path | None = None

    def of_trigger(self) -> dict[str, Any]:
        """What is the same for all models, of plain types."""
        if not self.spec.measure.stealth:
            return {}
        x = self.dataset.x_test[:N_COUNTED]
        return {"stealth": plain(stealth(x, self.attack.poison(x)[0]))}

    def of_model(self, name: str, pair: TrainedPair) -> dict[str, Any]:
        """What is measured of one model, of plain types."""
        measure, test = self.spec.measure, (self.dataset.x_test, self.dataset.y_test)
        if self.models is not None:
            for state, classifier in pair._asdict().items():
                classifier.save(f"{name}-{state}", str(self.models))
        found: dict[str, Any] = {}
        if measure.over_time and rule_of(pair.backdoored).is_spiking:
            found["over_time"] = over_time(self.attack, pair, *test, measure.over_time)
        if (part := measure.onset_length) is not None:
            found["onset_length"] = onset_length(self.attack, pair, *test, part.onsets, part.lengths, verbose=False)
        if measure.cost:
            found["cost"] = self._cost(pair)
        return {measured: plain(value) for measured, value in found.items()}

    def _cost(self, pair: TrainedPair) -> dict[str, Any]:
        x = self.dataset.x_test[:N_COUNTED]
        cost = trigger_cost(pair.backdoored, x, self.attack.poison(x)[0])
        return {
            **cost.clean.as_row(),
            **cost.as_row(),
            "attack_seconds": self._attack_seconds(),
            "synapses": dict(cost.clean.synapses),
            "activations": dict(cost.clean.activations),
        }

    def _attack_seconds(self) -> float:
        """How long it takes to poison the training set."""
        started = time.perf_counter()
        self.attack.poison_dataset(self.dataset.x_train, self.dataset.y_train)
        return time.perf_counter() - started


def added(measures: dict[str, Any], model: str, found: dict[str, Any]) -> dict[str, Any]:
    """Measures of a cell, by what is measured and by model, with those of one model more."""
    more = {name: {**measures.get(name, {}), model: value} for name, value in found.items()}
    return {**measures, **more}
