"""Threads that share a classifier: each gets the answer that it would get alone, and nothing is changed."""

import copy
import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from art_snn._random import host_seed
from art_snn.estimators.classification import (
    SpikingModule,
)
from art_snn.estimators.classification._locking import lock_of
from art_snn.estimators.classification.mode import mode
from tests.sharing import ALL, FRAMES, IMAGES, T, Y, assert_equal, over_frames, over_images, samples, state


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


@pytest.mark.parametrize(("make", "kind", "shape"), [(over_frames, "m", FRAMES), (over_images, "hybrid", IMAGES)])
def test_no_order_of_locks_makes_threads_wait_for_each_other(
    make: Any, kind: str, shape: tuple[int, ...], tmp_path: Path
) -> None:
    classifier, x = make(kind), samples(shape)
    ann = getattr(classifier, "ann", classifier)

    def draw_inside() -> None:
        with mode(classifier.model, False), host_seed(0):
            ann.predict(x)

    def draw_outside() -> None:
        with mode(ann.model, False), host_seed(0):
            classifier.predict(x)

    at_once(
        draw_inside,
        draw_outside,
        lambda: classifier.clone_for_refitting().fit(x, Y, nb_epochs=1),
        lambda: classifier.loss_gradient(x, Y),
        lambda: copy.deepcopy(classifier),
        lambda: classifier.save("model", str(tmp_path)),
        times=8,
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
