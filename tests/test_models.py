"""Laws of the networks: any side, one set of parameter names, weights from the seed, a recipe that rebuilds."""

import inspect
import json
import pydoc

import pytest
import torch
from spikingjelly.activation_based import functional, layer, neuron
from torch import nn

from art_snn.models import MODELS, Network, build, event_net, resnet18, resnet20, small_cnn, vgg11

T, N, K = 3, 2, 5
every_model = pytest.mark.parametrize("name", MODELS)


def small(name: str, **arguments: object) -> Network:
    return build(name, in_channels=2, nb_classes=K, width=0.125, **arguments)


def some(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0))


def eager() -> neuron.IFNode:
    """A neuron so easily excited that untrained networks are not silent down to the last layer."""
    return neuron.IFNode(v_threshold=0.01, v_reset=None)


def modules_of(net: nn.Module, kind: type[nn.Module]) -> list[nn.Module]:
    return [m for m in net.modules() if isinstance(m, kind)]


@every_model
@pytest.mark.parametrize("pool", ["max", "avg"])
@pytest.mark.parametrize("shape", [(8, 8), (9, 16), (16, 16), (28, 28), (34, 34)])
def test_any_side_from_8_up_gives_logits(name, pool, shape):
    ann, snn = small(name, pool=pool).eval(), small(name, pool=pool, neuron="if").eval()
    assert ann(some(N, 2, *shape)).shape == (N, K)
    assert snn(some(T, N, 2, *shape)).shape == (T, N, K)


@every_model
@pytest.mark.parametrize("neuron_name", ["if", "lif", neuron.ParametricLIFNode])
def test_weights_of_the_ann_load_into_the_snn_and_back(name, neuron_name):
    ann, snn = small(name, seed=1), small(name, neuron=neuron_name, seed=2)

    missing, unexpected = snn.load_state_dict(ann.state_dict(), strict=False)

    assert unexpected == []
    assert all(key.endswith(".w") for key in missing), "only what a neuron learns itself may be missing"
    assert all(torch.equal(snn.state_dict()[key], value) for key, value in ann.state_dict().items())


@every_model
def test_help_on_a_builder_shows_and_explains_each_argument(name):
    text = pydoc.render_doc(MODELS[name], renderer=pydoc.plaintext)
    explained = [argument for argument in inspect.signature(MODELS[name]).parameters if f"        {argument}: " in text]

    assert f"{name}(in_channels: typing.Annotated[int, at least 1], nb_classes: " in text
    assert explained == list(inspect.signature(MODELS[name]).parameters)


@every_model
def test_the_seed_decides_the_weights(name):
    first, same, other = small(name), small(name), small(name, seed=1)
    weights = [torch.cat([p.flatten() for p in net.parameters()]) for net in (first, same, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


@every_model
@pytest.mark.parametrize("neuron_name", [None, "lif"])
def test_the_recipe_survives_json_and_rebuilds_the_network(name, neuron_name):
    net = small(name, neuron=neuron_name, surrogate="sigmoid", tau=3.0, pool="avg", norm="none", seed=4)

    recipe = json.loads(json.dumps(net.recipe))
    again = build(recipe["name"], **recipe["arguments"])

    assert repr(again) == repr(net)
    assert all(torch.equal(a, b) for a, b in zip(again.parameters(), net.parameters(), strict=True))


def test_a_callers_own_neuron_has_no_recipe_and_is_used():
    net = small_cnn(1, K, neuron=lambda: neuron.LIFNode(tau=7.0))
    assert net.recipe is None
    assert [m.tau for m in modules_of(net, neuron.LIFNode)] == [7.0] * 3
    assert net(some(T, N, 1, 8, 8)).shape == (T, N, K)


@every_model
def test_an_ann_has_rectifiers_and_nothing_that_spikes(name):
    ann, snn = small(name), small(name, neuron="if")
    assert modules_of(ann, neuron.BaseNode) == []
    assert modules_of(snn, nn.ReLU) == []
    assert len(modules_of(ann, nn.ReLU)) == len(modules_of(snn, neuron.IFNode)) > 0


@every_model
def test_an_ann_drops_afresh_each_time_and_an_snn_once_for_all_steps(name):
    arguments = {"dropout": 0.5} if name != "small_cnn" else {}
    assert all(type(m) is nn.Dropout for m in modules_of(small(name, **arguments), nn.Dropout))
    assert modules_of(small(name, **arguments), layer.Dropout) == []
    assert modules_of(small(name, neuron="if", **arguments), nn.Dropout) == []


@every_model
def test_steps_of_an_snn_are_carried_forward(name):
    """What step t puts out depends on the steps before it: all T at once equals T single steps with carried state."""
    net = small(name, neuron=lambda: neuron.LIFNode(tau=5.0, v_threshold=0.02, v_reset=None)).eval()
    x = some(T, N, 2, 8, 8)

    whole = net(x)
    functional.reset_net(net)
    steps = torch.cat([net(x[t : t + 1]) for t in range(T)])

    assert torch.allclose(whole, steps, atol=1e-6)
    assert not torch.equal(whole[0], whole[-1])


@pytest.mark.parametrize("name", ["small_cnn", "vgg11", "resnet18", "resnet20"])
def test_the_last_layer_is_linear(name):
    assert isinstance(list(small(name, neuron="if").children())[-1], nn.Linear)


def test_width_scales_every_hidden_layer():
    assert [m.out_channels for m in modules_of(vgg11(3, K, width=0.25), nn.Conv2d)] == [16, 32, 64, 64, *[128] * 4]
    assert [m.out_features for m in modules_of(vgg11(3, K, width=0.25), nn.Linear)] == [128, 128, K]


def test_vgg11_with_a_linear_classifier_has_one_linear_layer():
    assert [m.in_features for m in modules_of(vgg11(3, K, classifier="linear"), nn.Linear)] == [512]


def test_resnet18_has_its_17_activations_and_20_convolutions():
    net = resnet18(3, K, width=0.125)
    assert len(modules_of(net, nn.ReLU)) == 17
    assert len(modules_of(net, nn.Conv2d)) == 1 + 16 + 3


def test_the_stem_pool_is_of_the_named_kind_or_absent():
    assert len(modules_of(resnet18(3, K, width=0.1), nn.MaxPool2d)) == 1
    assert len(modules_of(resnet18(3, K, width=0.1, pool="avg"), nn.AvgPool2d)) == 1
    assert modules_of(resnet18(3, K, width=0.1, stem_pool=False), nn.MaxPool2d) == []


@every_model
def test_each_convolution_has_a_norm_or_none_has(name):
    normed, plain = small(name, norm="batch"), small(name, norm="none")
    convolutions = modules_of(normed, nn.Conv2d)
    assert [m.num_features for m in modules_of(normed, nn.BatchNorm2d)] == [m.out_channels for m in convolutions]
    assert all(m.bias is None for m in convolutions)
    assert modules_of(plain, nn.BatchNorm2d) == []
    assert {m.bias is None for m in modules_of(plain, nn.Conv2d)} == {name == "resnet20"}


@every_model
def test_without_norm_the_initial_weights_let_the_signal_through(name):
    net, features = small(name, norm="none").eval(), []
    modules_of(net, nn.Linear)[-1].register_forward_hook(lambda _, inputs, output: features.append(inputs[0]))
    x = some(N, 2, 32, 32)

    net(x), net(torch.zeros_like(x))

    assert (features[0] - features[1]).square().mean() > 0.05 * x.square().mean()


def test_resnet20_has_the_published_layers_and_features_at_the_published_resolution():
    net = resnet20(3, 10).eval()
    reached = []
    net.resize1.register_forward_hook(lambda _, inputs, output: reached.append((inputs[0].shape, output.shape)))

    net(some(1, 3, 32, 32))

    stages = [*[64] * 4, *[128] * 5, *[256] * 5, *[512] * 5]  # with the shortcuts of all but the first
    assert [m.out_channels for m in modules_of(net, nn.Conv2d)] == [64] * 3 + stages
    assert sum(p.ndim == 1 for p in net.parameters()) == 0, "it has neither biases nor norms"
    assert [m.in_features for m in modules_of(net, nn.Linear)] == [512 * 2 * 2]
    assert reached == [((1, 512, 2, 2), (1, 512, 2, 2))]
    assert len(modules_of(net, nn.ReLU)) == 3 + 16
    assert [m.p for m in modules_of(net, nn.Dropout)] == [0.2] * (2 + 8)
    assert [name for name, _ in net.named_children()][6:9] == ["conv3", "act3", "pool1"]
    assert isinstance(net.pool1, nn.AvgPool2d)


@pytest.mark.parametrize(
    ("dataset", "side", "features"),
    [
        ("nmnist", 34, [8192, 2048]),
        ("cifar10-dvs", 128, [8192, 512]),
        ("dvs-gesture", 128, [2048, 512]),
        ("n-caltech101", 180, [3200, 2048]),
        ("digits-dvs", 20, [3200, 2048]),
    ],
)
def test_event_nets_have_the_published_features_at_the_published_resolution(dataset, side, features):
    net = event_net(2, K, dataset=dataset)
    reached = []
    net.resize1.register_forward_hook(lambda _, inputs, output: reached.append((inputs[0].shape, output.shape)))

    net.eval()(torch.zeros(1, 2, side, side))

    assert [m.in_features for m in modules_of(net, nn.Linear)] == features
    assert reached[0][0] == reached[0][1], "the resize must not change features of the published resolution"


def test_a_vote_is_the_mean_of_the_classs_neurons():
    net = event_net(2, K, width=0.05, neuron=eager, votes=4).eval()
    spikes = []
    net.act4.register_forward_hook(lambda _, inputs, output: spikes.append(output))

    votes = net(some(T, N, 2, 8, 8))

    assert votes.any()
    assert torch.equal(votes, spikes[0].reshape(T, N, K, 4).mean(-1))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"in_channels": 0}, "expected in_channels to be at least 1, got 0"),
        ({"nb_classes": 2.5}, "expected nb_classes to be a whole number, got 2.5"),
        ({"width": 0}, "expected width above 0, got 0"),
        ({"pool": "min"}, "expected pool to be one of 'max', 'avg', got 'min'"),
        ({"norm": "layer"}, "expected norm to be one of 'batch', 'none', got 'layer'"),
        ({"neuron": "relu"}, "expected neuron to be one of 'if', 'lif', got 'relu'"),
        ({"classifier": "conv"}, "expected classifier to be one of 'paper', 'linear', got 'conv'"),
        ({"dropout": 1.0}, r"expected dropout in \[0, 1\), got 1.0"),
    ],
)
def test_a_wrong_argument_is_named(wrong, message):
    with pytest.raises((ValueError, TypeError), match=message):
        vgg11(**{"in_channels": 1, "nb_classes": K, **wrong})


def test_an_unknown_network_is_named_with_those_that_exist():
    with pytest.raises(ValueError, match="expected name to be one of 'small_cnn', 'vgg11'"):
        build("vgg19")
