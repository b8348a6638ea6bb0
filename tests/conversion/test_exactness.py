"""The exact spike count of one neuron, and what a converted network computes."""

import copy
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from spikingjelly.activation_based import functional, neuron
from torch import nn

from art_snn.acceleration import constant_sequence
from art_snn.conversion import ScaledNeuron, convert, thresholds
from art_snn.conversion.tracing import trace
from art_snn.models import MODELS, build
from art_snn.neurons import accelerate, keeps_time_apart
from tests.conversion.networks import K, N, linear, some, trained


def mean_output(snn: nn.Module, x: np.ndarray, timesteps: int) -> np.ndarray:
    with torch.no_grad():
        outputs = snn(torch.from_numpy(x).expand(timesteps, *x.shape)).mean(0)
    functional.reset_net(snn)
    return outputs.numpy()


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

    errors = [np.abs(mean_output(snn, x, t) - logits).max() for t in (16, 64, 256)]

    assert errors[0] > errors[1] > errors[2]


@pytest.mark.parametrize("name", MODELS)
def test_without_norm_too_the_mean_output_tends_to_the_anns_logits(name):
    x = some(4, 2, 16, 16)
    ann = trained(build(name, in_channels=2, nb_classes=K, pool="avg", width=0.1, norm="none"), x)
    with torch.no_grad():
        logits = ann(torch.from_numpy(x)).numpy()

    outputs = mean_output(convert(ann, x, method="max"), x, 512)

    assert outputs == pytest.approx(logits, abs=0.05 * float(np.abs(logits).max()))


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
