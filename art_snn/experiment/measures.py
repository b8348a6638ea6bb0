"""What is measured of trained models beside accuracy and success, where a spec asks for it."""

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from art.estimators.classification import PyTorchClassifier

from art_snn._random import host_seed
from art_snn.attacks.poisoning import BackdoorAttack, DataAttack
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
from art_snn.evaluations.answers import decided
from art_snn.evaluations.backdoor import TrainedPair
from art_snn.evaluations.samples import poisoned
from art_snn.experiment.result import plain
from art_snn.experiment.spec import Experiment
from art_snn.metrics import roc_points, stealth
from art_snn.typing import Array

N_COUNTED = 256  # test samples, at most, whose operations are counted and whose changes are seen


@dataclass(frozen=True)
class Measures:
    """Measures the models of one cell.

    Args:
        spec: The cell.
        dataset: Data of the cell.
        models: Folder in which trained classifiers are kept; None keeps none.
    """

    spec: Experiment
    dataset: Dataset
    models: Path | None = None

    def of_trigger(self, attack: BackdoorAttack) -> dict[str, Any]:
        """What is the same for all models, of plain types; nothing of an attack whose trigger each of them has learned.

        Args:
            attack: Attack of the cell.
        """
        is_wanted = self.spec.measure.stealth and isinstance(attack, DataAttack)
        return {"stealth": self._stealth(attack)} if is_wanted else {}

    def of_model(self, name: str, pair: TrainedPair, attack: BackdoorAttack) -> dict[str, Any]:
        """What is measured of one model, of plain types.

        Args:
            name: Name of the model.
            pair: The model, trained twice.
            attack: The attack as it has learned it.
        """
        measure, test = self.spec.measure, (self.dataset.x_test, self.dataset.y_test)
        self._keep(name, pair, attack)
        found: dict[str, Any] = {}
        if measure.stealth and not isinstance(attack, DataAttack):
            found["stealth"] = self._stealth(attack)
        if measure.over_time and rule_of(pair.backdoored).is_spiking:
            found["over_time"] = over_time(attack, pair, *test, measure.over_time)
        if (part := measure.onset_length) is not None:
            timed: Any = attack
            found["onset_length"] = onset_length(timed, pair, *test, part.onsets, part.lengths, verbose=False)
        if measure.cost:
            found["cost"] = self._cost(pair, attack)
        if measure.evidence:
            found |= self._evidence(pair, attack)
        return {measured: plain(value) for measured, value in found.items()}

    def of_detection(self, rows: Iterable[DetectionResult], model: str) -> dict[str, Any]:
        """The ROC curves of one model's detectors, by "roc" and their names; empty where none is asked for."""
        seen = [row for row in rows if row.model == model and row.evidence is not None and self.spec.measure.evidence]
        return {"roc": {row.defence: _roc(row) for row in seen}} if seen else {}

    def _keep(self, name: str, pair: TrainedPair, attack: BackdoorAttack) -> None:
        """Write the classifiers down, and a trigger that was trained with them, where they are to be kept."""
        if self.models is None:
            return
        for state, classifier in pair._asdict().items():
            classifier.save(f"{name}-{state}", str(self.models))
        if hasattr(attack, "save"):
            attack.save(f"{name}-trigger", str(self.models))

    def _evidence(self, pair: TrainedPair, attack: BackdoorAttack) -> dict[str, Any]:
        """What the networks show: of those that spike, and of those that were calibrated."""
        train = self.dataset.x_train, self.dataset.y_train
        kept: dict[str, Any] = {"voltages": layer_evidence(attack, pair, self.dataset.x_test, self.dataset.y_test)}
        if isinstance(attack, DataAttack):  # others calibrate on clean samples alone
            data = poisoned(attack, *train)
            kept["thresholds"] = threshold_evidence(pair, train, (data.x, data.y), seed=self.spec.seed)
        return {name: value for name, value in kept.items() if value is not None}

    def _stealth(self, attack: BackdoorAttack) -> Any:
        x, y = self.dataset.x_test[:N_COUNTED], self.dataset.y_test[:N_COUNTED]
        return plain(stealth(x, attack.trigger_test(x, y)[0]))

    def _cost(self, pair: TrainedPair, attack: BackdoorAttack) -> dict[str, Any]:
        """Of the backdoored model, and what the trigger costs its clean twin, without a backdoor."""
        x, y = self.dataset.x_test[:N_COUNTED], self.dataset.y_test[:N_COUNTED]
        x_triggered = np.asarray(attack.trigger_test(x, y)[0])
        twin, cost = (trigger_cost(model, x, x_triggered) for model in pair)
        return {
            **cost.clean.as_row(),
            **cost.as_row(),
            **{f"twin_{name}": value for name, value in twin.as_row().items()},
            "twin_kept": _kept(pair.clean, x, x_triggered),
            "attack_seconds": self._attack_seconds(attack),
            "synapses": dict(cost.clean.synapses),
            "activations": dict(cost.clean.activations),
        }

    def _attack_seconds(self, attack: BackdoorAttack) -> float:
        """How long it takes to poison the training set; NaN where that is a part of the training."""
        if not isinstance(attack, DataAttack):
            return math.nan
        started = time.perf_counter()
        attack.poison_dataset(self.dataset.x_train, self.dataset.y_train)
        return time.perf_counter() - started


def added(measures: dict[str, Any], model: str, found: dict[str, Any]) -> dict[str, Any]:
    """Measures of a cell, by what is measured and by model, with those of one model more."""
    more = {name: {**measures.get(name, {}), model: value} for name, value in found.items()}
    return {**measures, **more}


def _kept(classifier: PyTorchClassifier, x: Array, x_triggered: Array) -> float:
    """Share of samples whose class stays with the trigger, in [0, 1]."""
    with host_seed(0):
        classes = [decided(classifier.predict(samples)) for samples in (x, x_triggered)]
    return float(np.mean(classes[0] == classes[1]))


def _roc(row: DetectionResult) -> dict[str, Any]:
    """At most 100 points, and where the detector's own decision lies."""
    if row.evidence is None:
        return {}
    rates = dict(zip(("fpr", "tpr"), roc_points(row.evidence.is_poison, row.evidence.scores), strict=True))
    points: dict[str, Any] = {name: [float(f"{x:.4g}") for x in values] for name, values in rates.items()}
    own = {"own_fpr": row.fpr, "own_tpr": row.tpr, "auroc": row.auroc, "n_clean": row.n_clean}
    return points | {name: plain(value) for name, value in own.items()}
