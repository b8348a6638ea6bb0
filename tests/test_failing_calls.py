"""Calls that fail leave a classifier as it was."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from art.data_generators import NumpyDataGenerator
from torch import nn

from art_snn._random import host_seed
from tests.sharing import ALL, FRAMES, K, Y, assert_equal, over_frames, samples, state

FEW = Y[:-1]


class BrokenError(RuntimeError):
    pass


def error_of(call: Callable[[], Any]) -> Exception | None:
    try:
        call()
    except Exception as error:
        return error
    return None


def break_off(*_: Any) -> None:
    raise BrokenError


@contextmanager
def breaking(module: nn.Module, *, calls: int = 0, backward: bool = False) -> Iterator[None]:
    """A layer that raises as it runs after so many calls, or on the way back."""
    left = [calls]

    def hook(_module: nn.Module, _inputs: Any, output: torch.Tensor) -> None:
        left[0] -= 1
        if left[0] >= 0:
            return
        if not backward:
            raise BrokenError
        if output.requires_grad:
            output.register_hook(break_off)

    handle = module.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


def first_weighted(model: nn.Module) -> nn.Module:
    return next(m for m in model.modules() if isinstance(m, nn.Linear | nn.Conv2d))


def last_weighted(model: nn.Module) -> nn.Module:
    return [m for m in model.modules() if isinstance(m, nn.Linear)][-1]


def in_training(call: Callable[..., Any], *arguments: Any) -> Any:
    with host_seed(0):  # dropout draws
        return call(*arguments, training_mode=True)


def wrong_calls(c: Any, x: np.ndarray) -> dict[str, Callable[[], Any]]:
    """Calls with arguments that do not fit."""
    return {
        "predict a wrong shape": lambda: c.predict(x[:, :, :, :-1]),
        "predict in batches of none": lambda: c.predict(x, batch_size=0),
        "loss of too few labels": lambda: c.compute_loss(x, FEW),
        "loss of too many labels": lambda: c.compute_loss(x[:-1], Y),
        "loss of an unknown class": lambda: c.compute_loss(x, Y + K),
        "an unknown reduction": lambda: c.compute_loss(x, Y, reduction="median"),
        "losses of too few labels": lambda: c.compute_losses(x, FEW),
        "gradient of too few labels": lambda: c.loss_gradient(x, FEW),
        "gradient of an unknown class": lambda: c.class_gradient(x, K),
        "gradients of too few classes": lambda: c.class_gradient(x, FEW),
        "an unknown layer": lambda: c.get_activations(x, "no layer"),
        "a layer beyond the last": lambda: c.get_activations(x, 99),
        "activations of nothing": lambda: c.get_activations(x[:0], 0),
        "activations of a wrong shape": lambda: c.get_activations(x[..., :-1], 0),
        "a distance that fails": lambda: c.custom_loss_gradient(break_off, x, x, c.layer_names[0]),
        "a distance in training": lambda: c.custom_loss_gradient(torch.norm, x, x, c.layer_names[0], True),
        "fit too few labels": lambda: c.fit(x, FEW),
        "fit a wrong shape": lambda: c.fit(x[..., :-1], Y),
        "fit NaN": lambda: c.fit(x * np.nan, Y),
        "fit no epochs": lambda: c.fit(x, Y, nb_epochs=0),
        "fit an unknown class": lambda: c.fit(x, Y + K),
        "fit too few weights": lambda: c.fit(x, Y, sample_weights=np.ones(2)),
        "fit an unknown word": lambda: c.fit(x, Y, epochs=3),
        "fit a generator of a wrong shape": lambda: c.fit_generator(NumpyDataGenerator(x[..., :-1], Y, 2, 6)),
    }


def broken_calls(c: Any, x: np.ndarray) -> dict[str, Callable[[], Any]]:
    """Calls that break as a layer runs."""
    tensor = torch.from_numpy(x)
    return {
        "predict": lambda: c.predict(x),
        "predict in training mode": lambda: in_training(c.predict, x),
        "gradient in training mode": lambda: in_training(c.loss_gradient, x, Y),
        "gradients in training mode": lambda: in_training(c.class_gradient, x),
        "loss": lambda: c.compute_loss(x, Y),
        "gradient": lambda: c.loss_gradient(x, Y),
        "gradients": lambda: c.class_gradient(x),
        "activations": lambda: c.get_activations(x, 0),
        "activations with gradients": lambda: c.get_activations(tensor, 0, framework=True),
        "for attacks": lambda: c._predict_framework(tensor),
        "fit": lambda: c.fit(x, Y, nb_epochs=1),
        "fit weights": lambda: c.fit(x, Y, nb_epochs=1, sample_weights=np.ones(len(x))),
        "fit a generator": lambda: c.fit_generator(NumpyDataGenerator(x, np.eye(K)[Y], 2, 6), nb_epochs=1),
    }


@ALL
@pytest.mark.parametrize("training", [False, True])
def test_wrong_arguments_change_nothing(make: Any, kind: str, shape: tuple[int, ...], training: bool) -> None:
    classifier, x = make(kind), samples(shape)
    classifier.model.train(training)
    before = state(classifier)
    for name, call in wrong_calls(classifier, x).items():
        assert isinstance(error_of(call), ValueError | TypeError | BrokenError), name
        assert_equal(before, state(classifier))


@ALL
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("where", [first_weighted, last_weighted])
def test_a_layer_that_fails_changes_nothing(
    make: Any, kind: str, shape: tuple[int, ...], training: bool, where: Callable[[nn.Module], nn.Module]
) -> None:
    classifier, x = make(kind), samples(shape)
    classifier.model.train(training)
    broken = where(classifier.model)
    before = state(classifier)
    for name, call in broken_calls(classifier, x).items():
        both = [broken, where(classifier.ann.model)] if kind in ("converted", "hybrid") else [broken]
        with breaking(both[0]), breaking(both[-1]):
            assert "BrokenError" in repr(error_of(call)), name
        assert_equal(before, state(classifier))


@ALL
def test_a_first_step_that_fails_on_its_way_back_changes_nothing(make: Any, kind: str, shape: tuple[int, ...]) -> None:
    classifier, x = make(kind), samples(shape)
    first_weighted(classifier.model).weight.grad = None
    trained = classifier.ann.model if kind in ("converted", "hybrid") else classifier.model
    before = state(classifier)
    with breaking(last_weighted(trained), backward=True), pytest.raises(BrokenError):
        classifier.fit(x, Y, nb_epochs=1)
    assert_equal(before, state(classifier))
    with breaking(last_weighted(classifier.model), backward=True), pytest.raises(BrokenError):
        classifier.loss_gradient(x, Y)
    assert_equal(before, state(classifier))


def test_training_after_a_failure_is_training_without_it() -> None:
    failed, untouched = over_frames("event net"), over_frames("event net")
    x = samples(FRAMES)
    for call in (*wrong_calls(failed, x).values(), lambda: failed.compute_loss(x, FEW)):
        assert error_of(call)
    for classifier in (failed, untouched):
        classifier.fit(x, Y, nb_epochs=1, batch_size=2)
    assert_equal(state(failed), state(untouched))


def test_gradients_of_ones_own_training_are_kept() -> None:
    classifier, x = over_frames("m"), samples(FRAMES)
    classifier.model(torch.from_numpy(x)).sum().backward()
    own = [parameter.grad.clone() for parameter in classifier.model.parameters()]
    for call in (lambda: classifier.loss_gradient(x, Y), lambda: classifier.class_gradient(x, 0)):
        call()
        assert all(torch.equal(p.grad, g) for p, g in zip(classifier.model.parameters(), own, strict=True))


def test_a_training_that_fails_later_keeps_its_last_whole_step_and_the_mode() -> None:
    broken, whole = over_frames("event net"), over_frames("event net")
    x = samples(FRAMES)
    broken.model.train()
    with breaking(last_weighted(broken.model), calls=1), pytest.raises(BrokenError):
        broken.fit(x, Y, nb_epochs=1, batch_size=3, seed=4)
    steps: list[torch.Tensor] = []
    bias = last_weighted(whole.model).bias
    whole.optimizer.register_step_post_hook(lambda *_: steps.append(bias.detach().clone()))
    whole.fit(x, Y, nb_epochs=1, batch_size=3, seed=4)
    assert torch.equal(last_weighted(broken.model).bias, steps[0])
    assert not torch.equal(steps[0], steps[1])
    assert broken.model.training
    assert all(parameter.grad is None for parameter in broken.model.parameters())


@pytest.mark.parametrize("quantity", ["spikes", "voltage"])
def test_recording_is_put_back_where_a_pass_fails(quantity: Any) -> None:
    classifier, x = over_frames("m"), samples(FRAMES)
    before = state(classifier)
    with breaking(last_weighted(classifier.model)), pytest.raises(BrokenError):
        classifier.get_activations(x, 0, quantity=quantity, reduction="none")
    assert_equal(before, state(classifier))
