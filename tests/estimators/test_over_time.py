"""Logits after several numbers of time steps are exactly those of a network that has so many."""

import numpy as np
import pytest
import torch
from art.defences.postprocessor import Rounded
from torch import nn

from art_snn.estimators.classification import (
    ConvertedClassifier,
    HybridClassifier,
    SpikingClassifier,
    SpikingModule,
    predict_at,
)
from tests.estimators.every_rule import X, make
from tests.estimators.rules import T, converted
from tests.estimators.toys import FRAMES, IMAGES, K, plain, samples, spiking_net
from tests.estimators.toys import classifier as toy

TIMES = [1, 3, 2]
READOUTS = pytest.mark.parametrize("readout", ["mean", "sum", "last"])


class Mixing(nn.Module):
    """A layer that connects time steps, as attention over time does."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x - x.sum(0) / 8


def of_time(shape: tuple[int, ...], net: str, **settings: object) -> SpikingClassifier:
    nets = {
        "single-step": lambda: nn.Sequential(nn.Tanh(), *spiking_net("s")),
        "spikes": lambda: spiking_net(end="spikes"),
    }
    nets |= {"multi-step": spiking_net, "mixing": lambda: nn.Sequential(Mixing(), *spiking_net())}
    return toy(shape, nets[net](), **settings)


def with_timesteps(classifier: SpikingClassifier, timesteps: int, shape: tuple[int, ...]) -> SpikingClassifier:
    """The same network with another number of time steps."""
    old = classifier.model
    model = SpikingModule(old.net, timesteps, old.encoding, old.readout, old.input_layout)
    return SpikingClassifier(model, nn.CrossEntropyLoss(), shape, classifier.nb_classes)


@READOUTS
@pytest.mark.parametrize("net", ["multi-step", "single-step", "spikes", "mixing"])
def test_predict_at_is_predict_with_that_many_steps(net: str, readout: str) -> None:
    spiking, x = of_time(IMAGES, net, readout=readout), samples(IMAGES)

    at = spiking.predict_at(x, [9, *TIMES], batch_size=4)

    assert list(at) == [9, *TIMES]
    assert spiking.model.timesteps == 3
    for timesteps, logits in at.items():
        assert np.array_equal(logits, with_timesteps(spiking, timesteps, IMAGES).predict(x))
    assert not np.array_equal(at[1], at[3])


@READOUTS
@pytest.mark.parametrize("net", ["multi-step", "single-step", "spikes", "mixing"])
def test_predict_at_is_predict_on_the_first_frames(net: str, readout: str) -> None:
    spiking, x = of_time(FRAMES, net, readout=readout), samples(FRAMES)

    at = spiking.predict_at(x, TIMES, batch_size=4)

    for timesteps, logits in at.items():
        other = with_timesteps(spiking, timesteps, (timesteps, *FRAMES[1:]))
        assert np.array_equal(logits, other.predict(x[:, :timesteps]))
    assert np.array_equal(at[3], spiking.predict(x))


def test_predict_at_takes_frames_whose_time_is_folded_into_the_channels() -> None:
    module = SpikingModule(spiking_net(), 3, input_layout="N(TC)HW")
    folded = SpikingClassifier(module, nn.CrossEntropyLoss(), (6, 8, 8), K)
    x = samples(FRAMES)

    at, expected = folded.predict_at(x.reshape(len(x), 6, 8, 8), TIMES), toy(FRAMES).predict_at(x, TIMES)

    assert all(np.array_equal(at[t], expected[t]) for t in TIMES)


def test_predict_at_draws_the_spikes_of_the_poisson_code_in_order() -> None:
    spiking, x = of_time(IMAGES, "multi-step", encoding="poisson"), samples(IMAGES)

    at = spiking.predict_at(x, [*TIMES, 40])

    for timesteps, logits in at.items():
        assert np.array_equal(logits, with_timesteps(spiking, timesteps, IMAGES).predict(x))


def test_predict_at_runs_once_unless_the_network_mixes_time_steps() -> None:
    for net, passes in (("multi-step", [3]), ("single-step", [3]), ("mixing", [1, 3, 2])):
        spiking, lengths = of_time(FRAMES, net), []
        outputs_of = spiking.model._outputs_of
        spiking.model._outputs_of = lambda body, x, run=outputs_of, n=lengths: (n.append(x.shape[1]), run(body, x))[1]

        spiking.predict_at(samples(FRAMES), TIMES)

        assert lengths == passes


@pytest.mark.parametrize("kind", [ConvertedClassifier, HybridClassifier])
def test_predict_at_is_predict_of_a_conversion(kind, x) -> None:
    spiking = converted(kind, x)

    for timesteps, logits in spiking.predict_at(x, [9, 1, T], batch_size=5).items():
        assert np.array_equal(logits, converted(kind, x, timesteps=timesteps).predict(x))


def test_predict_at_asks_arts_own_class_as_well() -> None:
    stock, own, x = plain(FRAMES), toy(FRAMES), samples(FRAMES)

    at = predict_at(stock, x, TIMES)

    assert all(np.array_equal(at[t], own.predict_at(x, TIMES)[t]) for t in TIMES)


def test_predict_at_goes_through_the_defences_around_the_network() -> None:
    x, settings = samples(IMAGES), {"preprocessing": (0.5, 2.0), "postprocessing_defences": Rounded(decimals=1)}
    model = SpikingModule(spiking_net(), 3)
    spiking = SpikingClassifier(model, nn.CrossEntropyLoss(), IMAGES, K, **settings)

    assert np.array_equal(spiking.predict_at(x, [3])[3], spiking.predict(x))


@pytest.mark.parametrize(("timesteps", "shape"), [([4], FRAMES), ([1, 9], FRAMES)])
def test_predict_at_refuses_more_steps_than_frames(timesteps, shape) -> None:
    with pytest.raises(ValueError, match=r"^expected timesteps of at most the 3 time bins of the frames, got [49]$"):
        toy(shape).predict_at(samples(shape), timesteps)


def test_predict_at_refuses_a_classifier_without_time() -> None:
    with pytest.raises(TypeError, match=r"^expected a classifier around a SpikingModule, got one around Network$"):
        predict_at(make("ann"), X, [1])
