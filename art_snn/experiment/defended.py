"""What defences make of the models of an experiment, as values."""

from dataclasses import dataclass, field
from typing import Any

from art_snn.evaluations import BackdoorResult, DetectionResult, EliminationResult, Failure, ModelDetectionResult
from art_snn.experiment.result import plain
from art_snn.experiment.spec import Experiment

TABLES = ("rows", "detection", "verdicts", "elimination", "failures")


@dataclass(frozen=True)
class Defended:
    """What defences make of the models of an experiment.

    Args:
        spec: The experiment.
        title: What the data are.
        versions: Versions of Python and of the packages that compute.
        n_clean_samples: The defender's, which no model was trained on.
        rows: What the backdoor does to each model.
        detection: What detectors of poisoned samples find, a row for each model and defence.
        verdicts: What detectors of models say, a row for each model and defence.
        elimination: What eliminations leave, a row for each model and defence.
        failures: Defences that raised an error on a trained model.
        checksum: Checksum of the samples.
        measures: What else was measured: by what it is, and by model where models differ in it; of plain types.
    """

    spec: Experiment
    title: str
    versions: dict[str, str]
    n_clean_samples: int
    rows: tuple[BackdoorResult, ...]
    detection: tuple[DetectionResult, ...]
    verdicts: tuple[ModelDetectionResult, ...]
    elimination: tuple[EliminationResult, ...]
    failures: tuple[Failure, ...]
    checksum: str = ""
    measures: dict[str, Any] = field(default_factory=dict)

    @property
    def is_complete(self) -> bool:
        """Whether every model has been trained and every defence has been set on it."""
        return len(self.rows) == len(self.spec.models)

    @property
    def evidence(self) -> dict[str, list[DetectionResult]]:
        """By model, the rows of detectors that have something for pictures, which those that were written have not."""
        shown = [row for row in self.detection if row.evidence is not None]
        return {model: [row for row in shown if row.model == model] for model in dict.fromkeys(r.model for r in shown)}

    def as_json(self) -> dict[str, Any]:
        """Of plain types only; NaN is None."""
        return {
            "spec": self.spec.model_dump(mode="json"),
            "title": self.title,
            "versions": self.versions,
            "checksum": self.checksum,
            "complete": self.is_complete,
            "measures": self.measures,
            "n_clean_samples": self.n_clean_samples,
            **{name: plain(getattr(self, name)) for name in TABLES},
        }
