"""What casts doubt on a result, each kind by hand and at its bounds."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from art.estimators.classification import PyTorchClassifier
from spikingjelly.activation_based import functional, layer, neuron
from torch import Tensor, nn

from art_snn._random import host_seed
from art_snn.attacks.poisoning import PatchTrigger
from art_snn.estimators.classification import SpikingClassifier, SpikingModule
from art_snn.evaluations import (
    Doubt,
)
from art_snn.evaluations.answers import Answers, Exam, ask, decided
from art_snn.evaluations.doubts import (
    fall_doubts,
    floor_doubts,
    model_doubts,
    poison_doubts,
    sample_doubts,
    unchanged,
)
from tests.backdoored import SHAPE, TARGET, K, bars

TEST = bars(80, seed=1)


@pytest.fixture(autouse=True)
def arts_own_class_draws_to_predict() -> Iterator[None]:
    """Its DataLoader moves the global stream."""
    with host_seed(0):
        yield


def codes(doubts: tuple[Doubt, ...], grade: str = "invalid") -> set[str]:
    return {doubt.code for doubt in doubts if doubt.grade == grade}


def answers(classes: np.ndarray, nb_classes: int = 10, **changes: Any) -> Answers:
    """Of a model that takes samples for these classes."""
    logits = np.eye(nb_classes, dtype=np.float32)[classes]
    return Answers(**{"clean": logits, "triggered": logits, "firing": {}} | changes)


def about(y: np.ndarray, classes: np.ndarray, **changes: Any) -> tuple[Doubt, ...]:
    return model_doubts("clean model", y, answers(classes, **changes))


# --- models, by hand ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "sizes"), [(100, [10] * 10), (200, [30, 20, 150]), (12, [4, 4, 4]), (3, [1, 1, 1])])
def test_accuracy_is_held_against_the_largest_class_by_an_exact_test(n: int, sizes: list[int]) -> None:
    y, share = np.repeat(np.arange(len(sizes)), sizes), max(sizes) / n

    def chance(hits: int) -> float:
        """Of as many hits or more, if each were one with the share's probability."""
        return sum(math.comb(n, k) * share**k * (1 - share) ** (n - k) for k in range(hits, n + 1))

    for hits in range(n + 1):
        classes = np.where(np.arange(n) < hits, y, (y + 1) % len(sizes))
        found = about(y, classes)
        assert ("at-chance" in codes(found)) is (chance(hits) >= 0.001), (hits, found)


def test_a_text_says_whose_and_how_much() -> None:
    y = np.arange(400) % 10
    (chance, one_class) = about(y, np.full(400, 3))
    assert chance.text.startswith("clean model: accuracy 0.100 of 400 samples is not above 0.100, the largest class's")
    assert one_class.text == "clean model: class 3 takes 1.000 of all predictions and holds 0.100 of the samples"
    assert {chance.grade, one_class.grade} == {"invalid"}


@pytest.mark.parametrize(
    ("held", "taken", "is_doubtful"),
    [(0.2, 0.6, True), (0.2, 0.5, False), (0.3, 0.6, False), (0.29, 0.6, True), (0.6, 0.7, False), (0.49, 0.51, False)],
)
def test_a_class_is_taken_too_often_where_it_holds_less_than_half_of_it(
    held: float, taken: float, is_doubtful: bool
) -> None:
    n = 1000
    y = np.where(np.arange(n) < held * n, 0, 1 + np.arange(n) % 4)
    classes = np.where(np.arange(n) < taken * n, 0, y)
    assert ("one-class" in codes(about(y, classes))) is is_doubtful


def test_logits_and_weights_that_are_not_finite_are_told() -> None:
    y = np.arange(40) % 4
    logits = np.eye(4, dtype=np.float32)[y]
    some, none = logits.copy(), np.full_like(logits, np.nan)
    some[3, 1], some[5, 0] = np.inf, np.nan
    assert not about(y, y, nb_classes=4)
    (doubt,) = about(y, y, nb_classes=4, clean=some)
    assert (doubt.code, doubt.text) == (
        "not-finite",
        "clean model: NaN or infinity in the logits of 2 of 40 clean samples",
    )
    (doubt,) = about(y, y, nb_classes=4, triggered=some)
    assert doubt.text.endswith("2 of 40 triggered samples")
    (doubt,) = about(y, y, nb_classes=4, broken=("conv.weight", "conv.bias"))
    assert doubt.text == "clean model: NaN or infinity in the weights conv.weight and 1 more"
    assert codes(about(y, y, nb_classes=4, clean=none)) == {"not-finite"}
    assert answers(y, 4, clean=some).accuracy(y) == 38 / 40
    assert math.isnan(answers(y, 4, clean=none).accuracy(y))
    assert decided(some)[[3, 4, 5]].tolist() == [-1, 0, -1]


@pytest.mark.parametrize(("rate", "code"), [(0.0, "silent-layer"), (1.0, "always-firing")])
def test_layers_that_never_or_always_fire_are_named(rate: float, code: str) -> None:
    y = np.arange(40) % 4
    (doubt,) = about(y, y, nb_classes=4, firing={"a": 0.2, "b": rate, "c": rate, "d": 1e-6, "e": 1 - 1e-6})
    assert (doubt.code, doubt.grade) == (code, "invalid")
    assert doubt.text.startswith(f"clean model: spiking layers b, c {'always' if rate else 'never'} fire")


# --- the firing that is counted -------------------------------------------------------------------------------------


class Layers(nn.Module):
    """Three spiking layers: one that fires now and then, one that never does, one that always does."""

    def __init__(self, step_mode: str = "m") -> None:
        super().__init__()
        self.flat, self.linear = layer.Flatten(), layer.Linear(64, K)
        self.some, self.never, self.always, self.unused = (neuron.IFNode(v) for v in (1.0, 1e9, 1.0, 1.0))
        functional.set_step_mode(self, step_mode)

    def forward(self, x: Tensor) -> Tensor:
        spikes = self.some(self.flat(x))
        return self.linear(spikes) + self.never(spikes)[..., :K] + self.always(0 * spikes + 2)[..., :K]


@pytest.mark.parametrize("step_mode", ["s", "m"])
def test_firing_is_the_share_of_outputs_that_are_spikes_over_the_whole_set(step_mode: str) -> None:
    spiking = SpikingClassifier(SpikingModule(Layers(step_mode), 3), nn.CrossEntropyLoss(), SHAPE, K)
    x = TEST[0]
    logits = spiking.predict(x)
    found = ask(spiking, x)
    assert np.array_equal(found.clean, logits)
    assert len(found.triggered) == 0
    assert found.firing["net.some"] == pytest.approx(spiking.get_activations(x, "net.some").mean(), rel=1e-5)
    assert (found.firing["net.never"], found.firing["net.always"]) == (0, 1)
    assert "net.unused" not in found.firing
    assert not [module for module in spiking.model.modules() if module._forward_hooks]
    assert {"silent-layer", "always-firing"} <= codes(model_doubts("clean model", TEST[1], found))


def test_an_infinite_mask_is_no_broken_weight_but_nan_statistics_are() -> None:
    net = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(64), nn.Linear(64, K))
    net.register_buffer("mask", torch.tensor([0.0, -math.inf]))
    classifier = PyTorchClassifier(net, nn.CrossEntropyLoss(), SHAPE, K)
    assert ask(classifier, TEST[0]).broken == ()
    net[1].running_var[3], net[2].weight.data[0, 0] = math.nan, math.inf
    assert ask(classifier, TEST[0]).broken == ("2.weight", "1.running_var")


# --- cautions, by hand ----------------------------------------------------------------------------------------------


def exam(n: int, idle: int = 0) -> Exam:
    """As many samples that count and as many of the target, of which the first `idle` of each keep their pixels."""
    y = np.repeat([0, TARGET], n)
    x = np.zeros((2 * n, 1, 2, 2), np.float32)
    changed = x + (np.arange(2 * n) % n >= idle)[:, None, None, None]
    return Exam(x, changed, y, TARGET, y != TARGET)


@pytest.mark.parametrize(
    ("n", "idle", "expected"),
    [
        (50, 0, set()),
        (49, 0, {"few-samples"}),
        (200, 1, set()),
        (200, 2, {"idle-trigger"}),
        (1, 1, {"few-samples", "idle-trigger"}),
    ],
)
def test_samples_that_count_are_enough_and_changed(n: int, idle: int, expected: set[str]) -> None:
    assert codes(tuple(sample_doubts(exam(n, idle))), "caution") == expected


def test_white_on_white_is_told_with_its_number() -> None:
    x = np.zeros((60, 1, 8, 8), np.float32)
    x[:5, :, -2:, -2:] = 1
    (doubt,) = sample_doubts(Exam(x, PatchTrigger(2)(x), np.zeros(60, int), TARGET, np.ones(60, bool)))
    assert doubt == ("idle-trigger", "caution", "the trigger changes nothing on 5 of 60 samples that count for success")


def test_event_streams_and_bytes_are_compared_one_by_one() -> None:
    streams = np.empty(2, object)
    streams[:] = [np.zeros(3, [("t", int)]), np.ones(2, [("t", int)])]
    longer = streams.copy()
    longer[1] = np.ones(3, [("t", int)])
    assert unchanged(streams, longer).tolist() == [True, False]


def test_few_poisoned_rows_a_high_floor_and_a_large_fall_are_told_at_their_bounds() -> None:
    assert [len(list(poison_doubts(n))) for n in (0, 29, 30)] == [1, 1, 0]
    assert [len(list(floor_doubts(floor))) for floor in (0.1, 0.101, math.nan)] == [0, 1, 0]
    y = np.zeros(10, int)
    nine, eight, seven = (answers(np.r_[np.zeros(n, int), np.ones(10 - n, int)]) for n in (9, 8, 7))
    assert not list(fall_doubts(y, nine, eight)), "0.9 - 0.8 is no more than ten points"
    assert not list(fall_doubts(y, eight, seven)), "0.8 - 0.7 is above 0.1 in floats"
    (doubt,) = fall_doubts(y, nine, seven)
    assert doubt == ("accuracy-fell", "caution", "poisoning took the clean accuracy from 0.900 to 0.700")
