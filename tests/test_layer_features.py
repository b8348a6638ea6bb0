"""The features of layers that detectors read."""

import numpy as np
import pytest
import torch
from art.estimators.classification import PyTorchClassifier
from torch import nn

from art_snn._random import host_seed
from art_snn.defences.detector import (
    SpikeSpectralDefence,
)
from art_snn.defences.detector._layer_features import Sketch, layer_features, root_direction
from art_snn.estimators.classification import rule_of
from tests.backdoored import SHAPE, K, trained
from tests.detecting import DATA, X_CLEAN


def test_a_sketch_keeps_distances_and_short_rows() -> None:
    rows = np.random.default_rng(0).standard_normal((20, 3000)).astype(np.float32)
    sketched = Sketch(500, seed=0)(rows)
    before, after = (np.linalg.norm(x[:, None] - x[None], axis=2)[np.triu_indices(20, 1)] for x in (rows, sketched))
    assert sketched.shape == (20, 500)
    assert sketched.dtype == np.float32
    assert after == pytest.approx(before, rel=0.2)
    assert np.array_equal(Sketch(3000, seed=0)(rows), rows)


def test_features_of_a_spiking_network_are_its_activations() -> None:
    classifier, x = trained("lif"), X_CLEAN[:10]
    found = layer_features(classifier, [x[:6], x[6:]], ["net.act3"], "counts", Sketch(10**6, 0))
    assert np.array_equal(found["net.act3"], classifier.get_activations(x, "net.act3", reduction="sum"))


class Twice(nn.Module):
    """One rectifier, called twice, in place."""

    def __init__(self) -> None:
        super().__init__()
        self.act = nn.ReLU(inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.act(1 - self.act(x.flatten(1)))


def test_each_call_of_a_rectifier_is_a_layer_with_its_input() -> None:
    classifier = PyTorchClassifier(Twice(), nn.CrossEntropyLoss(), (1, 1, 3), 3)
    x = np.array([[[[-2.0, 0.5, 3.0]]]], np.float32)
    with host_seed(0):
        assert rule_of(classifier).feature_layers() == ["act", "act:2"]
        outputs = layer_features(classifier, [x], ["act", "act:2"], "counts", Sketch(9, 0))
        inputs = layer_features(classifier, [x], ["act", "act:2"], "voltages", Sketch(9, 0))
    assert outputs["act"].tolist() == [[0.0, 0.5, 3.0]]
    assert outputs["act:2"].tolist() == [[1.0, 0.5, 0.0]]
    assert inputs["act"].tolist() == [[-2.0, 0.5, 3.0]]
    assert inputs["act:2"].tolist() == [[1.0, 0.5, -2.0]]


def test_a_network_without_activations_must_be_told_its_layers() -> None:
    with host_seed(0):
        net = nn.Sequential(nn.Flatten(), nn.Linear(64, K))
    classifier = PyTorchClassifier(net, nn.CrossEntropyLoss(), SHAPE, K)
    with pytest.raises(ValueError, match="got none: name its layers"):
        SpikeSpectralDefence(classifier, *DATA).scores()
    assert SpikeSpectralDefence(classifier, *DATA, layer="1", feature="counts").scores().any()


def test_samples_are_compared_by_the_shares_of_their_pixels() -> None:
    x = np.zeros((4, 1, 8, 8), np.float32)
    x[0, 0, 0], x[1, 0, 0], x[2, 0, 4], x[3, 0, 0, 0] = 0.1, 1.0, 0.1, -4.0
    rows = root_direction(x)
    assert rows[0] == pytest.approx(rows[1])  # brighter
    assert np.linalg.norm(rows[0] - rows[2]) == pytest.approx(2**0.5)
    assert rows[3, 0] == -1
    assert not root_direction(0 * x).any()
