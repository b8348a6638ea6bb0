"""Copies, pickles, clones and resets of a classifier."""

import copy
import io
import os
import pickle
from collections.abc import Callable

import numpy as np
import pytest
import torch
from spikingjelly.activation_based import neuron

from tests.estimators.toys import Y, classifier, plain, samples, spiking_net

USES = {
    "nothing": lambda spiking, x: None,
    "fit": lambda spiking, x: spiking.fit(x, Y, nb_epochs=1),
    "gradient": lambda spiking, x: spiking.loss_gradient(x, Y),
    "activations": lambda spiking, x: spiking.get_activations(x, 0, framework=True),
}


@pytest.fixture
def art_files(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """What lies in ART's data folder."""
    monkeypatch.setattr("art.config.ART_DATA_PATH", str(tmp_path))
    return lambda: os.listdir(str(tmp_path))


@pytest.mark.parametrize("use", USES)
def test_copies_answer_alike_and_leave_no_files(use: str, art_files: Callable[[], list[str]]) -> None:
    spiking, x = classifier(), samples()
    USES[use](spiking, x)
    expected = spiking.predict(x)
    for double in (copy.deepcopy(spiking), pickle.load(io.BytesIO(pickle.dumps(spiking)))):  # noqa: S301 - our own
        assert np.array_equal(double.predict(x), expected)
        double.fit(x, Y, nb_epochs=1)
        assert not np.array_equal(double.predict(x), expected)
        assert np.array_equal(spiking.predict(x), expected)
    assert art_files() == []


def test_arts_own_class_cannot_be_copied_after_activations(art_files: Callable[[], list[str]]) -> None:
    stock = plain()
    copy.deepcopy(stock)
    assert len(art_files()) == 2
    stock.get_activations(samples(), 0, framework=True)
    with pytest.raises(RuntimeError):
        copy.deepcopy(stock)


@pytest.mark.parametrize("optimizer", [torch.optim.Adam, torch.optim.AdamW, torch.optim.SGD])
def test_clones_start_afresh_with_the_same_optimizer(optimizer: type[torch.optim.Optimizer]) -> None:
    spiking, x = classifier(), samples()
    parameters = list(spiking.model.parameters())
    groups = [{"params": parameters[:2]}, {"params": parameters[2:], "lr": 0.5}]
    spiking._optimizer = optimizer(groups, lr=0.25)
    spiking.fit(x, Y, nb_epochs=1)
    trained = spiking.predict(x)
    clone = spiking.clone_for_refitting()
    assert type(clone.optimizer) is optimizer
    assert [group["lr"] for group in clone.optimizer.param_groups] == [0.25, 0.5]
    assert not clone.optimizer.state
    assert {id(p) for group in clone.optimizer.param_groups for p in group["params"]} == {
        id(p) for p in clone.model.parameters()
    }
    assert not np.array_equal(clone.predict(x), trained)
    clone.fit(x, Y, nb_epochs=1)
    assert np.array_equal(spiking.predict(x), trained)


def test_arts_own_class_cannot_clone_with_adamw() -> None:
    stock = plain()
    stock._optimizer = torch.optim.AdamW(stock.model.parameters())
    with pytest.raises(TypeError, match="decoupled_weight_decay"):
        stock.clone_for_refitting()


def test_reset_brings_back_the_leak_of_parametric_neurons() -> None:
    net = spiking_net()
    net[4] = neuron.ParametricLIFNode(step_mode="m")
    spiking = classifier(net=net)
    start = net[4].w.item()
    with torch.no_grad():
        net[4].w += 1
    clone = spiking.clone_for_refitting()
    assert clone.model.net[4].w.item() == start
    assert net[4].w.item() == start + 1
