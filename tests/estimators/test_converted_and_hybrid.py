"""Converted and hybrid classifiers: the steps of their training, and what they refuse."""

import copy
import gc
import tracemalloc

import numpy as np
import pytest
import torch
from art.attacks.evasion import FastGradientMethod
from art.data_generators import NumpyDataGenerator
from art.estimators.classification import PyTorchClassifier
from torch import nn

from art_snn import testing
from art_snn.attacks.poisoning import PatchTrigger, TriggerBackdoor
from art_snn.conversion import convert
from art_snn.conversion import thresholds as thresholds_of
from art_snn.data import load_dataset
from art_snn.estimators.classification import ConvertedClassifier, HybridClassifier
from art_snn.metrics import accuracy, attack_success_rate, migration_rate
from art_snn.models import small_cnn
from tests.estimators.rules import BOTH, SHAPE, K, N, ann, classifier, converted, weights


@BOTH
def test_every_use_restores_the_mode(kind, x, y):
    spiking = converted(kind, x)
    uses = [
        lambda: spiking.predict(x),
        lambda: spiking.predict_at(x, [1, 2]),
        lambda: spiking.convert(x),
        lambda: spiking.loss_gradient(x, y),
    ]
    for use in uses:
        testing.check_restores_the_mode(spiking, use)


@BOTH
def test_any_dtype_and_form_of_labels_trains_alike(kind, x, y):
    whole = np.round(x)
    reference = classifier(kind)
    reference.fit(whole, y, nb_epochs=1)
    for other_x, other_y in ((whole.astype(np.float64), y), (whole.astype(np.uint8), np.eye(K)[y])):
        other = classifier(kind)
        other.fit(other_x, other_y, nb_epochs=1)
        assert torch.equal(weights(other.model), weights(reference.model))


def test_fit_trains_the_ann_and_converts_it(x, y):
    spiking = classifier()
    before = weights(spiking.ann.model)

    spiking.fit(x, y, batch_size=4, nb_epochs=2)

    assert not torch.equal(weights(spiking.ann.model), before)
    expected = convert(spiking.ann.model, x, method="max")
    assert spiking.thresholds == thresholds_of(expected)
    assert all(torch.equal(a, expected.state_dict()[name]) for name, a in spiking.model.net.state_dict().items())


def test_the_steps_are_apart(x, y):
    spiking = classifier()
    untouched = weights(spiking.model)

    spiking.fit_ann(x, y, nb_epochs=1)
    after_ann = weights(spiking.ann.model)
    assert torch.equal(weights(spiking.model), untouched)

    spiking.convert(x)
    after_conversion = weights(spiking.model)
    assert not torch.equal(after_conversion, untouched)
    assert torch.equal(weights(spiking.ann.model), after_ann)


def test_hybrid_training_leaves_the_ann_alone_and_goes_on_from_the_conversion(x, y):
    hybrid = classifier(HybridClassifier)
    hybrid.fit_ann(x, y, nb_epochs=1)
    hybrid.convert(x)
    of_ann, of_conversion = weights(hybrid.ann.model), weights(hybrid.model)

    hybrid.fit_snn(x, y, batch_size=4, nb_epochs=2)

    moved = (weights(hybrid.model) - of_conversion).abs()
    assert torch.equal(weights(hybrid.ann.model), of_ann)
    assert 0 < moved.max() < 6 * 2e-4  # six steps of Adam with learning rate 1e-4


def test_a_conversion_starts_hybrid_training_afresh(x, y):
    twice, once = converted(HybridClassifier, x), converted(HybridClassifier, x)

    twice.fit_snn(x, y, batch_size=4, nb_epochs=2)
    twice.convert(x)
    for hybrid in (twice, once):
        hybrid.fit_snn(x, y, batch_size=4, nb_epochs=1)

    assert torch.equal(weights(twice.model), weights(once.model))


@pytest.mark.parametrize("train_thresholds", [False, True])
def test_thresholds_are_trained_only_where_that_is_wished(train_thresholds, x, y):
    hybrid = converted(HybridClassifier, x, train_thresholds=train_thresholds, surrogate="atan")
    before = hybrid.thresholds

    hybrid.fit_snn(x, y, batch_size=4, nb_epochs=1)

    assert (hybrid.thresholds != before) is train_thresholds


@BOTH
def test_a_generator_takes_all_the_steps(kind, x, y):
    spiking = classifier(kind)
    untouched = weights(spiking.ann.model), weights(spiking.model)

    spiking.fit_generator(NumpyDataGenerator(x, np.eye(K)[y], batch_size=4), nb_epochs=1)

    expected = convert(spiking.ann.model, x, method="max")
    assert not torch.equal(weights(spiking.ann.model), untouched[0])
    assert spiking.thresholds == pytest.approx(thresholds_of(expected))
    assert torch.equal(weights(spiking.model), weights(expected)) is (kind is ConvertedClassifier)


def test_the_ann_is_a_classifier_of_arts_own(x, y):
    spiking = converted(ConvertedClassifier, x)
    assert isinstance(spiking.ann, PyTorchClassifier)
    assert spiking.ann.predict(x).shape == (N, K)
    assert FastGradientMethod(spiking.ann, eps=0.1).generate(x).shape == x.shape


def test_calibration_draws_as_many_samples_as_wished(x, y):
    few = classifier(n_calibration=3).calibration_samples(x, seed=1)
    assert len(few) == 3
    assert all(any(np.array_equal(row, other) for other in x) for row in few)
    assert classifier().calibration_samples(x) is x


def test_calibration_copies_no_data_set():
    counts, labels = np.ones((4096, *SHAPE), np.uint8), np.eye(K)[np.arange(4096) % K]
    generator = NumpyDataGenerator(counts.astype(np.float32), labels, batch_size=128)
    few = NumpyDataGenerator(np.zeros((4, *SHAPE), np.float32), labels[:4], batch_size=4)
    spiking = classifier(n_calibration=16, preprocessing=(0.5, 0.25))
    for use, all_of_it, some in (
        (spiking.convert, counts, counts[:4]),
        (lambda one: spiking.fit_generator(one, 1), generator, few),
    ):
        use(some)  # loads code
        gc.collect()
        tracemalloc.start()
        use(all_of_it)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 2 * counts.nbytes  # as floats they take 4 times that


def test_a_generator_calibrates_on_as_many_samples_as_wished(x, y, monkeypatch):
    seen = []
    monkeypatch.setattr(ConvertedClassifier, "convert", lambda self, x_calibration: seen.append(x_calibration))
    for n_calibration in (5, None):
        generator = NumpyDataGenerator(x, np.eye(K)[y], batch_size=4)
        classifier(n_calibration=n_calibration).fit_generator(generator, nb_epochs=1)
    assert [len(samples) for samples in seen] == [5, N]
    assert len(np.unique(seen[0], axis=0)) == 5
    assert all(any(np.array_equal(row, other) for other in x) for row in seen[0])


@pytest.mark.parametrize("seed", range(4))
def test_no_sample_is_drawn_for_calibration_that_a_generator_drops(seed, x, y):
    spiking = classifier(n_calibration=1)
    spiking.fit_generator(NumpyDataGenerator(x, y, batch_size=5, drop_remainder=True), nb_epochs=1, seed=seed)
    assert spiking.thresholds


def test_preprocessing_reaches_calibration_and_spiking_network_alike(x):
    net = ann()
    standardised = classifier(ann=net, preprocessing=(0.5, 0.25), timesteps=64)
    plain = classifier(ann=copy.deepcopy(net), timesteps=64)

    standardised.convert(x)
    plain.convert((x - 0.5) / 0.25)

    assert standardised.thresholds == pytest.approx(plain.thresholds)
    assert standardised.predict(x) == pytest.approx(plain.predict((x - 0.5) / 0.25), abs=1e-5)


def test_input_gradients_of_a_converted_network_are_not_zero(x, y):
    assert np.abs(converted(ConvertedClassifier, x).loss_gradient(x, y)).max() > 0


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"timesteps": 0}, "expected timesteps to be at least 1, got 0"),
        ({"method": "mean"}, "expected method to be one of"),
        ({"method": "fraction"}, "expected scale between 0 and 1"),
        ({"percentile": 101}, "expected percentile in"),
        ({"n_calibration": 0}, "expected n_calibration to be at least 1"),
        ({"ann": small_cnn(1, K)}, "got MaxPool2d at 'pool1'"),
        ({"surrogate": "step"}, "expected surrogate to be one of 'stdb', 'linear', 'rectangular'"),
        ({"leak": 0.0}, r"expected leak in \(0, 1\], got 0.0"),
        ({"alpha": 0.0}, "expected alpha to be a finite number above 0"),
        ({"learning_rate": -1.0}, "expected learning_rate to be a finite number above 0"),
    ],
)
def test_a_wrong_argument_is_one_clear_error(wrong, message):
    with pytest.raises(ValueError, match=message):
        classifier(HybridClassifier, **wrong)


@BOTH
def test_bad_calibration_data_change_nothing(kind, x):
    spiking = converted(kind, x)
    before = weights(spiking.model)
    for bad in (x[:0], np.full_like(x, np.nan), x[:, :, 1:]):
        with pytest.raises(ValueError, match="expected"):
            spiking.convert(bad)
    assert torch.equal(weights(spiking.model), before)


@pytest.mark.slow
def test_a_converted_network_keeps_accuracy_and_backdoor_of_its_ann():
    digits = load_dataset("digits")
    x_test, y_test = digits.x_test[:200], digits.y_test[:200]
    backdoor = TriggerBackdoor(PatchTrigger(2), target_class=1, percent_poison=0.1)
    poisoned = backdoor.poison_dataset(digits.x_train, digits.y_train)
    triggered, _ = backdoor.poison(x_test)
    ann = small_cnn(1, 10, pool="avg", width=0.5)
    spiking = ConvertedClassifier(ann, nn.CrossEntropyLoss(), (1, 16, 16), 10, timesteps=128)

    spiking.fit(poisoned.x, poisoned.y, batch_size=32, nb_epochs=5)

    accuracies, rates = {}, {}
    for name, predict in (("ann", spiking.ann.predict), ("snn", spiking.predict)):
        accuracies[name] = accuracy(y_test, predict(x_test))
        rates[name] = attack_success_rate(y_test, predict(triggered), 1)
    assert accuracies["ann"] > 0.95
    assert abs(accuracies["snn"] - accuracies["ann"]) <= 0.01
    assert migration_rate(rates["snn"], rates["ann"]) >= 0.97
