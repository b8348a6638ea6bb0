"""How well defences find poisoned samples, whom they accuse wrongly, and what they cost."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from art.estimators.classification import PyTorchClassifier
from art.evaluations.evaluation import Evaluation

from art_snn._progress import progress
from art_snn._validation import check_same_length, class_indices
from art_snn.attacks.poisoning import TriggerBackdoor
from art_snn.evaluations.backdoor import TrainedPair
from art_snn.evaluations.cost import Cost, measured_cost
from art_snn.metrics import auroc, fpr_at_tpr
from art_snn.typing import Array, Labels, Mask

TPR = 0.95


class Detector(Protocol):
    """What finds poisoned samples: a defence of this package, or one of `art_snn.evaluations.art_detectors`."""

    def detect_poison(self) -> tuple[dict[str, Any], list[int]]: ...

    def scores(self) -> Array: ...


MakeDetector = Callable[[PyTorchClassifier, Array, Labels], Detector]


@dataclass(frozen=True, kw_only=True)
class DetectionResult:
    """What a defence finds in the training data of one backdoored classifier; rates are fractions in [0, 1].

    Args:
        model: Name of the classifier.
        defence: Name of the defence.
        auroc: Chance that a poisoned sample scores higher than a clean one, over all training samples.
        auroc_in_class: The same over the samples that bear the target's label.
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
        seconds: That its `detect_poison` took on the backdoored classifier.
        peak_memory: Bytes by which memory grew meanwhile; NaN where the system does not tell.
    """

    model: str
    defence: str
    auroc: float
    auroc_in_class: float
    fpr_at_95_tpr: float
    tpr: float
    fpr: float
    accused_classes: tuple[int, ...] | None
    false_alarm_rate: float
    accused_when_clean: tuple[int, ...] | None
    n_poison: int
    n_clean: int
    layer: str | None
    auroc_by_layer: dict[str, float]
    seconds: float
    peak_memory: float


class DetectionEvaluation(Evaluation):
    """Let each defence search the training data of each backdoored classifier, and of its clean twin.

    Args:
        attack: What poisoned the training data.
        trained: Pairs of classifiers by name, trained on clean and on poisoned data, as `BackdoorEvaluation.trained`
            holds them; they are not changed.
        defences: By name, what makes a defence of a classifier, samples and labels: a class such as `STRIPDefence`, or
            a `functools.partial` of it with parameters.

    Raises:
        ValueError: If there is no pair or no defence.
    """

    def __init__(
        self, attack: TriggerBackdoor, trained: Mapping[str, TrainedPair], defences: Mapping[str, MakeDetector]
    ) -> None:
        if not (trained and defences):
            raise ValueError(f"expected classifiers and defences, got {len(trained)} and {len(defences)}")
        self.attack, self.trained, self.defences = attack, dict(trained), dict(defences)

    def evaluate(self, x_train: Array, y_train: Labels, *, verbose: bool = True) -> list[DetectionResult]:
        """One result for each pair and defence, in the order given.

        Args:
            x_train: The clean training samples, (N, ...); the attack poisons them as it did before.
            y_train: Their labels, indices (N,) or one-hot (N, K).
            verbose: Whether to show a progress bar.

        Raises:
            ValueError: If samples and labels do not fit, or the attack finds no rows to poison.
        """
        check_same_length("x_train", x_train, "y_train", y_train)
        poisoned = self.attack.poison_dataset(x_train, y_train)
        results = []
        with progress(verbose=verbose, total=len(self.trained) * len(self.defences), unit="defence") as bar:
            for model, pair in self.trained.items():
                for name, make in self.defences.items():
                    bar.set_description(f"{name}, {model}")
                    found = _search(make, pair.backdoored, poisoned.x, poisoned.y)
                    alarm = _search(make, pair.clean, x_train, y_train)
                    labels = class_indices(poisoned.y, pair.backdoored.nb_classes)
                    in_class = labels == self.attack.target_class
                    results.append(_result(model, name, poisoned.is_poison, in_class, found, alarm))
                    bar.update()
        return results


class _Finding(NamedTuple):
    scores: Array
    by_layer: dict[str, Array]
    is_flagged: Mask
    accused: tuple[int, ...] | None
    layer: str | None
    cost: Cost


def _search(make: MakeDetector, classifier: PyTorchClassifier, x: Array, y: Labels) -> _Finding:
    with measured_cost() as cost:
        detector = make(classifier, x, y)
        report, is_clean = detector.detect_poison()
    by_layer = detector.layer_scores() if hasattr(detector, "layer_scores") else {}
    accused = tuple(report["accused_classes"]) if "accused_classes" in report else None
    is_flagged = np.asarray(is_clean) == 0
    return _Finding(detector.scores(), by_layer, is_flagged, accused, report.get("chosen_layer"), cost)


def _result(
    model: str, defence: str, is_poison: Mask, in_class: Mask, found: _Finding, alarm: _Finding
) -> DetectionResult:
    def auroc_in_class(scores: Array) -> float:
        return auroc(is_poison[in_class], scores[in_class])

    return DetectionResult(
        model=model,
        defence=defence,
        auroc=auroc(is_poison, found.scores),
        auroc_in_class=auroc_in_class(found.scores),
        fpr_at_95_tpr=fpr_at_tpr(is_poison, found.scores, TPR),
        tpr=float(found.is_flagged[is_poison].mean()),
        fpr=float(found.is_flagged[~is_poison].mean()),
        accused_classes=found.accused,
        false_alarm_rate=float(alarm.is_flagged.mean()),
        accused_when_clean=alarm.accused,
        n_poison=int(is_poison.sum()),
        n_clean=int((~is_poison).sum()),
        layer=found.layer,
        auroc_by_layer={name: auroc_in_class(scores) for name, scores in found.by_layer.items()},
        seconds=found.cost.seconds,
        peak_memory=found.cost.peak_memory,
    )
