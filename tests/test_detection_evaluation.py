"""The evaluation of sample detectors, ours and ART's own."""

import json
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from art.defences.detector.poison import ActivationDefence
from art.estimators.classification import PyTorchClassifier

from art_snn.attacks.poisoning import TriggerBackdoor
from art_snn.defences.detector import ReferenceDefence, SpikeActivationDefence, STRIPDefence
from art_snn.evaluations import DetectionEvaluation, TrainedPair, resource_use
from art_snn.evaluations.art_detectors import ArtActivationDefence, ArtSpectralSignatureDefense, ArtSTRIP
from art_snn.lazy_rows import lazy_rows
from art_snn.typing import Array
from tests.backdoored import TARGET, bars, trained, untrained
from tests.detecting import ATTACK, DATA, KINDS, POISONED, X_CLEAN, Y_CLEAN

ART_ON_SILENT_CLASSES = pytest.mark.filterwarnings(
    "ignore:invalid value:RuntimeWarning", "ignore:Number of distinct clusters"
)


@ART_ON_SILENT_CLASSES
def test_an_evaluation_measures_detection_and_false_alarms() -> None:
    pair = TrainedPair(trained("lif", backdoored=False), trained("lif"))
    defences = {"ours": SpikeActivationDefence, "strip": STRIPDefence, "art": ArtActivationDefence}
    results = DetectionEvaluation(ATTACK, {"lif": pair}, defences).evaluate(*bars(), verbose=False)
    ours, strip, arts = results
    assert [result.defence for result in results] == ["ours", "strip", "art"]
    assert (ours.auroc, ours.tpr, ours.fpr, ours.fpr_at_95_tpr) == (1.0, 1.0, 0.0, 0.0)
    assert (ours.accused_classes, ours.accused_when_clean, ours.false_alarm_rate) == ((TARGET,), (), 0.0)
    assert (ours.n_poison, ours.n_clean) == (24, 136)
    assert list(ours.auroc_by_layer) == ["net.act1", "net.act2", "net.act3"]
    assert ours.auroc_by_layer[ours.layer] == ours.auroc_in_class
    assert ours.seconds > 0
    assert (strip.accused_classes, strip.layer, strip.auroc_by_layer) == (None, None, {})
    assert arts.defence == "art"


def test_each_row_says_how_many_clean_samples_the_defence_was_given() -> None:
    given = {"x_reference": X_CLEAN, "y_reference": Y_CLEAN}
    defences = {"none": STRIPDefence, "strip": partial(STRIPDefence, x_clean=X_CLEAN, false_acceptance_rate=0.1)}
    defences |= {"samples": partial(ReferenceDefence, **given)}
    defences |= {"model": partial(ReferenceDefence, reference=trained("lif", backdoored=False))}
    results = DetectionEvaluation(ATTACK, {"lif": trained("lif")}, defences).evaluate(*bars(), verbose=False)
    assert [result.n_reference for result in results] == [0, len(X_CLEAN), len(X_CLEAN), 0]


class Timed:
    """A detector that moves a clock on: 2 seconds to detect, 5 to score, 7 to score layer by layer."""

    now = 0.0

    def __init__(self, classifier: PyTorchClassifier, x: Array, y: Array) -> None:
        self._n = len(x)

    def detect_poison(self) -> tuple[dict[str, Any], list[int]]:
        Timed.now += 2
        return {}, [1] * self._n

    def scores(self) -> Array:
        Timed.now += 5
        return np.zeros(self._n)

    def layer_scores(self) -> dict[str, Array]:
        Timed.now += 7
        return {}


def test_a_defence_is_charged_for_detecting_not_for_what_only_the_evaluation_asks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(resource_use, "time", SimpleNamespace(perf_counter=lambda: Timed.now))
    pair = TrainedPair(trained("lif", backdoored=False), trained("lif"))
    (result,) = DetectionEvaluation(ATTACK, {"lif": pair}, {"timed": Timed}).evaluate(*bars(), verbose=False)
    assert result.seconds == 2


def test_where_the_whole_class_is_poisoned_there_is_no_figure_within_it() -> None:
    x, y = bars()
    attack = TriggerBackdoor(ATTACK.trigger, TARGET, float((y == TARGET).mean()), clean_label=True)
    (result,) = DetectionEvaluation(attack, {"lif": trained("lif")}, {"timed": Timed}).evaluate(x, y, verbose=False)
    assert result.n_poison == (y == TARGET).sum()
    assert (result.auroc, np.isnan(result.auroc_in_class)) == (0.5, True)


@ART_ON_SILENT_CLASSES
def test_arts_clustering_is_run_once_for_verdicts_and_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    runs, detect = [], ActivationDefence.detect_poison
    monkeypatch.setattr(ActivationDefence, "detect_poison", lambda self: runs.append(self) or detect(self))
    detector = ArtActivationDefence(trained("ann"), *DATA)
    assert np.array_equal(detector.scores() == 0, detector.detect_poison()[1])
    assert len(runs) == 1


@ART_ON_SILENT_CLASSES
@pytest.mark.parametrize("make", [ArtActivationDefence, ArtSpectralSignatureDefense, ArtSTRIP])
@KINDS
def test_arts_own_detectors_run_beside_ours(make: Callable[..., Any], kind: str) -> None:
    classifier = trained(kind)
    hooks = [len(module._forward_hooks) for module in classifier.model.modules()]
    detector = make(classifier, POISONED.x[:60], POISONED.y[:60])
    _, is_clean = detector.detect_poison()
    assert set(is_clean) <= {0, 1}
    assert detector.scores().shape == (60,)
    rows = lazy_rows(lambda rows: POISONED.x[rows], (60, *POISONED.x.shape[1:]), np.float32)
    lazy = make(classifier, rows, POISONED.y[:60])
    assert np.array_equal(lazy.scores(), detector.scores())
    assert [len(module._forward_hooks) for module in classifier.model.modules()] == hooks
    assert type(classifier) is type(untrained(kind))


def test_the_confusion_is_valid_json_of_plain_numbers() -> None:
    confusion = json.loads(SpikeActivationDefence(trained("ann"), *DATA).evaluate_defence(~POISONED.is_poison))
    assert confusion["class_1"]["TruePositive"] == {"rate": 100.0, "numerator": 24, "denominator": 24}
    assert confusion["class_0"]["TruePositive"]["rate"] == -1
