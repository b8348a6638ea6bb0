"""How well defences find poisoned samples, whom they accuse wrongly, and what they cost."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np
from art.estimators.classification import PyTorchClassifier
from art.evaluations.evaluation import Evaluation

from art_snn._progress import progress
from art_snn._random import host_seed
from art_snn._validation import check_same_length, class_indices
from art_snn.attacks.poisoning import TriggerBackdoor
from art_snn.attacks.poisoning.backdoor import PoisonedDataset
from art_snn.evaluations.answers import Pair, ask
from art_snn.evaluations.backdoor import TrainedPair
from art_snn.evaluations.cost import Cost, measured_cost
from art_snn.evaluations.doubts import (
    Doubts,
    OnDoubt,
    check_on_doubt,
    fall_doubts,
    heed,
    idle_poison_doubts,
    is_invalid,
    of_models,
    pair_doubts,
    poison_doubts,
    unchanged,
    united,
)
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

    Where a doubt about the classifiers is "invalid", the defence was not asked, and all but the counts is NaN or None.

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
        doubts: Reasons not to take the row at its word.
    """

    DERIVED: ClassVar = (
        "auroc",
        "auroc_in_class",
        "fpr_at_95_tpr",
        "tpr",
        "fpr",
        "accused_classes",
        "false_alarm_rate",
        "accused_when_clean",
        "auroc_by_layer",
    )

    model: str
    defence: str
    auroc: float = math.nan
    auroc_in_class: float = math.nan
    fpr_at_95_tpr: float = math.nan
    tpr: float = math.nan
    fpr: float = math.nan
    accused_classes: tuple[int, ...] | None = None
    false_alarm_rate: float = math.nan
    accused_when_clean: tuple[int, ...] | None = None
    n_poison: int
    n_clean: int
    layer: str | None = None
    auroc_by_layer: dict[str, float] = field(default_factory=dict)
    seconds: float = math.nan
    peak_memory: float = math.nan
    doubts: Doubts = ()


class DetectionEvaluation(Evaluation):
    """Let each defence search the training data of each backdoored classifier, and of its clean twin.

    Args:
        attack: What poisoned the training data.
        trained: Pairs of classifiers by name, trained on clean and on poisoned data, as `BackdoorEvaluation.trained`
            holds them; they are not changed.
        defences: By name, what makes a defence of a classifier, samples and labels: a class such as `STRIPDefence`, or
            a `functools.partial` of it with parameters.
        doubts: By name what `BackdoorResult.doubts` says of a pair; a pair that is not among them is asked about the
            clean training samples.
        on_doubt: Whether to "record" an invalid result, or to "raise" a ValueError before the defences are asked.

    Raises:
        ValueError: If there is no pair or no defence.
    """

    def __init__(
        self,
        attack: TriggerBackdoor,
        trained: Mapping[str, TrainedPair],
        defences: Mapping[str, MakeDetector],
        *,
        doubts: Mapping[str, Doubts] | None = None,
        on_doubt: OnDoubt = "record",
    ) -> None:
        check_on_doubt(on_doubt)
        if not (trained and defences):
            raise ValueError(f"expected classifiers and defences, got {len(trained)} and {len(defences)}")
        self.attack, self.trained, self.defences = attack, dict(trained), dict(defences)
        self.doubts, self.on_doubt = dict(doubts or {}), on_doubt

    def evaluate(self, x_train: Array, y_train: Labels, *, verbose: bool = True) -> list[DetectionResult]:
        """One result for each pair and defence, in the order given.

        Args:
            x_train: The clean training samples, (N, ...); the attack poisons them as it did before.
            y_train: Their labels, indices (N,) or one-hot (N, K).
            verbose: Whether to show a progress bar.

        Raises:
            ValueError: If samples and labels do not fit, or the attack finds no rows to poison; on an invalid result
                with `on_doubt="raise"`.
        """
        check_same_length("x_train", x_train, "y_train", y_train)
        poisoned = self.attack.poison_dataset(x_train, y_train)
        cautions, n_poison = _cautions(x_train, poisoned), int(poisoned.is_poison.sum())
        counts: dict[str, Any] = {"n_poison": n_poison, "n_clean": len(poisoned.y) - n_poison}
        results = []
        with progress(verbose=verbose, total=len(self.trained) * len(self.defences), unit="defence") as bar:
            for model, pair in self.trained.items():
                doubts = united(self._doubts_about(model, x_train, y_train), cautions)
                heed(self.on_doubt, model, doubts)
                for name, make in self.defences.items():
                    bar.set_description(f"{name}, {model}")
                    figures = {} if is_invalid(doubts) else self._figures(make, pair, x_train, y_train, poisoned)
                    results.append(DetectionResult(model=model, defence=name, **counts, **figures, doubts=doubts))
                    bar.update()
        return results

    def _figures(
        self, make: MakeDetector, pair: TrainedPair, x_train: Array, y_train: Labels, poisoned: PoisonedDataset
    ) -> dict[str, Any]:
        """What a defence finds in the poisoned data, and in the clean ones."""
        found = _search(make, pair.backdoored, poisoned.x, poisoned.y)
        alarm = _search(make, pair.clean, x_train, y_train)
        in_class = class_indices(poisoned.y, pair.backdoored.nb_classes) == self.attack.target_class
        return _figures(poisoned.is_poison, in_class, found, alarm)

    def _doubts_about(self, model: str, x_train: Array, y_train: Labels) -> Doubts:
        """What is known of a pair, or else what it makes of clean training samples."""
        if model in self.doubts:
            return of_models(self.doubts[model])
        with host_seed(0):  # ART's own predict draws from the global stream
            pair = Pair(*(ask(classifier, x_train) for classifier in self.trained[model]))
        y = class_indices(y_train)
        return united(pair_doubts(y, pair, "on training samples, the "), fall_doubts(y, *pair))


def _cautions(x_train: Array, poisoned: PoisonedDataset) -> Doubts:
    """About the poisoned rows."""
    rows = poisoned.is_poison
    return united(poison_doubts(int(rows.sum())), idle_poison_doubts(unchanged(x_train[rows], poisoned.x[rows])))


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


def _figures(is_poison: Mask, in_class: Mask, found: _Finding, alarm: _Finding) -> dict[str, Any]:
    def auroc_in_class(scores: Array) -> float:
        return auroc(is_poison[in_class], scores[in_class])

    return {
        "auroc": auroc(is_poison, found.scores),
        "auroc_in_class": auroc_in_class(found.scores),
        "fpr_at_95_tpr": fpr_at_tpr(is_poison, found.scores, TPR),
        "tpr": float(found.is_flagged[is_poison].mean()),
        "fpr": float(found.is_flagged[~is_poison].mean()),
        "accused_classes": found.accused,
        "false_alarm_rate": float(alarm.is_flagged.mean()),
        "accused_when_clean": alarm.accused,
        "layer": found.layer,
        "auroc_by_layer": {name: auroc_in_class(scores) for name, scores in found.by_layer.items()},
        "seconds": found.cost.seconds,
        "peak_memory": found.cost.peak_memory,
    }
