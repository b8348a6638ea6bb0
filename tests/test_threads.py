"""Threads that share a classifier: each gets the answer that it would get alone, and nothing is changed."""

import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from art.data_generators import NumpyDataGenerator
from spikingjelly.activation_based import functional, layer, neuron
from torch import nn

from art_snn._random import host_seed
from art_snn.estimators.classification import (
    AnnClassifier,
    ConvertedClassifier,
    HybridClassifier,
    SpikingClassifier,
    SpikingModule,
)
from art_snn.estimators.classification.locking import lock_of
from art_snn.estimators.classification.mode import mode
from art_snn.models import event_net, small_cnn

K, T = 3, 4
IMAGES, FRAMES = (1, 8, 8), (T, 2, 8, 8)
Y = np.arange(6) % K


def samples(shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(0).random((len(Y), *shape), dtype=np.float32)


def ann() -> nn.Module:
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Dropout(), nn.Linear(144, K))
    for parameter in net.parameters():
        nn.init.normal_(parameter)
    return net


def seeded(make: Callable[[str], Any]) -> Callable[[str], Any]:
    return host_seed(0)(make)


@seeded
def over_images(kind: str) -> Any:
    if kind == "ann":
        return AnnClassifier(ann(), nn.CrossEntropyLoss(), IMAGES, K)
    if kind == "spiking":
        net = small_cnn(1, K, neuron="lif", width=0.25)
        return SpikingClassifier(SpikingModule(net, T), nn.CrossEntropyLoss(), IMAGES, K)
    classifier = {"converted": ConvertedClassifier, "hybrid": HybridClassifier}[kind](
        ann(), nn.CrossEntropyLoss(), IMAGES, K, timesteps=T
    )
    classifier.convert(samples(IMAGES))
    return classifier


@seeded
def over_frames(kind: str) -> Any:
    if kind == "event net":
        net = event_net(2, K, neuron="if", width=0.25)
        return SpikingClassifier(SpikingModule(net), nn.CrossEntropyLoss(), FRAMES, K)
    if kind == "ann":
        flat = nn.Sequential(nn.Flatten(0, 1), nn.Flatten(), nn.Linear(128, K), nn.Unflatten(0, (-1, T)))
        return AnnClassifier(nn.Sequential(flat, _Mean()), nn.CrossEntropyLoss(), FRAMES, K)
    net = nn.Sequential(layer.Conv2d(2, 4, 3), neuron.LIFNode(), layer.Flatten(), layer.Linear(144, K))
    functional.set_step_mode(net, kind)
    return SpikingClassifier(SpikingModule(net, T), nn.CrossEntropyLoss(), FRAMES, K)


class _Mean(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean(1)


MAKERS = [
    *((over_images, kind, IMAGES) for kind in ("ann", "spiking", "converted", "hybrid")),
    *((over_frames, kind, FRAMES) for kind in ("ann", "event net", "s", "m")),
]
ALL = pytest.mark.parametrize(("make", "kind", "shape"), MAKERS)


@pytest.fixture(autouse=True)
def hasty() -> Iterator[None]:
    """Threads that take turns a hundred times as often as usual: what can be interrupted is."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(5e-5)
    yield
    sys.setswitchinterval(before)


def at_once(*calls: Callable[[], Any], times: int = 1) -> list[list[Any]]:
    """The answers of each call, made so many times in a thread of its own."""
    answers: list[list[Any]] = [[] for _ in calls]
    together = threading.Barrier(len(calls))

    def work(call: Callable[[], Any], into: list[Any]) -> None:
        together.wait()
        for _ in range(times):
            into.append(call())

    threads = [threading.Thread(target=work, args=pair, daemon=True) for pair in zip(calls, answers, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert not any(thread.is_alive() for thread in threads), "threads wait for each other"
    assert all(len(found) == times for found in answers), "a call failed"
    return answers


def state(classifier: Any) -> dict[str, Any]:
    """Every tensor, every mode, every potential and every hook."""
    model = classifier._model
    found: dict[str, Any] = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    for name, module in model.named_modules():
        found[f"{name} training"] = module.training
        found[f"{name} v"] = getattr(module, "v", None)
        found[f"{name} hooks"] = len(module._forward_hooks) + len(module._forward_pre_hooks)
    return found | {f"{name} grad": parameter.grad for name, parameter in model.named_parameters()}


def assert_equal(left: dict[str, Any], right: dict[str, Any]) -> None:
    assert left.keys() == right.keys()
    for name, value in left.items():
        same = torch.equal(value, right[name]) if isinstance(value, torch.Tensor) else value == right[name]
        assert same, f"{name} was {value}, is {right[name]}"


@ALL
@pytest.mark.parametrize("training", [False, True])
def test_two_threads_predict_as_one(make: Any, kind: str, shape: tuple[int, ...], training: bool) -> None:
    classifier, x = make(kind), samples(shape)
    classifier.model.train(training)
    expected, before = classifier.predict(x), state(classifier)

    answers = at_once(lambda: classifier.predict(x), lambda: classifier.predict(x), times=60)

    assert sum(np.array_equal(answer, expected) for each in answers for answer in each) == 120
    assert_equal(before, state(classifier))


@ALL
def test_predicting_and_everything_else_do_not_meet(make: Any, kind: str, shape: tuple[int, ...]) -> None:
    classifier, x = make(kind), samples(shape)
    uses: list[Callable[[], Any]] = [
        lambda: classifier.predict(x, batch_size=4),
        lambda: classifier.loss_gradient(x, Y),
        lambda: classifier.class_gradient(x, 1),
        lambda: classifier.compute_loss(x, Y),
        lambda: classifier.get_activations(x, 0),
        lambda: classifier._predict_framework(torch.from_numpy(x))[0].detach(),
        lambda: classifier.model(torch.from_numpy(x)).detach() if kind != "ann" else 0,
        lambda: classifier.predict_at(x, [1, 2])[1] if hasattr(classifier, "predict_at") else 0,
    ]
    classifier.model.eval()
    expected, before = [np.asarray(use()) for use in uses], state(classifier)

    answers = at_once(lambda: classifier.predict(x), lambda: [use() for use in uses], times=10)

    assert all(np.array_equal(answer, classifier.predict(x)) for answer in answers[0])
    for found in answers[1]:
        assert [np.array_equal(a, b) for a, b in zip(found, expected, strict=True)] == [True] * len(uses)
    assert_equal(before, state(classifier))


@pytest.mark.parametrize("kind", ["s", "m"])
def test_two_threads_call_the_module_itself_as_one(kind: str) -> None:
    module, x = over_frames(kind).model, torch.from_numpy(samples(FRAMES))
    expected = module(x).detach()
    twins = [module, SpikingModule(module.net, T)]  # the potentials are the network's, whoever wraps it

    answers = at_once(*[lambda twin=twin: twin(x).detach() for twin in twins], times=60)

    assert sum(torch.equal(answer, expected) for each in answers for answer in each) == 120


def test_copies_made_while_others_predict_are_whole() -> None:
    import copy

    classifier, x = over_frames("m"), samples(FRAMES)
    expected = classifier.predict(x)

    _, copies = at_once(lambda: classifier.loss_gradient(x, Y), lambda: copy.deepcopy(classifier), times=20)

    assert all(np.array_equal(twin.predict(x), expected) for twin in copies)


def test_networks_trained_at_once_are_those_trained_alone() -> None:
    x = samples(FRAMES)

    def trained() -> np.ndarray:
        classifier = over_frames("event net")
        classifier.fit(x, Y, batch_size=2, nb_epochs=2, seed=3)
        return classifier.predict(x)

    expected = trained()
    assert all(np.array_equal(found, expected) for each in at_once(trained, trained, times=3) for found in each)


def test_draws_of_two_threads_are_those_of_one_and_the_streams_come_back() -> None:
    def draws() -> list[float]:
        with host_seed(5):
            return [f() for _ in range(50) for f in (np.random.rand, lambda: torch.rand(1).item())]

    assert all(found == draws() for each in at_once(draws, draws, times=20) for found in each)


def test_no_order_of_locks_makes_threads_wait_for_each_other() -> None:
    classifier, x = over_frames("m"), samples(FRAMES)

    def draw_inside() -> None:
        with mode(classifier.model, False), host_seed(0):
            classifier.predict(x)

    def draw_outside() -> None:
        with host_seed(0):
            classifier.predict(NumpyDataGenerator(x, Y, 3, 6) and x)

    at_once(
        draw_inside,
        draw_outside,
        lambda: classifier.fit(x, Y, nb_epochs=1),
        lambda: classifier.predict(x),
        times=10,
    )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_process_waits_for_no_thread_of_its_parent() -> None:
    net = over_frames("m").model
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with host_seed(0), lock_of(net):
            held.set()
            done.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that other threads do not come along is what is tried here
        child = os.fork()
    if child == 0:
        import signal

        signal.alarm(10)  # the end of one that waits
        with host_seed(0), lock_of(net):
            os._exit(0)
    done.set()
    thread.join()
    assert os.waitpid(child, 0)[1] == 0
