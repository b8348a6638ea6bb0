"""Calibrated thresholds against their definitions."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from art_snn.conversion import convert, threshold_shift, thresholds
from art_snn.models import MODELS, build
from art_snn.neurons.poisson import evaluation_thresholds
from tests.conversion.networks import K, N, linear, some, trained


def rectified(ann: nn.Module, x: np.ndarray) -> dict[str, np.ndarray]:
    """What each rectifier of an ANN puts out, by an ordinary forward pass of the ANN itself."""
    seen, ann = {}, copy.deepcopy(ann)
    for name, module in ann.named_modules():
        if isinstance(module, nn.ReLU):
            module.register_forward_hook(lambda _, inputs, output, name=name: seen.update({name: output.numpy()}))
    with torch.no_grad():
        ann(torch.from_numpy(x))
    return seen


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
    side, n = 2**10, 17
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
