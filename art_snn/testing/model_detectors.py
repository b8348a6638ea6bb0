"""Laws of detectors of backdoored models.

`x` and `y` are clean samples and their labels, which detectors get whether they need them or not.
"""

from collections.abc import Callable
from functools import partial

from art.estimators.classification import PyTorchClassifier

from art_snn.defences.detector.model_detector import ModelDetector
from art_snn.testing._defences import check_params_of, weights_kept
from art_snn.testing.classifiers import check_restores_the_mode
from art_snn.typing import Array, Labels

MakeDetector = Callable[[PyTorchClassifier], ModelDetector]


def check_model_detector_tells_apart(
    make: MakeDetector,
    backdoored: PyTorchClassifier,
    clean: PyTorchClassifier,
    target_class: int,
    x: Array,
    y: Labels,
) -> None:
    """It names the target class of a known backdoor, and does not accuse a clean model.

    Args:
        make: Function that makes the detector for a classifier.
        backdoored: Classifier with an obvious backdoor.
        clean: Classifier without a backdoor.
        target_class: Target class of the backdoor.
        x: Clean samples.
        y: Labels of the samples.
    """
    report = make(backdoored).detect_backdoor(x, y)
    assert report.is_backdoored, f"the backdoor is not seen: {report}"
    assert report.target_class == target_class, f"class {report.target_class} is accused in place of {target_class}"
    report = make(clean).detect_backdoor(x, y)
    assert not report.is_backdoored, f"a clean model is accused: {report}"


def check_model_detector_reports(detector: ModelDetector, x: Array, y: Labels) -> None:
    """The report has a score for each class, highest for the suspect, and a p-value in [0, 1] or None."""
    report = detector.detect_backdoor(x, y)
    assert report.scores.shape == (detector.classifier.nb_classes,), f"scores of shape {report.scores.shape}"
    assert report.target_class == report.scores.argmax(), "the suspect has not the highest score"
    assert report.p_value is None or 0 <= report.p_value <= 1, f"a p-value of {report.p_value}"
    assert type(report.is_backdoored) is bool, f"a verdict of type {type(report.is_backdoored).__name__}"


def check_model_detector_repeats_itself(make: Callable[[], ModelDetector], x: Array, y: Labels) -> None:
    """One seed gives one report, on a second call and from a second detector."""
    detector = make()
    first = detector.detect_backdoor(x, y)
    assert detector.detect_backdoor(x, y) == first, "a second call reports something else"
    assert make().detect_backdoor(x, y) == first, "a second detector reports something else"


def check_model_detector_leaves_classifier_alone(detector: ModelDetector, x: Array, y: Labels) -> None:
    """The classifier keeps its weights, statistics and mode, and has no gradients left."""
    with weights_kept(detector.classifier):
        check_restores_the_mode(detector.classifier, partial(detector.detect_backdoor, x, y))
    parameters = detector.classifier.model.parameters()
    assert all(parameter.grad is None for parameter in parameters), "gradients are left on the weights"


def check_model_detector_params(detector: ModelDetector) -> None:
    """`params` are the constructor's arguments but the classifier; `set_params` keeps all as it was on an error."""
    check_params_of(detector, detector.classifier, detector.detect_backdoor)
