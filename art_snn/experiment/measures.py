"""What is measured of trained models beside accuracy and success, where a spec asks for it."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from art_snn.attacks.poisoning import TriggerBackdoor
from art_snn.data import Dataset
from art_snn.estimators.classification import rule_of
from art_snn.evaluations import (
    DetectionResult,
    layer_evidence,
    onset_length,
    over_time,
    threshold_evidence,
    trigger_cost,
)
from art_snn.evaluations.backdoor import TrainedPair
from art_snn.evaluations.samples import poisoned
from art_snn.experiment.result import plain
from art_snn.experiment.spec import Experiment
from art_snn.metrics import roc_points, stealth

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
        return {"stealth": plain(stealth(x, self.attack.trigger_lazily(x)))}

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
        if measure.evidence:
            found |= self._evidence(pair)
        return {measured: plain(value) for measured, value in found.items()}

    def of_detection(self, rows: Iterable[DetectionResult], model: str) -> dict[str, Any]:
        """The ROC curves of one model's detectors, by "roc" and their names; empty where none is asked for."""
        seen = [row for row in rows if row.model == model and row.evidence is not None and self.spec.measure.evidence]
        return {"roc": {row.defence: _roc(row) for row in seen}} if seen else {}

    def _evidence(self, pair: TrainedPair) -> dict[str, Any]:
        """What the networks show: of those that spike, and of those that were calibrated."""
        train = self.dataset.x_train, self.dataset.y_train
        data = poisoned(self.attack, *train)
        kept = {
            "voltages": layer_evidence(self.attack, pair, self.dataset.x_test, self.dataset.y_test),
            "thresholds": threshold_evidence(pair, train, (data.x, data.y), seed=self.spec.seed),
        }
        return {name: value for name, value in kept.items() if value is not None}

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


def _roc(row: DetectionResult) -> dict[str, Any]:
    """At most 100 points, and where the detector's own decision lies."""
    if row.evidence is None:
        return {}
    rates = dict(zip(("fpr", "tpr"), roc_points(row.evidence.is_poison, row.evidence.scores), strict=True))
    points: dict[str, Any] = {name: [float(f"{x:.4g}") for x in values] for name, values in rates.items()}
    own = {"own_fpr": row.fpr, "own_tpr": row.tpr, "auroc": row.auroc, "n_clean": row.n_clean}
    return points | {name: plain(value) for name, value in own.items()}
