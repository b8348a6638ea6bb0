"""A network that writes into its input leaves the user's samples alone, and answers as one that does not."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from art.data_generators import NumpyDataGenerator
from spikingjelly.activation_based import functional, layer, neuron
from torch import Tensor, nn

from art_snn._random import host_seed
from art_snn.estimators.classification import AnnClassifier, SpikingClassifier, SpikingModule
from art_snn.typing import Array

SHAPE, T, K = (1, 4, 4), 3, 3
Y = np.arange(12) % K
Make = Callable[[bool], Any]


class Doubling(nn.Module):
    """Twice its input, or minus that where it is negative; in place, it makes more of it with each pass."""

    def __init__(self, inplace: bool) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, x: Tensor) -> Tensor:
        return x.mul_(2).abs_() if self.inplace else (x * 2).abs()


def ann(inplace: bool) -> AnnClassifier:
    with host_seed(0):
        net = nn.Sequential(Doubling(inplace), nn.Flatten(), nn.Linear(16, 8), nn.ReLU(inplace), nn.Linear(8, K))
    return AnnClassifier(net, nn.CrossEntropyLoss(), SHAPE, K)


def spiking(step_mode: str, **time: Any) -> Make:
    def make(inplace: bool) -> SpikingClassifier:
        with host_seed(0):
            weights = layer.Conv2d(1, 2, 3, padding=1), neuron.IFNode(), layer.Flatten(), layer.Linear(32, K)
        net = nn.Sequential(Doubling(inplace), *weights)
        functional.set_step_mode(net, step_mode)
        shape = SHAPE if "timesteps" in time else (T, *SHAPE)
        if time.get("input_layout") == "N(TC)HW":
            shape = (T, 4, 4)
        return SpikingClassifier(SpikingModule(net, **time), nn.CrossEntropyLoss(), shape, K)

    return make


MAKES: dict[str, Make] = {
    "an ANN": ann,
    "images, step by step": spiking("s", timesteps=T),
    "spikes of images": spiking("m", timesteps=T, encoding="poisson"),
    "frames": spiking("m"),
    "frames, step by step": spiking("s"),
    "folded frames": spiking("m", timesteps=T, input_layout="N(TC)HW"),
}
USES: dict[str, Callable[[Any, Array], Any]] = {
    "predict": lambda c, x: c.predict(x),
    "predict one by one": lambda c, x: c.predict(x, batch_size=1),
    "loss": lambda c, x: c.compute_loss(x, Y),
    "loss gradient": lambda c, x: c.loss_gradient(x, Y),
    "class gradient": lambda c, x: c.class_gradient(x),
    "activations": lambda c, x: c.get_activations(x, 0),
    "activations of a tensor": lambda c, x: c.get_activations(torch.from_numpy(x), 0, framework=True).detach().numpy(),
    "the model itself": lambda c, x: c.model(torch.from_numpy(x)).detach().numpy(),
    "fit": lambda c, x: c.fit(x, Y, nb_epochs=1, batch_size=12),
    "fit_generator": lambda c, x: c.fit_generator(NumpyDataGenerator(x, Y, 12), nb_epochs=1),
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("name", MAKES)
def test_a_network_that_writes_into_its_input_leaves_the_users_samples_alone(name: str, use: str) -> None:
    if (name, use) == ("an ANN", "the model itself"):
        pytest.skip("the model of an ANN is the user's own")
    answers = []
    for inplace in (True, False):
        classifier = MAKES[name](inplace)
        x = np.random.default_rng(0).random((12, *classifier.input_shape), np.float32)
        given = x.copy()

        answers.append([USES[use](classifier, given), classifier.predict(x)])

        assert np.array_equal(given, x)
    assert np.array_equal(answers[0][1], answers[1][1])
    assert use.startswith("fit") or np.array_equal(answers[0][0], answers[1][0])
