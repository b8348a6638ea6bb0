"""How well defences find poisoned samples, whom they accuse wrongly, and what they cost."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np
from art.estimators.classification import PyTorchClassifier
from matplotlib.figure import Figure
from pydantic import InstanceOf
from sklearn.metrics import roc_curve

from art_snn._validation import check_same_length, class_indices
from art_snn.attacks.poisoning import PoisonedDataset
from art_snn.estimators.classification import rule_of
from art_snn.evaluations.defence_evaluation import DefenceEvaluation
from art_snn.evaluations.doubts import Doubts, idle_poison_doubts, is_invalid, poison_doubts, unchanged, united
from art_snn.evaluations.figures import FIGURE
from art_snn.evaluations.resource_use import Cost, measured_cost
from art_snn.evaluations.samples import poisoned
from art_snn.lazy_rows import rows_of
from art_snn.metrics import auroc, fpr_at_tpr
from art_snn.typing import Array, Indices, Labels, Mask

TPR = 0.95


class Detector(Protocol):
    """What finds poisoned samples: a defence of this package, or one of `art_snn.evaluations.art_detectors`."""

    def detect_poison(self) -> tuple[dict[str, Any], list[int]]: ...

    def scores(self) -> Array: ...


MakeDetector = Callable[[PyTorchClassifier, Array, Labels], Detector]


@dataclass(frozen=True, eq=False)
class Evidence:
    """What a detector saw in the training data of one backdoored classifier: for pictures.

    Args:
        labels: Classes as the classifier was trained on them, (N,).
        is_poison: The truth, (N,).
        scores: Scores of the samples, (N,); higher is more suspicious.
        clusters: By class the first two dimensions (n, 2) and the clusters (n,) of its samples, in their order; empty
            where the detector does not cluster.
        sequences: The class and the picture of a detector that compares voltages and spikes over time with clean ones.
    """

    labels: Indices
    is_poison: Mask
    scores: Array
    clusters: dict[int, tuple[Array, Indices]] = field(default_factory=dict)
    sequences: tuple[int, Figure] | None = None

    @property
    def roc(self) -> tuple[Array, Array]:
        """Shares of clean and of poisoned samples that are flagged at each threshold worth trying."""
        false, true, _ = roc_curve(self.is_poison, self.scores)
        return false, true


@dataclass(frozen=True, kw_only=True)
class DetectionResult:
    """What a defence finds in the training data of one backdoored classifier; rates are fractions in [0, 1].

    Where a doubt about the classifiers is "invalid", the defence was not asked, and all but the counts is NaN or None.

    Args:
        model: Name of the classifier.
        defence: Name of the defence.
        auroc: Chance that a poisoned sample scores higher than a clean one, over all training samples.
        auroc_in_class: `auroc` over the samples that bear the target's label; NaN where all of them are poisoned.
        fpr_at_95_tpr: Share of all clean samples flagged by a threshold that flags 95 % of the poison.
        tpr: Share of the poison that the defence flags at its own threshold.
        fpr: Share of the clean samples that it flags then.
        accused_classes: The classes that it accuses; None where it accuses samples only.
        false_alarm_rate: Share of samples that it flags of the classifier trained on clean data.
        accused_when_clean: The classes that it accuses there.
        n_poison: Poisoned samples.
        n_clean: Clean samples.
        layer: The layer that it chose, where it chooses one.
        auroc_by_layer: `auroc_in_class` at each layer that it looked at.
        seconds: Duration of `detect_poison` on the backdoored classifier.
        peak_memory: Bytes by which memory grew meanwhile; NaN where the system does not tell.
        n_reference: Clean samples that the defence was given, beside the training samples.
        doubts: Reasons not to take the row at its word.
        evidence: For pictures; no part of what is written or compared.
    """

    model: str
    defence: str
    auroc: float = field(default=math.nan, metadata=FIGURE)
    auroc_in_class: float = field(default=math.nan, metadata=FIGURE)
    fpr_at_95_tpr: float = field(default=math.nan, metadata=FIGURE)
    tpr: float = field(default=math.nan, metadata=FIGURE)
    fpr: float = field(default=math.nan, metadata=FIGURE)
    accused_classes: tuple[int, ...] | None = field(default=None, metadata=FIGURE)
    false_alarm_rate: float = field(default=math.nan, metadata=FIGURE)
    accused_when_clean: tuple[int, ...] | None = field(default=None, metadata=FIGURE)
    n_poison: int
    n_clean: int
    layer: str | None = None
    auroc_by_layer: dict[str, float] = field(default_factory=dict, metadata=FIGURE)
    seconds: float = math.nan
    peak_memory: float = math.nan
    n_reference: int = 0
    doubts: Doubts = ()
    evidence: InstanceOf[Evidence] | None = field(default=None, repr=False, compare=False)


class DetectionEvaluation(DefenceEvaluation):
    """Let each defence search the training data of each backdoored classifier, and of its clean twin.

    A defence is made of a classifier, samples and labels, as a class such as `STRIPDefence` is. Where the samples are
    memory-mapped it gets `LazyRows`.

    Args:
        attack: What poisoned the training data.
        trained: As for all evaluations of defences; without a clean twin there are no false alarms to be counted.
        defences: By name, what makes a defence of a classifier, samples and labels.
        **options: `after`, `doubts`, `on_doubt` and `on_error`, as for all evaluations of defences; a classifier
            without known doubts is asked about the clean training samples.

    Raises:
        ValueError: If there is no classifier or no defence.
        TypeError: If something else is given in their place.
    """

    def evaluate(self, x_train: Array, y_train: Labels, *, verbose: bool = True) -> list[DetectionResult]:
        """One result for each classifier and defence, in the order given.

        Args:
            x_train: The clean training samples, (N, ...); the attack poisons them as it did before.
            y_train: Labels of the training samples, indices (N,) or one-hot (N, K).
            verbose: Whether to show a progress bar.

        Raises:
            ValueError: If samples and labels do not fit, or the attack finds no rows to poison; on an invalid result
                with `on_doubt="raise"`, before the defences are asked.
            Exception: What a defence raises, with `on_error="raise"`.
        """
        check_same_length("x_train", x_train, "y_train", y_train)
        trial = self._trial(x_train, y_train, is_test=False)
        known = None if trial is None else trial.of_data
        dataset = poisoned(self.attack, x_train, y_train) if known is None else known.poisoned
        cautions, n_poison = _cautions(x_train, dataset), int(dataset.is_poison.sum())

        def about(model: str) -> dict[str, Any]:
            doubts = united(self._doubts_about(model, x_train, y_train, "training"), cautions)
            return {"n_poison": n_poison, "n_clean": len(dataset.y) - n_poison, "doubts": doubts}

        def figures(model: str, _: str, make: MakeDetector, doubts: Doubts) -> dict[str, Any]:
            if is_invalid(doubts):
                return {}
            backdoored, clean = self.subjects[model]
            found = _search(make, backdoored, dataset.x, dataset.y, is_shown=True)
            alarm = None if clean is None else _search(make, clean, x_train, y_train, is_shown=False)
            return _figures(dataset, self.attack.target_class, found, alarm)

        return self._rows(DetectionResult, about, figures, verbose=verbose)


def _cautions(x_train: Array, dataset: PoisonedDataset) -> Doubts:
    """About the poisoned rows."""
    rows = dataset.is_poison
    is_idle = unchanged(rows_of(x_train, rows), rows_of(dataset.x, rows))
    return united(poison_doubts(int(rows.sum())), idle_poison_doubts(is_idle))


class _Finding(NamedTuple):
    scores: Array
    by_layer: dict[str, Array]
    is_flagged: Mask
    accused: tuple[int, ...] | None
    layer: str | None
    cost: Cost
    n_reference: int
    pictured: dict[str, Any]


def _search(make: MakeDetector, classifier: PyTorchClassifier, x: Array, y: Labels, *, is_shown: bool) -> _Finding:
    with measured_cost() as cost:
        detector = make(classifier, x, y)
        report, is_clean = detector.detect_poison()
    by_layer = detector.layer_scores() if hasattr(detector, "layer_scores") else {}
    accused = tuple(report["accused_classes"]) if "accused_classes" in report else None
    is_flagged, layer = np.asarray(is_clean) == 0, report.get("chosen_layer")
    pictured = _pictured(detector, classifier) if is_shown else {}
    n_reference = getattr(detector, "n_reference", 0)  # ART's are given none
    return _Finding(detector.scores(), by_layer, is_flagged, accused, layer, cost, n_reference, pictured)


def _pictured(detector: Any, classifier: PyTorchClassifier) -> dict[str, Any]:
    """The part of the evidence that only some detectors have."""
    if hasattr(detector, "cluster_activations"):
        classes = enumerate(zip(*detector.cluster_activations(), strict=True))
        return {"clusters": {label: (reduced[:, :2], clusters) for label, (clusters, reduced) in classes}}
    if hasattr(detector, "plot_sequences") and rule_of(classifier).is_spiking:
        label = detector.detect_backdoor().target_class
        return {"sequences": (label, detector.plot_sequences(label))}
    return {}


def _figures(dataset: PoisonedDataset, target: int, found: _Finding, alarm: _Finding | None) -> dict[str, Any]:
    is_poison, flagged, labels = dataset.is_poison, found.is_flagged, class_indices(dataset.y)
    in_class = labels == target

    def auroc_in_class(scores: Array) -> float:
        return math.nan if is_poison[in_class].all() else auroc(is_poison[in_class], scores[in_class])

    return {
        "auroc": auroc(is_poison, found.scores),
        "auroc_in_class": auroc_in_class(found.scores),
        "fpr_at_95_tpr": fpr_at_tpr(is_poison, found.scores, TPR),
        "tpr": float(flagged[is_poison].mean()),
        "fpr": float(flagged[~is_poison].mean()),
        "accused_classes": found.accused,
        "false_alarm_rate": math.nan if alarm is None else float(alarm.is_flagged.mean()),
        "accused_when_clean": None if alarm is None else alarm.accused,
        "layer": found.layer,
        "auroc_by_layer": {name: auroc_in_class(scores) for name, scores in found.by_layer.items()},
        "seconds": found.cost.seconds,
        "peak_memory": found.cost.peak_memory,
        "n_reference": found.n_reference,
        "evidence": Evidence(labels, is_poison, found.scores, **found.pictured),
    }
