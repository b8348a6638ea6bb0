"""Conversion against its definitions: thresholds, the exact spike count of one neuron, and what cannot be converted."""

import copy
import pickle
import re

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from spikingjelly.activation_based import functional, neuron
from torch import nn

from art_snn.acceleration import constant_sequence
from art_snn.conversion import ScaledNeuron, convert, threshold_shift, thresholds
from art_snn.conversion.tracing import trace
from art_snn.models import MODELS, build
from art_snn.neurons import accelerate, keeps_time_apart
from art_snn.neurons.poisson import evaluation_thresholds

N, K = 12, 4


def some(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random(shape, dtype=np.float32)


def trained(net: nn.Module, x: np.ndarray) -> nn.Module:
    """The network with running statistics, weights and biases of batch norm that are not the initial ones."""
    draws = torch.Generator().manual_seed(1)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None  # the plain mean over the passes
            module.weight.data.uniform_(0.5, 1.5, generator=draws)
            module.bias.data.uniform_(-0.2, 0.6, generator=draws)
    for module in net.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0  # it would draw from the global stream
    with torch.no_grad():
        net.train()(torch.from_numpy(x))
    return net.eval()


def linear(weight: list[list[float]], bias: list[float] | None = None) -> nn.Linear:
    """A linear layer with these weights; drawing initial ones would move the global stream."""
    with torch.device("meta"):
        module = nn.Linear(len(weight[0]), len(weight), bias=bias is not None)
    module.weight = nn.Parameter(torch.tensor(weight))
    if bias is not None:
        module.bias = nn.Parameter(torch.tensor(bias))
    return module


def mean_output(snn: nn.Module, x: np.ndarray, timesteps: int) -> np.ndarray:
    with torch.no_grad():
        outputs = snn(torch.from_numpy(x).expand(timesteps, *x.shape)).mean(0)
    functional.reset_net(snn)
    return outputs.numpy()


def rectified(ann: nn.Module, x: np.ndarray) -> dict[str, np.ndarray]:
    """What each rectifier of an ANN puts out, by an ordinary forward pass of the ANN itself."""
    seen, ann = {}, copy.deepcopy(ann)
    for name, module in ann.named_modules():
        if isinstance(module, nn.ReLU):
            module.register_forward_hook(lambda _, inputs, output, name=name: seen.update({name: output.numpy()}))
    with torch.no_grad():
        ann(torch.from_numpy(x))
    return seen


@pytest.fixture(scope="module")
def x() -> np.ndarray:
    return some(N, 2, 12, 12)


@pytest.fixture
def ann(x) -> nn.Module:
    return trained(build("small_cnn", in_channels=2, nb_classes=K, pool="avg", width=0.5), x)


# One neuron


@settings(deadline=None)  # the first call of spikingjelly's node takes its time
@given(k=st.integers(0, 4096), timesteps=st.integers(1, 100))
def test_a_neuron_of_threshold_1_spikes_floor_of_t_times_z_times(k, timesteps):
    z = k / 1024  # sums of these are exact in float32
    layer = ScaledNeuron(1.0, neuron.IFNode(v_reset=None, step_mode="m"))
    spikes = layer(torch.full((timesteps, 1), z)).sum()
    assert spikes == np.clip(np.floor(timesteps * z), 0, timesteps)


@settings(deadline=None)
@given(z=st.floats(0, 4, width=32), threshold=st.floats(0.125, 8, width=32), timesteps=st.integers(1, 100))
def test_any_other_input_is_at_most_one_spike_from_that(z, threshold, timesteps):
    layer = ScaledNeuron(threshold, neuron.IFNode(v_reset=None, step_mode="m"))
    n_spikes = (layer(torch.full((timesteps, 1), z)) != 0).sum()
    assert abs(n_spikes - np.clip(np.floor(timesteps * z / threshold), 0, timesteps)) <= 1


def test_a_converted_layer_obeys_the_same_oracle():
    ann = nn.Sequential(linear([[1.0], [0.5]]), nn.ReLU(), linear([[1.0, 0.0], [0.0, 1.0]]))
    z = np.array([[0.0], [0.25], [0.7255859375], [1.0]], dtype=np.float32)

    snn = convert(ann, z, method="max")

    assert thresholds(snn) == {"1": 1.0}
    for timesteps in (1, 7, 32):
        expected = np.floor(timesteps * np.concatenate([z, z / 2], 1)) / timesteps
        assert np.array_equal(mean_output(snn, z, timesteps), expected.astype(np.float32))


# Thresholds


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("batch_size", [5, 100])
def test_max_is_the_largest_activation_of_the_whole_set(name, batch_size):
    x = some(N, 2, 32, 32)
    ann = trained(build(name, in_channels=2, nb_classes=K, pool="avg", width=0.1), x)

    found = thresholds(convert(ann, x, method="max", batch_size=batch_size))

    expected = {name: activations.max() for name, activations in rectified(ann, x).items()}
    assert found == pytest.approx(expected, rel=1e-5)  # folding batch norm rounds otherwise


@pytest.mark.parametrize("percentile", [75.3, 90, 99.9, 100])
@pytest.mark.parametrize("batch_size", [5, 100])
def test_robust_is_numpys_percentile_of_all_activations(ann, x, percentile, batch_size):
    found = thresholds(convert(ann, x, method="robust", percentile=percentile, batch_size=batch_size))
    expected = {name: np.percentile(activations, percentile) for name, activations in rectified(ann, x).items()}
    assert found == pytest.approx(expected, rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("percentile", [99.9, 50])
def test_robust_is_exact_beyond_2_to_the_24_activations(percentile):
    """There torch.quantile gives up; the scaled ramp tells neighbouring ranks apart, and its order is shuffled."""
    side, n = 2**11, 5
    ramp = np.arange(n * side**2, dtype=np.float32) * np.float32(1 / 1024)
    x = np.random.default_rng(0).permutation(ramp).reshape(n, 1, side, side)
    ann = nn.Sequential(nn.Identity(), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), linear([[1.0]]))

    found = thresholds(convert(ann, x, method="robust", percentile=percentile, batch_size=2))

    assert ramp.size > 2**24
    assert found["1"] == pytest.approx(np.percentile(ramp, percentile), rel=1e-7)


@pytest.mark.parametrize("method", ["max", "robust", "spike-norm"])
@pytest.mark.parametrize("name", ["small_cnn", "vgg11"])
def test_neither_order_nor_batch_size_of_the_calibration_set_matters(name, method):
    x = some(24, 1, 16, 16)
    ann = trained(build(name, in_channels=1, nb_classes=K, pool="avg", width=0.25), x)

    first = convert(ann, x, method=method, timesteps=2)
    others = [
        convert(ann, some_order, method=method, timesteps=2, batch_size=batch_size)
        for some_order, batch_size in ((x, 5), (x[::-1], 7))
    ]

    for other in others:
        assert thresholds(other) == pytest.approx(thresholds(first), rel=1e-7)  # the last bit of a float32
        assert all(
            torch.equal(value, other.get_parameter(name))
            for name, value in first.named_parameters()
            if "threshold" not in name
        )


@pytest.mark.parametrize("method", ["max", "robust", "spike-norm"])
def test_nothing_but_the_calibration_set_counts(method):
    ann = nn.Sequential(linear([[-1.0]], [5.0]), nn.ReLU(), linear([[1.0]]))  # an input of 0 would give 5
    ones = np.ones((3, 1), np.float32)
    assert thresholds(convert(ann, ones, method=method, percentile=100, batch_size=2)) == {"1": 4.0}


def test_spike_norm_is_the_largest_input_under_spikes_of_the_layers_before():
    rng = np.random.default_rng(0)
    w1, w2, w3 = (rng.normal(size=shape).astype(np.float32) for shape in ((6, 3), (5, 6), (2, 5)))
    b2, x, timesteps = rng.normal(size=5).astype(np.float32), some(8, 3), 10
    ann = nn.Sequential(
        linear(w1.tolist()), nn.ReLU(), linear(w2.tolist(), b2.tolist()), nn.ReLU(), linear(w3.tolist())
    )

    found = thresholds(convert(ann, x, method="spike-norm", timesteps=timesteps, batch_size=3))

    first = (x @ w1.T).max()
    second, v = 0.0, np.zeros((8, 6))
    for _ in range(timesteps):
        v += x @ w1.T
        spikes = v >= first
        v -= first * spikes
        second = max(second, (first * spikes @ w2.T + b2).max())
    assert found == pytest.approx({"1": first, "3": second}, rel=1e-5)


def test_spike_norm_under_poisson_input_is_the_largest_input_that_the_spikes_cause():
    rng = np.random.default_rng(0)
    w1, w2, w3 = (rng.normal(size=shape).astype(np.float32) for shape in ((6, 3), (5, 6), (2, 5)))
    x, timesteps = some(8, 3), 20
    ann = nn.Sequential(linear(w1.tolist()), nn.ReLU(), linear(w2.tolist()), nn.ReLU(), linear(w3.tolist()))

    found = thresholds(
        convert(ann, x, method="spike-norm", timesteps=timesteps, encoding="poisson", seed=3, batch_size=3)
    )

    drawn = evaluation_thresholds(timesteps, 3, torch.from_numpy(x)).numpy()
    inputs = (drawn < x).astype(np.float32)
    first = (inputs @ w1.T).max()
    second, v = 0.0, np.zeros((8, 6))
    for step in inputs:
        v += step @ w1.T
        spikes = v >= first
        v -= first * spikes
        second = max(second, (first * spikes @ w2.T).max())
    assert found == pytest.approx({"1": first, "3": second}, rel=1e-5)
    assert found != thresholds(convert(ann, x, method="spike-norm", timesteps=timesteps))


@pytest.mark.parametrize("method", ["max", "robust", "spike-norm"])
def test_scale_multiplies_every_threshold(ann, x, method):
    whole = thresholds(convert(ann, x, method=method, timesteps=5))
    half = thresholds(convert(ann, x, method=method, timesteps=5, scale=0.5))
    assert half == pytest.approx({name: threshold / 2 for name, threshold in whole.items()})


def test_fraction_is_a_part_of_max(ann, x):
    assert thresholds(convert(ann, x, method="fraction", scale=0.25)) == thresholds(
        convert(ann, x, method="max", scale=0.25)
    )


def test_threshold_shift_is_relative_to_the_clean_threshold():
    ann = nn.Sequential(linear([[1.0]]), nn.ReLU(), linear([[1.0]]))
    clean, poisoned = (convert(ann, np.array([[top]], np.float32), method="max") for top in (2.0, 1.5))
    assert threshold_shift(clean, poisoned) == {"1": 0.25}


# The network


@pytest.mark.parametrize("name", MODELS)
def test_the_traced_ann_without_batch_norm_computes_the_same(name):
    x = some(N, 2, 32, 32)
    ann = trained(build(name, in_channels=2, nb_classes=K, pool="avg", width=0.1), x)

    graph = trace(ann, torch.from_numpy(x))

    assert not any(isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d) for module in graph.modules())
    with torch.no_grad():
        assert torch.allclose(graph(torch.from_numpy(x)), ann(torch.from_numpy(x)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_the_error_shrinks_with_the_number_of_time_steps(name):
    x = some(4, 2, 32, 32)
    ann = trained(build(name, in_channels=2, nb_classes=K, pool="avg", width=0.1), x)
    with torch.no_grad():
        logits = ann(torch.from_numpy(x)).numpy()
    snn = convert(ann, x, method="max")

    errors = [np.abs(mean_output(snn, x, t) - logits).max() for t in (4, 16, 64)]

    assert errors[0] > errors[1] > errors[2]


def test_the_mean_output_tends_to_the_anns_logits(ann, x):
    with torch.no_grad():
        logits = ann(torch.from_numpy(x)).numpy()
    assert mean_output(convert(ann, x, method="max"), x, 512) == pytest.approx(logits, abs=0.005)


def test_a_users_own_ann_with_functional_reshapes_and_a_shared_rectifier_converts(x):
    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            body = build("small_cnn", in_channels=2, nb_classes=K, pool="avg", width=0.5)
            self.first, self.second, self.pool = body.conv1, body.conv2, nn.AvgPool2d(4)
            self.norm = nn.BatchNorm2d(16)
            self.relu = nn.ReLU(inplace=True)
            self.last = linear(some(K, 16 * 9).tolist(), [0.1] * K)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = self.relu(self.first(x))
            z = self.relu(self.norm(self.second(y)))
            z += z
            return self.last(self.pool(z).view(z.size(0), -1))

    ann = trained(Own(), x)
    with torch.no_grad():
        logits = ann(torch.from_numpy(x)).numpy()

    snn = convert(ann, x, method="max")

    assert list(thresholds(snn)) == ["relu", "relu_2"]
    assert mean_output(snn, x, 256) == pytest.approx(logits, rel=0.05)


class Sharing(nn.Module):
    """Calls one rectifier, one dropout and one flattening repeatedly, and has a layer whose name looks like that."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.third = (linear(some(*shape).tolist()) for shape in ((6, 4), (5, 6), (7, 5)))
        self.relu, self.dropout, self.flatten = nn.ReLU(), nn.Dropout(), nn.Flatten()
        self.relu_2 = linear(some(K, 7).tolist())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.dropout(self.relu(self.first(self.flatten(x))))
        y = self.dropout(self.relu(self.second(torch.flatten(y, 1))))
        return self.relu_2(self.dropout(self.relu(self.third(y))))


def test_each_call_of_a_shared_rectifier_is_a_neuron_of_its_own():
    x = some(5, 1, 2, 2)
    with torch.no_grad():
        logits = Sharing().eval()(torch.from_numpy(x)).numpy()

    snn = convert(Sharing(), x, method="max")

    assert list(thresholds(snn)) == ["relu", "relu_3", "relu_4"]
    assert len({call.layer for call in snn.calls}) == len(snn.calls)
    assert mean_output(snn, x, 512) == pytest.approx(logits, rel=0.05)  # spikes take a step a layer to arrive


def test_each_call_of_a_shared_dropout_has_a_mask_of_its_own():
    snn = convert(Sharing(), some(5, 1, 2, 2), method="max").train()
    with torch.random.fork_rng(devices=[]):
        snn(torch.ones(3, 1, 1, 2, 2))
    masks = [module.mask for name, module in snn.named_modules() if "dropout" in name]
    assert [mask.shape[-1] for mask in masks] == [6, 5, 7]


@pytest.mark.parametrize(
    "flatten", [lambda x: torch.flatten(x, 1), lambda x: x.flatten(1), lambda x: x.reshape(x.shape[0], -1)]
)
def test_ways_to_flatten_are_understood(flatten):
    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.relu, self.last = nn.ReLU(), linear([[1.0, 2.0, 3.0, 4.0]])

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.last(flatten(self.relu(x)))

    x = np.full((1, 1, 2, 2), 0.5, np.float32)
    assert mean_output(convert(Own(), x, method="max"), x, 4).tolist() == [[5.0]]


@pytest.mark.parametrize("name", MODELS)
def test_a_converted_network_runs_fast_and_in_pieces_of_time_with_the_same_outcome(name):
    x = some(3, 2, 32, 32)
    ann = trained(build(name, in_channels=2, nb_classes=K, pool="avg", width=0.1), x)
    snn = convert(ann, x, method="max")
    whole = mean_output(snn, x, 6)

    fast = accelerate(copy.deepcopy(snn))
    with torch.no_grad():
        pieces = [fast(constant_sequence(torch.from_numpy(x)[None], 2)).sum(0) for _ in range(3)]

    assert keeps_time_apart(snn)
    assert sum(pieces).numpy() / 6 == pytest.approx(whole, abs=1e-5)


def test_read_only_calibration_data_will_do(ann, x):
    frozen = x.copy()
    frozen.flags.writeable = False
    for method in ("max", "spike-norm"):
        convert(ann, frozen, method=method, timesteps=2)


def test_the_ann_is_not_changed(ann, x):
    before, modes = copy.deepcopy(ann.state_dict()), [m.training for m in ann.modules()]

    snn = convert(ann.train(), x, method="max")
    with torch.no_grad():
        for parameter in snn.parameters():
            parameter.zero_()

    assert all(torch.equal(value, before[name]) for name, value in ann.state_dict().items())
    assert all(module.training for module in ann.modules())
    assert modes != [m.training for m in ann.modules()]
    assert any(isinstance(module, nn.BatchNorm2d) for module in ann.modules())


def test_every_parameter_of_the_result_is_trained(ann, x):
    for parameter in ann.parameters():
        parameter.requires_grad_(False)
    snn = convert(ann, x, method="max")

    snn(torch.from_numpy(x).expand(4, *x.shape)).mean(0)[:, 0].sum().backward()

    silent = [name for name, p in snn.named_parameters() if p.grad is None or not p.grad.any()]
    assert silent == []
    assert {"conv1.bias", "act1.threshold", "fc2.weight"} <= {name for name, _ in snn.named_parameters()}


def test_the_result_is_in_evaluation_mode_and_can_be_copied(ann, x):
    snn = convert(ann.train(), x, method="max")
    assert not any(module.training for module in snn.modules())
    for other in (copy.deepcopy(snn), pickle.loads(pickle.dumps(snn))):  # noqa: S301 - our own
        assert np.array_equal(mean_output(other, x, 8), mean_output(snn, x, 8))


# What cannot be converted


class Functional(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = linear([[1.0]]), linear([[1.0]])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(F.relu(self.first(x)))


class Branching(Functional):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(x) if x.sum() > 0 else x


class NormFirst(Functional):
    def __init__(self) -> None:
        super().__init__()
        self.norm, self.relu = nn.BatchNorm1d(1), nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.relu(self.norm(x)))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: build("small_cnn", in_channels=1, nb_classes=K), "got MaxPool2d at 'pool1'.*pool='avg'"),
        (lambda: nn.Sequential(linear([[1.0]]), nn.GELU(), linear([[1.0]])), "got GELU at '1'"),
        (lambda: nn.Sequential(linear([[1.0]]), nn.LeakyReLU(), linear([[1.0]])), "got LeakyReLU at '1'"),
        (lambda: nn.Sequential(linear([[1.0]]), nn.ReLU(), nn.Softmax(-1)), "got Softmax at '2'"),
        (lambda: build("small_cnn", in_channels=1, nb_classes=K, neuron="if", pool="avg"), "got IFNode at 'act1'"),
        (Functional, "got the function relu in Functional; use the module nn.ReLU"),
        (Branching, "does not branch on its input, got Branching"),
        (NormFirst, "batch norm right after .*, got BatchNorm1d at 'norm' after the input"),
        (lambda: nn.Sequential(linear([[1.0]])), "expected an ANN with nn.ReLU modules"),
    ],
)
def test_an_ann_without_spiking_counterpart_is_an_error_that_names_the_layer(make, message):
    x = np.ones((2, 1, 8, 8) if "pool" in message or "IFNode" in message else (2, 1), np.float32)
    with pytest.raises(ValueError, match=message):
        convert(make(), x, method="max")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            {"x_calibration": np.empty((0, 1), np.float32)},
            "expected the number of calibration samples to be at least 1",
        ),
        ({"x_calibration": np.array([[1.0], [np.nan]], np.float32)}, "expected x_calibration to be finite"),
        ({"method": "min"}, "expected method to be one of 'max', 'robust', 'spike-norm', 'fraction', got 'min'"),
        ({"method": "robust", "percentile": 0}, "expected percentile in (0, 100], got 0"),
        ({"method": "robust", "percentile": 100.1}, "expected percentile in (0, 100], got 100.1"),
        ({"scale": 0.0}, "expected scale to be a finite number above 0, got 0.0"),
        ({"method": "fraction"}, "expected scale between 0 and 1 for method='fraction', got 1.0"),
        ({"method": "spike-norm", "timesteps": 0}, "expected timesteps to be at least 1, got 0"),
        ({"encoding": "rate"}, "expected encoding to be one of 'direct', 'poisson', got 'rate'"),
        ({"batch_size": 0}, "expected batch_size to be at least 1, got 0"),
        ({"x_calibration": -np.ones((2, 1), np.float32)}, "expected activations above 0 in '1'"),
    ],
)
def test_a_wrong_argument_is_one_clear_error(wrong, message):
    ann = nn.Sequential(linear([[1.0]]), nn.ReLU(), linear([[1.0]]))
    with pytest.raises(ValueError, match=re.escape(message)):
        convert(ann, **{"x_calibration": np.ones((2, 1), np.float32), "method": "max", **wrong})


@pytest.mark.parametrize("method", ["max", "robust", "spike-norm"])
@pytest.mark.parametrize("weight", [float("nan"), 3e38])
def test_an_ann_with_broken_weights_is_an_error_that_names_the_layer(weight, method):
    ann = nn.Sequential(linear([[1.0]]), nn.ReLU(), linear([[weight]]), nn.ReLU(), linear([[1.0]]))
    with pytest.raises(ValueError, match="expected finite activations, got NaN or infinity in '3'"):
        convert(ann, np.full((2, 1), 2, np.float32), method=method)
