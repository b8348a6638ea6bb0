"""What defences make of the models of an experiment, as values."""

import math
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

from matplotlib.figure import Figure

from art_snn.evaluations import BackdoorResult
from art_snn.evaluations.detection import DetectionResult
from art_snn.evaluations.doubts import Doubts
from art_snn.evaluations.elimination import EliminationResult
from art_snn.experiment.result import without_nan
from art_snn.experiment.spec import Experiment
from art_snn.typing import Array, Indices, Mask

TABLES = ("rows", "detection", "verdicts", "elimination", "failures")


@dataclass(frozen=True, kw_only=True)
class ModelVerdict:
    """What a detector of models says of one model and of its clean twin.

    Where a doubt about the models is "invalid", the detector was not asked, and what it would say is None or NaN.

    Args:
        model: Name of the classifier.
        defence: Name of the defence.
        is_accused: Whether it accuses the backdoored model.
        target_class: The class that it finds most suspicious there.
        p_value: Where it estimates one.
        is_clean_accused: Whether it accuses the clean model: a false alarm.
        target_when_clean: The class that it finds most suspicious there.
        seconds: That it took on the backdoored model.
        peak_memory: Bytes by which memory grew meanwhile; NaN where the system does not tell.
        doubts: Reasons not to take the row at its word.
    """

    DERIVED: ClassVar = ("is_accused", "target_class", "p_value", "is_clean_accused", "target_when_clean")

    model: str
    defence: str
    is_accused: bool | None = None
    target_class: int | None = None
    p_value: float | None = None
    is_clean_accused: bool | None = None
    target_when_clean: int | None = None
    seconds: float = math.nan
    peak_memory: float = math.nan
    doubts: Doubts = ()


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A defence that could not do its work on a trained model, so that its row is missing.

    Args:
        model: Name of the classifier.
        defence: Name of the defence.
        error: What it said.
    """

    model: str
    defence: str
    error: str


@dataclass(frozen=True)
class Evidence:
    """What detectors saw in the training data of one backdoored model: for pictures.

    Args:
        labels: As the model was trained on them, (N,).
        is_poison: The truth, (N,).
        scores: Of each detector, (N,); higher is more suspicious.
        clusters: Where a detector clusters: of each class the first two dimensions (n, 2) and the clusters (n,), in the
            order of the samples.
        sequences: Where one compares voltages and spikes over time with clean ones: the class, and the picture.
    """

    labels: Indices
    is_poison: Mask
    scores: dict[str, Array] = field(default_factory=dict)
    clusters: dict[int, tuple[Array, Indices]] = field(default_factory=dict)
    sequences: tuple[int, Figure] | None = None


@dataclass(frozen=True)
class Defended:
    """What defences make of the models of an experiment.

    Args:
        spec: The experiment.
        title: What the data are.
        versions: Of Python and of the packages that compute.
        n_clean_samples: The defender's, which no model was trained on.
        rows: What the backdoor does to each model.
        detection: Of poisoned samples, a row for each model and defence.
        verdicts: On models, likewise.
        elimination: Likewise.
        failures: Defences that raised an error on a trained model.
        evidence: By model, for the pictures; not part of the JSON.
        settings: What determines the results beside the experiment: names of defences, and the defender's share.
        checksum: Of the samples.
    """

    spec: Experiment
    title: str
    versions: dict[str, str]
    n_clean_samples: int
    rows: tuple[BackdoorResult, ...]
    detection: tuple[DetectionResult, ...]
    verdicts: tuple[ModelVerdict, ...]
    elimination: tuple[EliminationResult, ...]
    failures: tuple[Failure, ...]
    evidence: dict[str, Evidence] = field(repr=False, compare=False)
    settings: dict[str, Any] = field(default_factory=dict)
    checksum: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether every model has been trained and every defence has been set on it."""
        return len(self.rows) == len(self.spec.models)

    def as_json(self) -> dict[str, Any]:
        """Of plain types only; NaN is None."""
        return {
            "spec": self.spec.model_dump(mode="json"),
            "title": self.title,
            "versions": self.versions,
            "settings": self.settings,
            "checksum": self.checksum,
            "complete": self.is_complete,
            "n_clean_samples": self.n_clean_samples,
            **{name: [without_nan(asdict(row)) for row in getattr(self, name)] for name in TABLES},
        }
