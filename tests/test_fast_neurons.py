"""The fast nodes are spikingjelly's, spike for spike and gradient for gradient."""

import copy
import itertools

import pytest
import torch
from spikingjelly.activation_based import functional, monitor, surrogate
from spikingjelly.activation_based import neuron as sj_neuron

from art_snn.acceleration import constant_sequence, fused
from art_snn.acceleration import fused_nodes as fast
from art_snn.neurons import FastIF, FastLIF, accelerate

NODES = {
    "if": (sj_neuron.IFNode, {}),
    "lif": (sj_neuron.LIFNode, {"tau": 2.0}),
    "lif, whole input": (sj_neuron.LIFNode, {"tau": 2.0, "decay_input": False}),
    "lif, tau 1.5": (sj_neuron.LIFNode, {"tau": 1.5}),
    "lif, tau 1.5, whole input": (sj_neuron.LIFNode, {"tau": 1.5, "decay_input": False}),
}
SURROGATES = [surrogate.ATan, surrogate.Sigmoid, surrogate.PiecewiseQuadratic, surrogate.Erf, surrogate.Rect]
RESETS = [0.0, -0.3, None]
SETTINGS = list(itertools.product(NODES, RESETS, [True, False], SURROGATES))
IDS = [f"{n}, reset {r}, {'detached' if d else 'attached'}, {s.__name__}" for n, r, d, s in SETTINGS]


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    monkeypatch.setattr(fused, "_PIECE", 37)  # so that a small layer is several pieces, the last one shorter


def pair(name, v_reset=0.0, detach_reset=False, surrogate_type=surrogate.ATan, **settings):
    """A node of spikingjelly's and its fast equal."""
    node, own = NODES[name]
    options = {"v_reset": v_reset, "detach_reset": detach_reset, "step_mode": "m", **own, **settings}
    reference = node(surrogate_function=surrogate_type(), **options)
    return reference, accelerate(copy.deepcopy(reference))


def random(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def currents(*shape):
    """Input that makes every kind of neuron spike, and not always."""
    return 0.6 + 1.5 * random(*shape)


def run(node, x, lengths=(6,)):
    """Spikes over time and last potential, in pieces of time; x of one time step is repeated."""
    repeat = (
        constant_sequence if isinstance(node, fast._Fast) else lambda step, length: step.expand(length, *step.shape[1:])
    )
    parts = x.split(lengths) if len(x) > 1 else [repeat(x, length) for length in lengths]
    spikes = torch.cat([node(part) for part in parts])
    return spikes, node.v


def relative_error(actual, expected):
    return ((actual - expected).norm() / expected.norm()).item()


@pytest.mark.parametrize("lengths", [(6,), (4, 2)], ids=["whole", "chunked"])
@pytest.mark.parametrize("input_steps", [6, 1], ids=["sequence", "static"])
@pytest.mark.parametrize("settings", SETTINGS, ids=IDS)
def test_spikes_are_spikingjellys_to_the_bit_and_gradients_too(settings, input_steps, lengths):
    x = currents(input_steps, 3, 5, 7)
    weights, v_weights = random(6, 3, 5, 7, seed=1), random(3, 5, 7, seed=2)
    outcomes = []
    for node in pair(*settings):
        leaf = x.clone().requires_grad_()
        spikes, v = run(node, leaf, lengths)
        ((spikes * weights).sum() + (v * v_weights).sum()).backward()
        outcomes.append((spikes, v, leaf.grad))

    (spikes, v, grad), (fast_spikes, fast_v, fast_grad) = outcomes
    assert 0.1 < spikes.mean() < 0.9
    assert torch.equal(fast_spikes, spikes)
    assert torch.equal(fast_v, v)
    assert relative_error(fast_grad, grad) < 1e-5  # other order of summation


@pytest.mark.parametrize("v_reset", RESETS)
@pytest.mark.parametrize("name", NODES)
def test_without_gradients_the_spikes_are_the_same(name, v_reset):
    _, node = pair(name, v_reset)
    x = currents(6, 3, 5, 7)
    with_graph, v_with_graph = run(node, x.requires_grad_())
    node.reset()

    with torch.no_grad():
        spikes, v = run(node, x, (1, 5))

    assert torch.equal(spikes, with_graph)
    assert torch.equal(v, v_with_graph)


def plain_equations(node, x):
    """The equations in torch's own operations, step by step."""
    v, spikes = torch.full_like(x[0], node.v_reset or 0.0), []
    for x_t in x:
        leak = 0.0 if isinstance(node, sj_neuron.IFNode) else (v - (node.v_reset or 0.0)) / node.tau
        whole_input = isinstance(node, sj_neuron.IFNode) or not node.decay_input
        h = v - leak + (x_t if whole_input else x_t / node.tau)
        s = node.surrogate_function(h - node.v_threshold)
        s_reset = s.detach() if node.detach_reset else s
        v = h - s_reset * node.v_threshold if node.v_reset is None else s_reset * node.v_reset + (1 - s_reset) * h
        spikes.append(s)
    return torch.stack(spikes), v


@pytest.mark.parametrize("settings", SETTINGS, ids=IDS)
def test_second_derivatives_are_those_of_the_plain_equations(settings):
    _, node = pair(*settings)
    x, weights = currents(6, 3, 35), random(6, 3, 35, seed=1)
    outcomes = []
    for forward in (plain_equations, run):
        leaf = x.clone().requires_grad_()
        spikes, v = forward(node, leaf)
        (grad,) = torch.autograd.grad((spikes * weights).sum() + v.square().sum(), leaf, create_graph=True)
        (second,) = torch.autograd.grad(grad.square().sum() + (grad * spikes).sum(), leaf)
        outcomes.append((spikes, grad, second))

    (spikes, grad, second), (fast_spikes, fast_grad, fast_second) = outcomes
    assert torch.equal(fast_spikes, spikes)
    assert relative_error(fast_grad, grad) < 1e-5
    assert relative_error(fast_second, second) < 1e-5


def test_second_derivatives_by_a_static_input_are_those_by_its_repetition():
    _, node = pair("lif")
    leaf = currents(1, 3, 35).requires_grad_()
    outcomes = []
    for sequence in (constant_sequence(leaf, 6), leaf.expand(6, -1, -1)):
        (grad,) = torch.autograd.grad(node(sequence).square().sum(), leaf, create_graph=True)
        (second,) = torch.autograd.grad(grad.square().sum(), leaf)
        outcomes.append(second)
        node.reset()

    assert relative_error(*outcomes) < 1e-5


def test_a_loss_on_the_potential_alone_has_its_gradient():
    grads = []
    for node in pair("lif"):
        leaf = currents(6, 3, 35).requires_grad_()
        node(leaf)
        node.v.square().sum().backward()
        grads.append(leaf.grad)

    assert relative_error(*grads) < 1e-5


def test_a_trace_by_hand():
    node = FastLIF(tau=2.0, step_mode="m")  # h = (v + x)/2; a spike from 1 on; then back to 0

    spikes = node(torch.tensor([1.0, 1.5, 1.0, 0.5]).reshape(4, 1, 1))

    assert spikes.flatten().tolist() == [0, 1, 0, 0]  # h = 0.5, 1, 0.5, 0.5
    assert node.v.item() == 0.5


@pytest.mark.parametrize("name", ["if", "lif"])
@pytest.mark.parametrize(
    ("change", "dtype"),
    [
        (lambda node: None, torch.float64),
        (lambda node: setattr(node, "store_v_seq", True), torch.float32),
        (lambda node: setattr(node, "v_threshold", torch.tensor(0.8)), torch.float32),
        (lambda node: setattr(node, "surrogate_function", surrogate.SoftSign()), torch.float32),
        (lambda node: node.surrogate_function.set_spiking_mode(False), torch.float32),
    ],
    ids=["float64", "v_seq", "threshold to learn", "other surrogate", "not spiking"],
)
def test_beyond_its_settings_a_fast_node_steps_aside(name, change, dtype, monkeypatch):
    reference, node = pair(name)
    change(reference), change(node)
    monkeypatch.setattr(fast, "integrate", None)  # to call either would be an error
    monkeypatch.setattr(fast, "Neurons", None)
    x = currents(6, 3, 35).to(dtype).requires_grad_()

    spikes, expected = node(x), reference(x)

    assert torch.equal(spikes, expected)
    assert spikes.requires_grad
    if reference.store_v_seq:
        assert torch.equal(node.v_seq, reference.v_seq)


def test_a_fast_node_in_single_step_mode_is_spikingjellys():
    reference, node = pair("lif")
    functional.set_step_mode(node, "s")

    spikes = [node(x) for x in currents(6, 3, 35)]

    assert torch.equal(torch.stack(spikes), reference(currents(6, 3, 35)))


def test_another_batch_size_starts_from_rest():
    reference, node = pair("lif")
    for n in (3, 5):
        assert torch.equal(node(currents(6, n, 35)), reference(currents(6, n, 35)))


def test_an_empty_batch_has_no_spikes():
    _, node = pair("lif")
    x = torch.zeros(6, 0, 35, requires_grad=True)

    spikes = node(x)
    spikes.sum().backward()

    assert spikes.shape == x.grad.shape == (6, 0, 35)


@pytest.mark.parametrize("layout", ["transposed", "channels last"])
def test_any_layout_in_memory_will_do(layout):
    reference, node = pair("lif")
    x = currents(3, 6, 4, 5).transpose(0, 1) if layout == "transposed" else currents(6, 5, 4, 3).permute(0, 3, 2, 1)
    leaf, fast_leaf = (x.clone(memory_format=torch.preserve_format).requires_grad_() for _ in range(2))
    weights = random(*x.shape, seed=1)

    (reference(leaf) * weights).sum().backward()
    (node(fast_leaf) * weights).sum().backward()

    assert not fast_leaf.is_contiguous()
    assert relative_error(fast_leaf.grad, leaf.grad) < 1e-5


def test_spikes_may_be_changed_in_place():
    reference, node = pair("lif", detach_reset=True)
    x = currents(6, 3, 35)
    leaf, fast_leaf = x.clone().requires_grad_(), x.clone().requires_grad_()

    (reference(leaf) * 1).add_(leaf).square().sum().backward()
    node(fast_leaf).add_(fast_leaf).square().sum().backward()

    assert relative_error(fast_leaf.grad, leaf.grad) < 1e-5


def test_truncated_backpropagation_stops_where_the_state_is_detached():
    grads = []
    for node in pair("lif"):
        leaf = currents(6, 3, 35).requires_grad_()
        node(leaf[:4])
        functional.detach_net(node)
        node(leaf[4:]).sum().backward()
        grads.append(leaf.grad)

    assert (grads[1][:4] == 0).all()
    assert relative_error(grads[1], grads[0]) < 1e-5


def test_only_the_charged_potential_is_kept_for_the_backward_pass():
    _, node = pair("lif")
    kept = []
    x = currents(6, 3, 35).requires_grad_()

    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: kept.append(tensor.shape), lambda kept: kept):
        node(x)

    assert kept == [x.shape]


def test_a_monitor_records_fast_nodes_as_it_does_spikingjellys():
    reference, node = pair("lif")
    records = []
    for net in (reference, node):
        with monitor.OutputMonitor(net, sj_neuron.LIFNode) as outputs:
            net(currents(6, 3, 35))
            records.append(outputs.records[0])

    assert torch.equal(*records)


@pytest.mark.parametrize("node", [FastIF, FastLIF])
def test_a_fast_node_is_a_node_of_spikingjellys_to_all_who_ask(node):
    base = node.__bases__[-1]

    assert issubclass(node, base)
    assert repr(node()) == repr(base())
    assert copy.deepcopy(node())(torch.ones(1)).item() == base()(torch.ones(1)).item()
