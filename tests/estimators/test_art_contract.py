"""ART's contract with a classifier: modes, undefined samples, preprocessing at construction, settings."""

import functools

import numpy as np
import pytest
import torch
from art.attacks.evasion import SquareAttack
from art.defences.postprocessor import Rounded
from art.defences.preprocessor import GaussianAugmentation, Mixup, SpatialSmoothing, ThermometerEncoding
from art.estimators.classification import PyTorchClassifier
from torch import nn

from art_snn import testing
from art_snn._random import host_seed
from art_snn.estimators.classification import (
    ConvertedClassifier,
    SpikingClassifier,
    SpikingModule,
)
from tests.estimators.every_rule import EVERY, SHAPE, K, N, T, X, Y, loud_net, make, ready


@EVERY
def test_the_classifiers_here_have_opinions(kind: str) -> None:
    testing.check_tells_samples_apart(ready(kind), X)


def test_logits_come_without_postprocessing() -> None:
    classifier = ready("spiking", postprocessing_defences=Rounded(decimals=1))
    assert not np.array_equal(classifier.predict(X, logits=True), classifier.predict(X))
    assert np.array_equal(classifier.predict(X, logits=True), ready("spiking").predict(X))


@EVERY
def test_construction_and_training_leave_evaluation_mode(kind: str) -> None:
    classifier = make(kind)
    testing.check_leaves_evaluation_mode(classifier, lambda: classifier.fit(X, Y, nb_epochs=1))
    if isinstance(classifier, ConvertedClassifier):
        testing.check_leaves_evaluation_mode(classifier.ann, lambda: classifier.fit_ann(X, Y, nb_epochs=1))
        testing.check_leaves_evaluation_mode(classifier.ann, lambda: classifier.fit(X, Y, nb_epochs=1))


def test_art_asks_the_model_itself_without_moving_batch_statistics() -> None:
    classifier = make("spiking")
    before = {name: value.clone() for name, value in classifier.model.state_dict().items()}
    classifier.model(torch.from_numpy(X))
    assert all(torch.equal(value, before[name]) for name, value in classifier.model.state_dict().items())


@pytest.mark.parametrize("readout", ["mean", "sum", "last"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_an_undefined_sample_gets_nan_and_its_neighbours_what_they_had(value: float, readout: str) -> None:
    net = loud_net()
    classifier = SpikingClassifier(SpikingModule(net, T, readout=readout), nn.CrossEntropyLoss(), SHAPE, K)
    broken = X.copy()
    broken[2, 0, 3, 3] = value
    others = np.arange(N) != 2
    expected = classifier.predict(X)
    assert np.isnan(classifier.predict(broken)[2]).all()
    assert np.array_equal(classifier.predict(broken)[others], expected[others])
    losses = classifier.compute_loss(broken, Y)
    assert np.isnan(losses[2])
    assert np.isfinite(losses[others]).all()
    activations = classifier.get_activations(broken, 0)
    assert np.isnan(activations[2]).all()
    assert np.isfinite(activations[others]).all()


def test_an_undefined_sample_gets_nan_in_frames_at_every_time_and_behind_arts_own_class() -> None:
    frames = np.repeat(X[:, None], T, axis=1)
    frames[1, 2, 0, 0, 0] = np.nan
    module = SpikingModule(loud_net(), T)
    arts = PyTorchClassifier(module, nn.CrossEntropyLoss(), (T, *SHAPE), K)
    with host_seed(0):
        assert np.isnan(arts.predict(frames)).any(axis=1).tolist() == [False, True] + [False] * (N - 2)
    converted = ready("converted")
    broken = np.where(np.arange(N)[:, None, None, None] == 1, np.float32(np.nan), X)
    for logits in converted.predict_at(broken, [1, T]).values():
        assert np.isnan(logits).all(axis=1).tolist() == [False, True] + [False] * (N - 2)


def test_gradients_of_defined_samples_are_what_they_were() -> None:
    module = SpikingModule(loud_net(), T)
    arts = PyTorchClassifier(module, nn.CrossEntropyLoss(reduction="sum"), SHAPE, K, clip_values=(0.0, 1.0))
    broken = X.copy()
    broken[0] = np.inf
    defined, one_hot = arts.loss_gradient(X, np.eye(K)[Y]), np.eye(K)[Y]
    assert np.abs(defined).max() > 0
    assert np.array_equal(arts.loss_gradient(broken, one_hot)[1:], defined[1:])


def test_large_numbers_are_defined() -> None:
    module = SpikingModule(loud_net(), T)
    for dtype in (torch.float16, torch.float32, torch.float64):
        large = torch.full((1, *SHAPE), torch.finfo(dtype).max, dtype=dtype)
        logits = module.eval()(large / 2 if dtype == torch.float16 else large.sign() * 1e30)
        assert logits.isfinite().all()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_arts_square_attack_returns_no_undefined_examples(seed: int) -> None:
    classifier = ready("spiking")
    attack = SquareAttack(classifier, norm=2, eps=2.0, max_iter=20, verbose=False)
    with host_seed(seed), np.errstate(all="ignore"):
        assert np.isfinite(attack.generate(np.zeros_like(X), np.eye(K)[classifier.predict(X).argmax(1)])).all()


@EVERY
def test_defences_that_change_the_shape_are_honoured_from_the_start(kind: str) -> None:
    encoding = ThermometerEncoding((0.0, 1.0), num_space=4, channels_first=True)
    classifier = make(kind, channels=4, preprocessing_defences=encoding)
    classifier.fit(X, Y, nb_epochs=1)
    assert classifier.predict(X).shape == (N, K)


@EVERY
def test_a_defence_that_mixes_samples_in_double_precision_is_trained_behind(kind: str) -> None:
    classifier = make(kind, preprocessing_defences=Mixup(num_classes=K))
    before = classifier.predict(X)
    classifier.fit(X, Y, nb_epochs=3, batch_size=4)
    assert not np.array_equal(classifier.predict(X), before)


def test_a_defence_that_writes_into_its_input_gets_a_copy() -> None:
    encoding = ThermometerEncoding((0.0, 1.0), num_space=4, channels_first=True)
    beyond = 2 * X
    make("spiking", channels=4, preprocessing_defences=encoding).predict(beyond)
    assert np.array_equal(beyond, 2 * X)


def test_a_defence_that_draws_moves_no_stream_at_construction() -> None:
    noise = GaussianAugmentation(sigma=0.1, augmentation=False, apply_fit=False, apply_predict=True)
    make("spiking", preprocessing_defences=noise)  # a fixture watches the streams


def networks(classifier: PyTorchClassifier) -> list[PyTorchClassifier]:
    return [classifier, classifier.ann] if isinstance(classifier, ConvertedClassifier) else [classifier]


@EVERY
def test_settings_may_be_given_back_as_they_were_got(kind: str) -> None:
    classifier = ready(kind)
    before = classifier.predict(X)
    for each in networks(classifier):
        each.set_params(**each.get_params())
    assert np.array_equal(classifier.predict(X), before)
    classifier.fit(X, Y, nb_epochs=1)


SETTINGS = {
    "clip_values": (0.0, 0.5),
    "preprocessing": ([0.25], [0.5]),
    "preprocessing_defences": SpatialSmoothing(window_size=3, channels_first=True),
    "postprocessing_defences": Rounded(decimals=1),
    "channels_first": False,
    "loss": nn.MultiMarginLoss(),
}


@functools.cache
def plain_answers(kind: str) -> np.ndarray:
    """Of a classifier without any of these settings."""
    plain = make(kind)
    plain.fit(X, Y, nb_epochs=2, batch_size=4)
    return plain.predict(X)


@pytest.mark.parametrize("name", SETTINGS)
@EVERY
def test_a_setting_changed_later_is_the_setting_of_the_constructor(kind: str, name: str) -> None:
    later, from_the_start = make(kind), make(kind, **{name: SETTINGS[name]})
    later.set_params(**{name: SETTINGS[name]})
    for classifier in (later, from_the_start):
        classifier.fit(X, Y, nb_epochs=2, batch_size=4)
    for a, b in zip(networks(later), networks(from_the_start), strict=True):
        assert np.array_equal(a.predict(X), b.predict(X))
        assert np.array_equal(a.compute_loss(X, Y), b.compute_loss(X, Y))
        assert np.array_equal(a.loss_gradient(X, Y), b.loss_gradient(X, Y))
        assert a.channels_first == b.channels_first
        assert np.array_equal(a.clip_values, b.clip_values)
    if name not in ("clip_values", "channels_first"):
        assert not np.array_equal(plain_answers(kind), later.predict(X))


@pytest.mark.parametrize(
    "wrong",
    [
        {"clip_value": (0, 1)},
        {"clip_values": (1.0, 0.0)},
        {"clip_values": (0.0, 0.5), "preprocessing_defences": 3},
        {"preprocessing": (0.5, 0.5), "postprocessing_defences": 3},
        {"nb_classes": K + 1},
        {"input_shape": (1, 9, 9)},
        {"use_amp": True},
        {"model": nn.Linear(1, 1)},
        {"clip_values": (0.0, 0.5), "optimizer": torch.optim.SGD([torch.zeros(1)], lr=1.0)},
    ],
    ids=lambda wrong: "-".join(wrong),
)
@EVERY
def test_a_setting_that_will_not_do_changes_nothing(kind: str, wrong: dict[str, object]) -> None:
    classifier = ready(kind)
    before = [(each.predict(X), str(each.get_params())) for each in networks(classifier)]
    with pytest.raises((ValueError, TypeError)):
        classifier.set_params(**wrong)
    for each, (logits, params) in zip(networks(classifier), before, strict=True):
        assert np.array_equal(each.predict(X), logits)
        assert str(each.get_params()) == params


def test_preprocessing_that_the_model_cannot_take_is_refused() -> None:
    classifier = ready("spiking")
    with pytest.raises(ValueError, match="expected"):
        classifier.set_params(preprocessing_defences=ThermometerEncoding((0.0, 1.0), num_space=4, channels_first=True))
    assert classifier.preprocessing_defences is None
    assert np.array_equal(classifier.predict(X), ready("spiking").predict(X))


@EVERY
def test_an_optimizer_over_other_parameters_is_refused(kind: str) -> None:
    stranger = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    with pytest.raises(ValueError, match="expected an optimizer over parameters of the network that it trains"):
        make(kind, optimizer=stranger)


@EVERY
def test_an_optimizer_given_later_is_the_one_that_fit_trains_with(kind: str) -> None:
    classifier = make(kind)
    trained = networks(classifier)[-1].model
    classifier.set_params(optimizer=torch.optim.SGD(trained.parameters(), lr=0.0))
    before = {name: value.clone() for name, value in trained.named_parameters()}
    classifier.fit(X, Y, nb_epochs=1)
    assert all(torch.equal(value, before[name]) for name, value in trained.named_parameters())
