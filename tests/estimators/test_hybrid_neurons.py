"""The neurons of hybrid training: the gradient of spike timing against its formula, leak, state and dropout."""

import numpy as np
import pytest
import torch
from spikingjelly.activation_based import neuron, surrogate
from torch import nn

from art_snn.estimators.classification import HybridClassifier
from art_snn.models import vgg11
from art_snn.neurons.hybrid import HybridNode, LinearSlope, NamedSlope, SpikeTimingSlope, hybrid_factory
from tests.estimators.rules import K, N, T


def run(node: HybridNode, x: torch.Tensor) -> torch.Tensor:
    spikes = node(x)
    node.reset()
    return spikes


def slow_stdb(x: np.ndarray, wanted: np.ndarray, leak: float, alpha: float, beta: float) -> tuple[np.ndarray, ...]:
    """Spikes of each neuron, and the gradient of sum(wanted * spikes), in plain loops from the formulas."""
    spikes, gradient = np.zeros_like(x), np.zeros_like(x)
    for n in range(x.shape[1]):
        u, last, slope = 0.0, None, np.zeros(len(x))
        for t in range(len(x)):
            u = leak * u + x[t, n]
            slope[t] = 0.0 if last is None else alpha * np.exp(-beta * (t - last))
            if u >= 1:
                spikes[t, n], u, last = 1.0, u - 1, t
        for t in range(len(x)):
            gradient[t, n] = sum(wanted[s, n] * slope[s] * leak ** (s - t) for s in range(t, len(x)))
    return spikes, gradient


@pytest.mark.parametrize("leak", [1.0, 0.75])
@pytest.mark.parametrize(("alpha", "beta"), [(0.3, 0.01), (0.7, 0.5)])
def test_the_stdb_gradient_is_that_of_the_formula(leak, alpha, beta):
    rng = np.random.default_rng(0)
    drive, wanted = rng.random((30, 20)) * np.linspace(0, 1, 20), rng.normal(size=(30, 20))
    x = torch.tensor(drive, requires_grad=True)

    spikes = run(HybridNode(SpikeTimingSlope(alpha, beta), leak), x)
    (spikes * torch.tensor(wanted)).sum().backward()

    expected_spikes, expected_gradient = slow_stdb(drive, wanted, leak, alpha, beta)
    assert 0 < expected_spikes.mean() < 0.5
    assert np.array_equal(spikes.detach().numpy(), expected_spikes)
    assert x.grad.numpy() == pytest.approx(expected_gradient, abs=1e-12)


def test_a_neuron_that_never_spiked_has_no_stdb_gradient():
    x = torch.full((10, 2), 0.05, requires_grad=True)
    run(hybrid_factory("stdb")(), x).sum().backward()
    assert not x.grad.any()


def test_the_linear_slope_is_a_triangle():
    distance = torch.tensor([-2.0, -1.0, -0.5, 0.0, 0.5, 3.0])
    assert LinearSlope(0.3)(distance, 0.0).tolist() == pytest.approx([0, 0, 0.15, 0.3, 0.15, 0])


@pytest.mark.parametrize("name", ["atan", "sigmoid", "rectangular"])
def test_a_named_surrogate_gives_the_gradient_of_spikingjellys_node(name):
    slope = hybrid_factory(name)().slope
    reference = neuron.IFNode(v_reset=None, detach_reset=True, surrogate_function=slope.surrogate, step_mode="m")
    draws = torch.rand(8, 5, 7, generator=torch.Generator().manual_seed(0))
    gradients = []
    for node in (hybrid_factory(name)(), reference):
        x = draws.clone().requires_grad_(True)
        (run(node, x) * draws.flip(0)).sum().backward()
        gradients.append(x.grad)
    assert torch.allclose(*gradients, atol=1e-6)


def test_a_threshold_and_a_slope_count_in_units_of_the_threshold():
    draws = torch.rand(8, 5, generator=torch.Generator().manual_seed(0))
    gradients = []
    for scale in (1.0, 4.0):
        x = (scale * draws).requires_grad_(True)
        run(HybridNode(NamedSlope(surrogate.ATan()), v_threshold=scale), x).sum().backward()
        gradients.append(x.grad * scale)
    assert torch.allclose(*gradients, atol=1e-6)


def test_leaky_potentials_and_soft_reset_by_hand():
    node = HybridNode(LinearSlope(), leak=0.5)
    x = torch.tensor([[0.75], [0.75], [0.75], [2.0]])
    node.store_v_seq = True
    # h: 0.75, 1.125 (spike), 0.0625 + 0.75 = 0.8125, 0.40625 + 2 (spike)
    assert node(x).flatten().tolist() == [0, 1, 0, 1]
    assert node.v_seq.flatten().tolist() == [0.75, 0.125, 0.8125, 1.40625]


@pytest.mark.parametrize("name", ["stdb", "linear"])
def test_state_is_carried_from_one_piece_of_time_to_the_next(name):
    x = torch.rand(9, 6, generator=torch.Generator().manual_seed(0))
    node = hybrid_factory(name, leak=0.9)()
    whole, gradients = run(node, x), []
    pieces = torch.cat([node(x[:4]), node(x[4:])])
    node.step_mode = "s"
    node.reset()
    steps = torch.stack([node(step) for step in x])
    assert torch.equal(pieces, whole)
    assert torch.equal(steps, whole)
    assert whole.any()
    for split in (9, 4):
        node.step_mode = "m"
        node.reset()
        leaf = x.clone().requires_grad_(True)
        torch.cat([node(piece) for piece in leaf.split(split)]).sum().backward()
        gradients.append(leaf.grad)
    node.reset()
    assert torch.allclose(*gradients, atol=1e-6)


@pytest.mark.parametrize("leak", [1.0, 0.9])
def test_without_gradients_a_neuron_does_the_same(leak):
    x = torch.rand(9, 6, generator=torch.Generator().manual_seed(0)) * torch.linspace(0, 1, 6)
    x[5:] /= 10  # some neurons spike early and not again
    seen = []
    for grad in (True, False):
        node = hybrid_factory("stdb", leak=leak)()
        with torch.set_grad_enabled(grad):
            spikes = torch.cat([node(piece.clone().requires_grad_(grad)) for piece in (x[:4], x[4:])])
        seen.append((spikes, node.v, node.since))
    assert seen[0][0].any()
    assert seen[0][2].isinf().any()
    for one, other in zip(*seen, strict=True):
        assert torch.equal(one, other)


def test_a_neuron_without_leak_runs_fused_where_no_gradient_is_wanted(monkeypatch):
    monkeypatch.delattr("art_snn.neurons.hybrid._Integrate")  # what keeps slopes
    with torch.no_grad():
        assert hybrid_factory("stdb")()(torch.ones(3, 2)).all()


def test_the_gradient_of_a_neuron_can_be_differentiated():
    x = torch.rand(9, 6, generator=torch.Generator().manual_seed(0), requires_grad=True)
    weight = torch.ones(9, 6, requires_grad=True)
    (gradient,) = torch.autograd.grad((weight * run(hybrid_factory("linear")(), x)).sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(gradient.sum(), weight)
    assert second.any()


def test_a_dropout_mask_holds_for_all_time_steps(x):
    images = np.repeat(np.repeat(x, 4, 2), 4, 3)
    hybrid = HybridClassifier(vgg11(1, K, pool="avg", width=0.1), nn.CrossEntropyLoss(), images.shape[1:], K, T)
    dropout = hybrid.model.net.dropout1.train()
    with torch.random.fork_rng(devices=[]):
        kept = dropout(torch.ones(T, N, 51))
    dropout.reset()
    assert set(kept.unique().tolist()) == {0.0, 2.0}
    assert torch.equal(kept, kept[:1].expand_as(kept))
