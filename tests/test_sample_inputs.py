"""Whatever takes samples refuses what it would misread, before anything is computed or changed."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from art.estimators.classification import PyTorchClassifier

from art_snn import catalogue
from art_snn import testing as laws
from art_snn.attacks.poisoning import PatchTrigger, TriggerBackdoor
from art_snn.conversion import convert, thresholds
from art_snn.data import Dataset
from art_snn.defences.detector import NeuralCleanse, SpikeSpectralDefence, STRIPDefence
from art_snn.defences.preprocessor import BackgroundActivityFilter, FlashFilter, RefractoryFilter
from art_snn.defences.trainer import CleanFineTuning
from art_snn.defences.transformer import FinePruning
from art_snn.evaluations import BackdoorEvaluation, EliminationEvaluation
from art_snn.events import make_events, stack_streams
from art_snn.experiment.building import hold_out
from art_snn.metrics import accuracy, attack_success_rate, auroc, event_distance, mse, ssim
from art_snn.testing.examples import example_arguments
from art_snn.typing import Array

RNG = np.random.default_rng(0)
Y = np.arange(30) % 3
X = RNG.random((30, 1, 8, 8)).astype(np.float32)
FRAMES = RNG.integers(0, 3, (6, 4, 2, 8, 9)).astype(np.uint8)
STREAMS = stack_streams(make_events(x=[0, 7], y=[0, 7], t=[0, row], p=[0, 1]) for row in range(4))


@pytest.fixture(scope="module")
def classifier() -> PyTorchClassifier:
    return catalogue.ESTIMATORS["spiking"](**example_arguments("spiking"))


@pytest.mark.parametrize("make", [SpikeSpectralDefence, STRIPDefence], ids=lambda make: make.__name__)
def test_detectors_check_the_samples_that_they_are_given(classifier: PyTorchClassifier, make: type) -> None:
    laws.check_samples_are_checked(lambda x: make(classifier, x, Y), X)
    laws.check_samples_are_checked(make(classifier, X, Y).scores, X)


def test_detectors_of_models_check_their_clean_samples(classifier: PyTorchClassifier) -> None:
    detector = NeuralCleanse(classifier, steps=1)

    with pytest.warns(UserWarning, match="reached by a trigger"):
        laws.check_samples_are_checked(lambda x: detector.detect_backdoor(x, Y), X)


def test_eliminations_check_their_clean_samples(classifier: PyTorchClassifier) -> None:
    laws.check_samples_are_checked(FinePruning(classifier, nb_epochs=0), X)
    laws.check_samples_are_checked(lambda x: CleanFineTuning(classifier, nb_epochs=1).fit(x, Y), X)


@pytest.mark.parametrize(
    "make", [BackgroundActivityFilter, RefractoryFilter, FlashFilter], ids=lambda make: make.__name__
)
def test_filters_check_their_frames(make: Callable[[], Any]) -> None:
    with pytest.raises(ValueError, match=r"channels last; np\.moveaxis\(x, -1, -3\)"):
        make()(np.moveaxis(FRAMES, 2, -1))
    with pytest.raises(TypeError, match="got a list of 4 event streams"):
        make()(list(STREAMS))
    assert np.array_equal(make()(torch.from_numpy(FRAMES))[0].numpy(), make()(FRAMES)[0])
    assert isinstance(make()(torch.from_numpy(FRAMES))[0], torch.Tensor)


@pytest.mark.parametrize("make", [BackgroundActivityFilter, RefractoryFilter])
def test_filters_check_their_streams(make: Callable[[], Any]) -> None:
    backwards = STREAMS[3][::-1]

    with pytest.raises(TypeError, match=r"fields x, y, t, p, .*got an array of dtype uint8"):
        make().on_events(FRAMES)
    with pytest.raises(ValueError, match="times in order"):
        make().on_events([backwards])
    assert make().on_events(list(STREAMS)).shape == (4,)


def test_the_flash_filter_knows_the_sensor() -> None:
    with pytest.raises(ValueError, match=r"x in \[0, 4\), got 7 in event 1"):
        FlashFilter().on_events(STREAMS, (4, 8))


# Data sets


@pytest.fixture
def digits() -> Dataset:
    return Dataset(X, Y, X[:3], Y[:3], ("a", "b", "c"), (0.0, 1.0))


@pytest.mark.parametrize("x", [X, FRAMES[[0] * 30]], ids=["images", "frames"])
def test_a_data_set_checks_its_samples(x: Array) -> None:
    def take(samples: Any) -> Dataset:
        return Dataset(samples, Y, x[:3], Y[:3], ("a", "b", "c"))

    laws.check_samples_are_checked(take, x)


def test_a_data_set_keeps_streams_and_indices_of_whatever_form(digits: Dataset) -> None:
    events = Dataset(list(STREAMS), np.eye(3)[[0, 1, 2, 0]], STREAMS, [0, 1, 2, 0], ("a", "b", "c"))

    assert events.x_train.dtype == object
    assert events.y_train.tolist() == events.y_test.tolist() == [0, 1, 2, 0]
    assert digits.x_train is X


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"y_train": Y[1:]}, "as many y_train as x_train, got 29 y_train for 30 x_train"),
        ({"y_train": Y - 1}, r"labels in \[0, 3\), got -1 to 1"),
        ({"classes": ("a", "b")}, r"labels in \[0, 2\), got 0 to 2"),
        ({"x_test": X[:3, :, 1:]}, r"x_test like x_train, got shapes \(3, 1, 7, 8\)"),
        ({"x_test": STREAMS[:3]}, "x_test like x_train"),
        ({"x_train": X[:, 0]}, r"may be 30 grey images .*x\[:, None\]"),
        ({"x_train": X[0]}, r"looks like one image; x\[None\]"),
    ],
)
def test_a_data_set_whose_parts_do_not_fit_is_an_error(digits: Dataset, changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(digits, **changes)


# Metrics


@pytest.mark.parametrize(
    "y_true", [X[:3, 0, 0, :4], X[:3, 0, 0, :4] - 0.5, np.array([[0.1, 0.2, 0.7]] * 3), np.ones((3, 4))]
)
def test_scores_where_the_classes_belong_are_an_error(y_true: Array) -> None:
    for metric in (accuracy, lambda *classes: attack_success_rate(*classes, target=0)):
        with pytest.raises(ValueError, match="expected labels of"):
            metric(y_true, [0, 1, 2])


@pytest.mark.parametrize(
    ("measure", "error", "message"),
    [
        (lambda: accuracy([True, False], [0, 1]), TypeError, "got dtype bool"),
        (lambda: accuracy([0, 1], [True, False]), TypeError, "got dtype bool"),
        (lambda: accuracy([0, 1], 1), TypeError, "expected predictions in an array, got 1"),
        (lambda: accuracy([0, -1], [0, 1]), ValueError, "got -1 to 0"),
        (lambda: accuracy([0, 1], [[0], [1]]), ValueError, "make a column of indices"),
        (lambda: attack_success_rate([0, 1], [0, 1], None), TypeError, "target to be a whole number, got None"),
        (lambda: attack_success_rate([0, 1], 0, [0, 1]), TypeError, "target to be a whole number"),
        (lambda: auroc([0.3, 0.9], [1, 0]), ValueError, "marks that are True or False.*scores come second"),
        (lambda: auroc([True, False], [np.nan, 0]), ValueError, "scores to be finite"),
        (lambda: auroc([[True, False]], [[0, 1]]), ValueError, r"of shape \(N,\)"),
        (lambda: mse(X, X + np.float32(np.nan)), ValueError, "x and x_triggered to be finite"),
        (lambda: mse(np.ma.MaskedArray(X, X > 0), X), TypeError, "masked array"),
        (lambda: ssim(np.zeros((2, 9, 9, 3)), np.ones((2, 9, 9, 3)), window=3), ValueError, r"np\.moveaxis"),
        (lambda: event_distance(STREAMS, STREAMS), TypeError, "one event stream on either side, got an object array"),
        (lambda: event_distance(STREAMS[0], FRAMES, "count"), TypeError, "one event stream on either side"),
    ],
)
def test_metrics_refuse_what_they_would_misread(measure: Callable[[], float], error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        measure()


def test_metrics_read_tensors_and_foreign_bytes() -> None:
    y = np.array([0, 1, 2, 0])

    assert accuracy(torch.from_numpy(y), y.astype(">i2")[::-1][::-1]) == 1.0
    assert mse(torch.zeros(1, 1, 2, 2), np.ones((1, 1, 2, 2), ">f4")) == 1.0


# Evaluations


def test_evaluations_check_their_samples_before_anything_is_trained(classifier: PyTorchClassifier) -> None:
    attack = TriggerBackdoor(PatchTrigger(), 1)
    backdoor = BackdoorEvaluation(attack, {"lif": classifier})
    elimination = EliminationEvaluation(attack, {"lif": classifier}, {"none": lambda given: given})

    laws.check_samples_are_checked(lambda x: backdoor.results(x, Y, X, Y), X)
    laws.check_samples_are_checked(lambda x: backdoor.results(X, Y, x, Y), X)
    laws.check_samples_are_checked(lambda x: elimination.evaluate(x, Y, X, Y, verbose=False), X)
    laws.check_samples_are_checked(lambda x: elimination.evaluate(X, Y, x, Y, verbose=False), X)
    assert not backdoor.trained


def test_the_share_held_out_of_each_class_loses_no_sample_to_rounding() -> None:
    x, y = np.zeros((200, 1, 8, 8), np.float32), np.arange(200) % 2

    _, held, labels = hold_out(Dataset(x, y, x[:2], y[:2], ("a", "b")), 0.29, np.random.default_rng(0))

    assert len(held) == 58
    assert np.bincount(labels).tolist() == [29, 29]


# Conversion


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (X.reshape(30, 8, 8, 1), ValueError, r"got shape \(30, 8, 8, 1\), .* channels last; np.moveaxis\(x, -1, -3\)"),
        (X[:, 0], ValueError, r"got shape \(30, 8, 8\), .*x\[:, None\]"),
        (X.repeat(2, axis=1), ValueError, r"samples \(N, 2, 8, 8\).*to have 1 channels, but got 2"),
        (X.reshape(30, 64), ValueError, r"samples \(N, 64\)"),
        (list(STREAMS), TypeError, "x_calibration to be an array of numbers, got a list of 4 event streams"),
        (np.ma.MaskedArray(X, X > 0.5), TypeError, "masked array"),
        (np.array(1.0), ValueError, r"x_calibration of shape \(N, \.\.\.\), got shape \(\)"),
    ],
)
def test_conversion_names_the_layout_of_its_calibration_samples(x: Any, error: type, message: str) -> None:
    ann = example_arguments("converted")["ann"]

    with pytest.raises(error, match=message):
        convert(ann, x, method="max")


def test_conversion_calibrates_alike_on_tensors_and_foreign_bytes() -> None:
    ann = example_arguments("converted")["ann"]

    plain, *others = (convert(ann, x, method="max") for x in (X, torch.from_numpy(X), X.astype(">f4")[::-1]))

    assert [thresholds(net) for net in others] == [thresholds(plain)] * 2
