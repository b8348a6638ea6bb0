"""What an experiment found, as values."""

import math
import platform
from dataclasses import dataclass, field, fields, is_dataclass
from importlib.metadata import version
from typing import Any

from art_snn.evaluations import BackdoorResult
from art_snn.experiment.spec import Experiment
from art_snn.typing import Array, Indices, Mask

RESULTS_VERSION = 5  # raised when the same spec gives other numbers
VERSIONED = ("art-snn", "adversarial-robustness-toolbox", "numpy", "scikit-learn", "spikingjelly", "torch")


@dataclass(frozen=True)
class Examples:
    """A few test samples, with and without trigger, and what each backdoored model says of them.

    Args:
        clean: Samples as they are, (n, ...).
        triggered: These samples with the trigger.
        labels: Classes of the samples, (n,).
        predicted: For each model, the classes of the clean and of the triggered samples, (2, n); -1 where logits
            are not finite.
        touched: Pixels that the trigger writes, (n, H, W) or (n, T, H, W); None stands for those that differ.
    """

    clean: Array
    triggered: Array
    labels: Indices
    predicted: dict[str, Indices]
    touched: Mask | None = None

    @property
    def mask(self) -> Mask:
        """Pixels that the trigger writes, (n, H, W), of frames (n, T, H, W)."""
        if self.touched is not None:
            return self.touched
        mask: Mask = (self.clean != self.triggered).any(axis=-3)
        return mask


@dataclass(frozen=True)
class Result:
    """What an experiment found, with what determined it.

    Args:
        spec: The experiment.
        title: What the data are; it says so where they are simulated.
        versions: Versions of Python and of the packages that compute.
        rows: One result a model; fewer than models while it is incomplete.
        examples: For the picture; only what is predicted of them is part of the JSON.
        checksum: Checksum of the samples.
        measures: What else was measured: by what it is, and by model where models differ in it; of plain types.
    """

    spec: Experiment
    title: str
    versions: dict[str, str]
    rows: tuple[BackdoorResult, ...]
    examples: Examples = field(repr=False, compare=False)
    checksum: str = ""
    measures: dict[str, Any] = field(default_factory=dict)

    @property
    def is_complete(self) -> bool:
        """Whether every model has its row."""
        return len(self.rows) == len(self.spec.models)

    def as_json(self) -> dict[str, Any]:
        """Of plain types only: `{"spec": {...}, "title", "versions": {...}, "rows": [{...}, …], …}`; NaN is None.

        A doubt is a list of code, grade and text.
        """
        return {
            "spec": self.spec.model_dump(mode="json"),
            "title": self.title,
            "versions": self.versions,
            "checksum": self.checksum,
            "complete": self.is_complete,
            "measures": self.measures,
            "rows": plain(self.rows),
            "predicted": {model: classes.tolist() for model, classes in self.examples.predicted.items()},
        }


def versions() -> dict[str, str]:
    """Of Python, of the packages that compute, and of the results themselves."""
    packages = {name: version(name) for name in VERSIONED}
    return {"python": platform.python_version(), **packages, "results": str(RESULTS_VERSION)}


def computing_versions() -> dict[str, str]:
    """Versions that determine numbers: all but that of Python."""
    return {name: number for name, number in versions().items() if name != "python"}


def plain(value: Any) -> Any:
    """Of types that JSON knows: None for NaN, lists for tuples, dictionaries for results, of what these compare."""
    if is_dataclass(value):
        return {one.name: plain(getattr(value, one.name)) for one in fields(value) if one.compare}
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, tuple | list):
        return [plain(inner) for inner in value]
    return None if isinstance(value, float) and math.isnan(value) else value
