"""Numbers of time steps that are none, and many steps in pieces of time."""

import numpy as np
import pytest
from torch import nn

from art_snn.estimators.classification import ConvertedClassifier
from art_snn.models import small_cnn
from art_snn.neurons import keeps_time_apart
from tests.estimators.rules import BOTH, K, converted


def test_predict_at_accepts_no_samples(x):
    assert converted(ConvertedClassifier, x).predict_at(x[:0], [2])[2].shape == (0, K)


@pytest.mark.parametrize("timesteps", [[], [0], [2.5]])
def test_predict_at_rejects_what_is_no_number_of_steps(timesteps, x):
    with pytest.raises((ValueError, TypeError), match="expected timesteps to be"):
        converted(ConvertedClassifier, x).predict_at(x, timesteps)


@BOTH
def test_many_steps_run_in_pieces_of_time(kind):
    """What a layer holds at once stays below a bound that the number of steps does not enter."""
    images = np.random.default_rng(0).random((64, 3, 32, 32), dtype=np.float32)
    spiking = kind(small_cnn(3, K, pool="avg", width=0.1), nn.CrossEntropyLoss(), images.shape[1:], K, 40)
    held = []
    spiking.model.net.act1.register_forward_hook(lambda _, inputs, output: held.append(len(output) * output.shape[1]))

    assert keeps_time_apart(spiking.model.net)
    spiking.predict_at(images, [40])

    assert sum(held) == 40 * 64
    assert max(held) <= 40 * 64 / 8
