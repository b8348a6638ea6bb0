"""An accelerated network is the same network: same outputs, gradients and statistics, whatever its `forward` does."""

import copy
import pickle

import pytest
import torch
import torch.nn.functional as F
from spikingjelly.activation_based import functional, layer, neuron
from torch import nn

from art_snn.acceleration import constant_sequence
from art_snn.estimators.classification import SpikingModule
from art_snn.models import resnet18, small_cnn
from art_snn.neurons import FastIF, FastLIF, accelerate, keeps_time_apart, neuron_factory

T = 4
lif = neuron_factory("lif", detach_reset=False)


def random(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def seeded(build):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = build()
        functional.set_step_mode(net, "m")
        return net


def outcome(net, x, *, seed=0):
    """Output, gradients and buffers of a pass over x at T time steps."""
    x = x.clone().requires_grad_()
    with torch.random.fork_rng():
        torch.manual_seed(seed)  # dropout
        output = net(constant_sequence(x[None], T))
    output.float().square().sum().backward()
    return output, x.grad, *(p.grad for p in net.parameters() if p.grad is not None), *net.buffers()


def assert_same(net, x):
    """`net` as it is and accelerated agree, twice in a row."""
    fast = accelerate(copy.deepcopy(net))
    for seed in (0, 1):
        expected, actual = outcome(net, x, seed=seed), outcome(fast, x, seed=seed)
        for a, b in zip(actual, expected, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-5, atol=max(1e-6, 1e-5 * b.detach().abs().max().item()))
        functional.reset_net(net), functional.reset_net(fast)
    assert expected[0].count_nonzero() > 0


class Forward(nn.Module):
    """Two convolutions and a neuron, put together in a way of its own."""

    def __init__(self, how):
        super().__init__()
        self.a, self.b = layer.Conv2d(3, 8, 3, padding=1, bias=False), layer.Conv2d(3, 8, 1, bias=False)
        self.norm, self.neuron, self.last = layer.BatchNorm2d(8), lif(), layer.Conv2d(8, 3, 1)
        self.time = nn.Parameter(torch.linspace(-1, 1, T).reshape(T, 1, 1, 1, 1))
        self.how = how

    def forward(self, x):
        return self.how(self, x)


FORWARDS = {
    "usual": lambda net, x: net.neuron(net.norm(net.a(x))),
    "residual of two that hold still": lambda net, x: net.neuron(net.norm(net.a(x)) + net.b(x)),
    "residual of spikes and what holds still": lambda net, x: net.neuron(net.last(net.neuron(net.a(x))) + x)[:, :, :3],
    "channels side by side": lambda net, x: net.last(torch.cat([net.neuron(net.a(x)), net.b(x)], dim=2)[:, :, ::2]),
    "a sequence twice as long": lambda net, x: net.neuron(torch.cat([net.a(x), net.b(x)])),
    "a shape that is read": lambda net, x: net.neuron(net.a(x) * len(x) / x.shape[0] * x.size(0)),
    "a step of its own": lambda net, x: net.neuron(net.a(x) + net.time),
    "steps by number": lambda net, x: net.neuron(torch.stack([t * step for t, step in enumerate(net.a(x))])),
    "a mean over time": lambda net, x: net.neuron(net.a(x) - net.b(x).mean(0)),
    "one step only": lambda net, x: net.neuron(net.a(x)[:1].expand(T, -1, -1, -1, -1)),
    "time folded away": lambda net, x: net.neuron(F.relu(net.a(x).flatten(0, 1)).unflatten(0, (T, -1))),
    "no neuron": lambda net, x: net.last(net.norm(net.a(x))),
    "a neuron twice": lambda net, x: net.neuron(net.a(x)) + net.neuron(net.b(x)),
    "a norm twice": lambda net, x: net.neuron(net.norm(net.a(x)) + net.norm(net.b(x))),
    "what holds still after spikes": lambda net, x: net.last(net.neuron(net.a(x))) + net.norm(net.b(x)).sum(2, True),
    "spikes changed in place": lambda net, x: net.neuron(net.a(x)).add_(net.b(x)),
    "a recurrent loop": lambda net, x: torch.stack([net.neuron(s[None])[0] for s in net.a(x)]),
}


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@pytest.mark.parametrize("how", FORWARDS)
def test_whatever_a_forward_does_the_outcome_is_the_same(how, training):
    net = seeded(lambda: Forward(FORWARDS[how])).train(training)

    assert_same(net, 2 * random(2, 3, 5, 5))


class First(nn.Module):
    def forward(self, pair):
        return pair[0]


LAYERS = {
    "mlp": lambda: nn.Sequential(
        layer.Flatten(), layer.Linear(48, 8, bias=False), layer.BatchNorm1d(8), lif(), layer.Linear(8, 2)
    ),
    "dropout": lambda: nn.Sequential(layer.Dropout(0.4), layer.Conv2d(3, 8, 3), lif(), layer.Flatten()),
    "pools": lambda: nn.Sequential(
        layer.Conv2d(3, 8, 1),
        layer.AvgPool2d(2),
        layer.MaxPool2d(2),
        layer.AdaptiveAvgPool2d(1),
        lif(),
        layer.MaxPool2d(1),
    ),
    "cumulative norm": lambda: nn.Sequential(
        layer.Conv2d(3, 8, 3, bias=False), layer.BatchNorm2d(8, momentum=None), lif()
    ),
    "norm without memory": lambda: nn.Sequential(
        layer.Conv2d(3, 8, 3, bias=False), layer.BatchNorm2d(8, track_running_stats=False), lif()
    ),
    "1-d": lambda: nn.Sequential(nn.Flatten(3), layer.Conv1d(3, 8, 3), lif()),
    "torch's own in a container": lambda: nn.Sequential(
        layer.SeqToANNContainer(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.Dropout(0.3)), lif()
    ),
    "places of maxima": lambda: nn.Sequential(
        layer.MaxPool2d(2, return_indices=True), First(), layer.Conv2d(3, 8, 1), lif()
    ),
    "changed in place": lambda: nn.Sequential(
        layer.Conv2d(3, 8, 3), nn.ReLU(inplace=True), layer.BatchNorm2d(8), lif()
    ),
    "a memory before the neuron": lambda: nn.Sequential(layer.SynapseFilter(tau=3.0), layer.Conv2d(3, 8, 3), lif()),
}


@pytest.mark.parametrize("name", LAYERS)
def test_whatever_a_network_is_made_of_the_outcome_is_the_same(name):
    net = seeded(LAYERS[name])

    assert_same(net, 2 * random(3, 3, 4, 4))


def test_a_norm_of_a_single_value_has_no_variance_and_is_no_error():
    net = seeded(lambda: nn.Sequential(layer.Flatten(), layer.Linear(48, 8), layer.BatchNorm1d(8), lif()))
    fast = accelerate(copy.deepcopy(net))
    x = constant_sequence(random(1, 1, 3, 4, 4), T)

    torch.testing.assert_close(fast(x), net(x))
    torch.testing.assert_close(fast[2].running_var, net[2].running_var)


@pytest.mark.parametrize("x", [random(T, 6, 3, 8, 8), random(1, 6, 3, 8, 8)], ids=["frames", "static"])
def test_a_training_runs_along_the_same_path(x):
    labels = torch.arange(6) % 3
    losses = {}
    for name in ("raw", "fast"):
        net = small_cnn(3, 3, neuron="lif", width=0.5)
        sequence = x.expand(T, -1, -1, -1, -1)
        if name == "fast":
            accelerate(net)
            sequence = constant_sequence(x, T) if len(x) == 1 else x
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
        losses[name] = []
        for _ in range(25):
            loss = F.cross_entropy(net(sequence).mean(0), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            functional.reset_net(net)
            losses[name].append(loss.item())

    assert losses["raw"][-1] < 0.95 * losses["raw"][0]
    assert losses["fast"] == pytest.approx(losses["raw"], rel=1e-5)  # the order of summation


@pytest.mark.parametrize("build", [small_cnn, resnet18])
def test_in_pieces_of_time_a_network_in_evaluation_mode_is_the_same(build):
    net = accelerate(build(3, 3, neuron="lif", width=0.25)).eval()
    x = 3 * random(1, 2, 3, 8, 8)

    with torch.no_grad():
        whole = net(constant_sequence(x, 5))
        functional.reset_net(net)
        pieces = [net(constant_sequence(x, length)) for length in (2, 1, 2)]

    assert keeps_time_apart(net)
    torch.testing.assert_close(torch.cat(pieces), whole, rtol=1e-6, atol=1e-6)


def sizes_seen(monkeypatch, module_type):
    """The lengths of the sequences that layers of a type compute."""
    sizes, original = [], module_type.forward

    def forward(self, x):
        sizes.append(len(x))
        return original(self, x)

    monkeypatch.setattr(module_type, "forward", forward)
    return sizes


def test_what_holds_still_is_computed_once(monkeypatch):
    net = accelerate(small_cnn(3, 3, neuron="lif"))
    sizes = sizes_seen(monkeypatch, layer.Conv2d), sizes_seen(monkeypatch, layer.BatchNorm2d)

    net(constant_sequence(random(1, 2, 3, 8, 8), T))

    assert sizes == ([1, T], [1, T])  # before and after the first spikes


@pytest.mark.parametrize("kind", ["register_forward_hook", "register_forward_pre_hook"])
def test_a_hook_sees_all_time_steps_and_can_ask_for_their_gradients(kind):
    net = small_cnn(3, 3, neuron="lif")
    grads = []
    for candidate in (net, accelerate(copy.deepcopy(net))):
        seen = []
        getattr(candidate.norm1, kind)(lambda *args, seen=seen: seen.append(args[-1]))
        output = candidate(constant_sequence(random(1, 2, 3, 8, 8).requires_grad_(), T)).square().sum()
        grads += torch.autograd.grad(output, seen[0])

    assert len(grads[0]) == T
    torch.testing.assert_close(grads[1], grads[0], rtol=1e-5, atol=1e-7)


def test_a_gradient_retained_outside_of_hooks_has_all_time_steps():
    grads = []
    for change in (nn.Module.train, accelerate):
        norm, node = change(seeded(lambda: layer.BatchNorm2d(3))), change(lif())
        activation = norm(constant_sequence(random(1, 2, 3, 5, 5).requires_grad_(), T))
        activation.retain_grad()
        node(activation).square().sum().backward()
        grads.append(activation.grad)

    torch.testing.assert_close(grads[1], grads[0], rtol=1e-5, atol=1e-7)


def test_a_network_that_writes_into_one_step_of_what_holds_still_is_refused():
    def write(net, x):
        current = net.a(x)
        current[0] = 0
        return net.neuron(current)

    net = accelerate(seeded(lambda: Forward(write)))

    with torch.no_grad(), pytest.raises(RuntimeError, match="does not write into its activations"):
        net(constant_sequence(random(1, 2, 3, 5, 5), T))


def test_inference_mode_will_do():
    net = accelerate(small_cnn(3, 3, neuron="lif")).eval()
    with torch.inference_mode():
        assert not net(constant_sequence(random(1, 2, 3, 8, 8), T)).requires_grad


def test_accelerating_changes_nothing_that_one_can_ask_for():
    net = small_cnn(3, 3, neuron="lif")
    before = copy.deepcopy(net)
    modules = [id(module) for module in net.modules()]

    assert accelerate(accelerate(net)) is net

    assert [id(module) for module in net.modules()] == modules
    assert repr(net) == repr(before)
    assert net.state_dict().keys() == before.state_dict().keys()
    assert type(net.act1) is FastLIF
    for module, original in zip(net.modules(), before.modules(), strict=True):
        assert isinstance(module, type(original))


def test_an_accelerated_network_can_be_copied_and_pickled():
    net = accelerate(small_cnn(3, 3, neuron="lif", pool="avg"))

    duplicate = copy.deepcopy(net)

    assert [type(module) for module in duplicate.modules()] == [type(module) for module in net.modules()]
    assert pickle.dumps(net)


def test_a_subclass_of_the_users_keeps_its_class():
    class Own(neuron.LIFNode):
        pass

    class OwnConv(layer.Conv2d):
        pass

    net = accelerate(
        seeded(lambda: nn.Sequential(OwnConv(3, 8, 3), Own(), neuron.IFNode(), neuron.ParametricLIFNode()))
    )

    assert [type(module) for module in net] == [OwnConv, Own, FastIF, neuron.ParametricLIFNode]


def test_an_accelerated_network_is_reset_as_a_whole():
    net = small_cnn(3, 3, neuron="if")
    functional.reset_net(net)  # fills spikingjelly's list of what to reset
    accelerate(net)
    net(random(T, 2, 3, 8, 8))

    functional.reset_net(net)

    assert (net.act1.v, net.act2.v, net.act3.v) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("grad", [False, True])
@pytest.mark.parametrize("nested", [False, True])
def test_a_linear_tail_runs_once_on_the_mean_unless_it_is_watched(nested, grad, monkeypatch):
    net = seeded(lambda: nn.Sequential(layer.Conv2d(3, 4, 3), lif(), layer.Flatten(), layer.Linear(4 * 6 * 6, 5)))
    net = nn.Sequential(net[:2], net[2:]) if nested else net
    module, x = SpikingModule(net, T).eval(), random(2, 3, 8, 8)
    seen, linear = [], F.linear
    monkeypatch.setattr(F, "linear", lambda x, *weights: seen.append(x.ndim) or linear(x, *weights))

    with torch.set_grad_enabled(grad):
        once = module(x)
        expected = torch.cat(list(module.outputs(x))).mean(0)
        list(module.modules())[-1].register_forward_hook(lambda *_: None)
        watched = module(x)

    assert seen == [2, 3, 3]  # (N, K), and with an axis of time
    torch.testing.assert_close(once, expected)
    torch.testing.assert_close(watched, expected)


def test_a_layer_that_occurs_twice_runs_twice_before_the_tail():
    def build():
        shared = layer.Linear(6, 6)
        shared.weight.data *= 5  # loud enough to spike
        return nn.Sequential(layer.Flatten(), shared, lif(), shared, lif(), layer.Linear(6, 5))

    module, x = SpikingModule(seeded(build), T).eval(), 9 * random(2, 6, 1, 1)

    torch.testing.assert_close(module(x), torch.cat(list(module.outputs(x))).mean(0))
    assert module(x).std(0).max() > 0


@pytest.mark.parametrize("side", [(8, 8), (7, 8), (8, 6)])
@pytest.mark.parametrize("nan", [False, True])
@pytest.mark.parametrize(
    "settings", [{}, {"stride": 1}, {"stride": (2, 2)}, {"ceil_mode": True}, {"padding": 1}, {"dilation": 2}], ids=str
)
def test_a_maximum_pool_and_its_gradients_of_any_order_are_torchs(settings, nan, side):
    pool = layer.MaxPool2d(2, **settings, step_mode="m")
    x = (random(3, 2, 5, *side) > 0.5).float() * random(3, 2, 5, *side, seed=1).round(decimals=1)  # with many ties
    x[0, 0, 0, :2, 0] = torch.nan if nan else 1

    def gradients(pool):
        given = x.clone().requires_grad_()
        output = pool(given)
        (first,) = torch.autograd.grad((output**2).sum(), given, retain_graph=True)
        (same,) = torch.autograd.grad((output**2).sum(), given, create_graph=True)
        (second,) = torch.autograd.grad((same**2).sum(), given)
        return [array.detach().nan_to_num(7) for array in (output, first, same, second)]

    fast = accelerate(copy.deepcopy(pool))
    for ours, expected in zip(gradients(fast), gradients(pool), strict=True):
        torch.testing.assert_close(ours, expected, rtol=1e-6, atol=0)
    assert torch.equal(fast(x).nan_to_num(7), pool(x).nan_to_num(7))  # without gradients


@pytest.mark.parametrize(
    ("net", "expected"),
    [
        (nn.Sequential(layer.Conv2d(3, 8, 3), neuron.LIFNode(), layer.Flatten()), True),
        (accelerate(nn.Sequential(layer.Linear(3, 8), neuron.IFNode())), True),
        (nn.Sequential(layer.Conv2d(3, 8, 3), layer.TemporalWiseAttention(T=4, reduction=2)), False),
        (nn.Sequential(layer.Conv2d(3, 8, 3), layer.Delay(1)), False),
        (Forward(FORWARDS["usual"]), False),  # nobody knows what it does
        (nn.Sequential(nn.Sequential(layer.Linear(3, 8), nn.Conv2d(3, 8, 3))), False),
    ],
    ids=["layers", "accelerated", "attention over time", "delay", "a forward of its own", "one unknown layer"],
)
def test_only_what_is_known_to_keep_time_apart_does(net, expected):
    assert keeps_time_apart(net) is expected


def test_a_module_may_promise_that_it_keeps_time_apart():
    net = seeded(lambda: Forward(FORWARDS["usual"]))
    net.keeps_time_apart = True

    assert keeps_time_apart(net)
    net.a = layer.Delay(1)
    assert not keeps_time_apart(net)
