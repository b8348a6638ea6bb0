"""Laws of detectors of poisoned samples.

`make` builds a detector from a classifier, samples and labels; `x`, `y` and `is_poison` are training data with known
poison, and `classifier` was trained on them.
"""

import inspect
import json
from collections.abc import Callable
from functools import partial

import numpy as np
from art.defences.detector.poison import PoisonFilteringDefence
from art.estimators.classification import PyTorchClassifier

from art_snn._validation import class_indices
from art_snn.defences.detector.sample_detector import SampleDetector
from art_snn.metrics import auroc
from art_snn.testing._defences import weights_kept
from art_snn.testing._raising import check_refuses_unknown, message_of
from art_snn.testing.classifiers import check_restores_the_mode
from art_snn.typing import Array, Labels, Mask

MakeDetector = Callable[[PyTorchClassifier, Array, Labels], SampleDetector]
_CLOSE = 1e-3  # for another batch size networks sum in another order
_RANKED, _FOUND, _FALSE = 0.9, 0.8, 0.1


def check_detector_finds_poison(
    make: MakeDetector, classifier: PyTorchClassifier, x: Array, y: Labels, is_poison: Mask
) -> None:
    """It flags most of an obvious poison and few clean samples, and poison scores higher."""
    detector = make(classifier, x, y)
    is_flagged = np.asarray(detector.detect_poison()[1]) == 0
    assert is_flagged[is_poison].mean() >= _FOUND, f"{is_flagged[is_poison].mean():.0%} of the poison is flagged"
    assert is_flagged[~is_poison].mean() <= _FALSE, f"{is_flagged[~is_poison].mean():.0%} of the rest is flagged, too"
    ranked = auroc(is_poison, detector.scores())
    assert ranked >= _RANKED, f"scores rank poison above clean samples with chance {ranked:.2f}"


def check_detector_leaves_clean_data_in_peace(
    make: MakeDetector, classifier: PyTorchClassifier, x: Array, y: Labels
) -> None:
    """It flags few samples of clean data, on which `classifier` was trained."""
    _, is_clean = make(classifier, x, y).detect_poison()
    assert np.mean(is_clean) >= 1 - _FALSE, f"{1 - np.mean(is_clean):.0%} of clean samples are flagged"


def check_detector_answers(detector: SampleDetector) -> None:
    """It gives a report, a verdict of 0 or 1 for each sample, and a finite score for each, also for new samples."""
    n_samples = len(detector.x_train)
    report, is_clean = detector.detect_poison()
    assert isinstance(detector, PoisonFilteringDefence), "ART does not know it"
    assert isinstance(report, dict), f"the report is a {type(report).__name__}"
    assert json.dumps(report), "the report cannot be written as JSON"
    assert isinstance(is_clean, list), f"the verdicts are a {type(is_clean).__name__}"
    assert len(is_clean) == n_samples, f"{len(is_clean)} verdicts for {n_samples} samples"
    assert set(is_clean) <= {0, 1}, f"verdicts {set(is_clean)}"
    for scores in (detector.scores(), detector.scores(detector.x_train)):
        assert scores.shape == (n_samples,), f"scores of shape {scores.shape}"
        assert scores.dtype == np.float32, f"scores of dtype {scores.dtype}"
        assert np.isfinite(scores).all(), "scores are not finite"


def check_detector_evaluates(detector: SampleDetector, is_poison: Mask) -> None:
    """`evaluate_defence` counts what `detect_poison` flags class by class, as JSON in ART's format."""
    confusion = json.loads(detector.evaluate_defence(1 - is_poison.astype(int)))
    is_flagged = np.asarray(detector.detect_poison()[1]) == 0
    labels = class_indices(detector.y_train)
    assert list(confusion) == [f"class_{label}" for label in range(detector.classifier.nb_classes)], list(confusion)
    for label, entry in enumerate(confusion.values()):
        own = labels == label
        for name, flagged, truth in (
            ("TruePositive", is_flagged, is_poison),
            ("TrueNegative", ~is_flagged, ~is_poison),
            ("FalsePositive", is_flagged, ~is_poison),
            ("FalseNegative", ~is_flagged, is_poison),
        ):
            counted = (int((flagged & truth & own).sum()), int((truth & own).sum()))
            assert (entry[name]["numerator"], entry[name]["denominator"]) == counted, f"{name} of class {label}"
            rate = 100 * counted[0] / counted[1] if counted[1] else -1
            assert abs(entry[name]["rate"] - rate) < 0.01, f"{name} of class {label} in percent"


def check_detector_repeats_itself(make: MakeDetector, classifier: PyTorchClassifier, x: Array, y: Labels) -> None:
    """A second call and a second detector find the same to the last bit, also from one-hot labels."""
    detector = make(classifier, x, y)
    first, scores = detector.detect_poison(), detector.scores()
    assert detector.detect_poison() == first, "a second call finds something else"
    assert np.array_equal(detector.scores(), scores), "a second call gives other scores"
    one_hot = np.eye(classifier.nb_classes, dtype=np.float32)[class_indices(y)]
    for labels in (y, one_hot):
        second = make(classifier, x, labels)
        assert second.detect_poison()[1] == first[1], "a second detector finds something else"
        assert np.array_equal(second.scores(), scores), "a second detector gives other scores"


def check_detector_scores_samples_alone(detector: SampleDetector, x: Array) -> None:
    """The score of a new sample does not depend on the other samples."""
    together = detector.scores(x)
    scale = max(1.0, float(np.abs(together).max()))
    for row in range(min(3, len(x))):
        alone = detector.scores(x[row : row + 1])
        assert np.allclose(alone, together[row], atol=_CLOSE * scale), (
            f"row {row} scores {alone[0]}, not {together[row]}"
        )


def check_detector_leaves_classifier_and_data_alone(
    make: MakeDetector, classifier: PyTorchClassifier, x: Array, y: Labels
) -> None:
    """The classifier keeps weights, statistics, mode and hooks; the samples and labels stay as they are."""
    x_before, y_before, hooks = x.copy(), y.copy(), _n_hooks(classifier)

    def use() -> None:
        detector = make(classifier, x, y)
        detector.detect_poison()
        detector.scores(x[:2])

    with weights_kept(classifier):
        check_restores_the_mode(classifier, use)
    assert _n_hooks(classifier) == hooks, "hooks are left on the model"
    assert np.array_equal(x, x_before), "the samples were changed"
    assert np.array_equal(y, y_before), "the labels were changed"


def check_detector_params(detector: SampleDetector) -> None:
    """`params` are arguments of the constructor; unknown ones raise, and an error changes none."""
    arguments = set(inspect.signature(type(detector)).parameters)
    assert set(detector.params) <= arguments, f"no arguments: {set(detector.params) - arguments}"
    assert detector.defence_params == detector.params, "ART reads other parameters"
    before = detector.get_params()
    assert list(before) == list(detector.params), "get_params gives others"
    check_refuses_unknown(detector.set_params)
    check_refuses_unknown(detector.detect_poison)
    check_refuses_unknown(detector.evaluate_defence, np.ones(len(detector.x_train), int))
    check_refuses_unknown(type(detector), detector.classifier, detector.x_train, detector.y_train)
    message_of(ValueError, partial(detector.set_params, seed=detector.get_params()["seed"] + 1, batch_size=0))
    if "layer" in before:
        message_of(ValueError, partial(detector.detect_poison, layer="no such layer"))
    assert detector.get_params() == before, "parameters were changed by an error"


def _n_hooks(classifier: PyTorchClassifier) -> int:
    modules = classifier.model.modules()
    return sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in modules)
