"""Neurons: named surrogates are the papers' formulas, named neurons are spikingjelly's."""

import math
import subprocess
import sys

import pytest
import torch
import torch.nn as nn
from spikingjelly.activation_based import neuron as sj_neuron

from art_snn.neurons import neuron_factory, surrogate_function

FORMULAS = {
    "rectangular": lambda x, a: (x.abs() < a / 2).double() / a,
    "polynomial": lambda x, a: (math.sqrt(a) / 2 - a / 4 * x.abs()).clamp_min(0),
    "sigmoid": lambda x, a: torch.exp(-x / a) / (1 + torch.exp(-x / a)) ** 2 / a,
    "gaussian": lambda x, a: torch.exp(-(x**2) / (2 * a)) / math.sqrt(2 * math.pi * a),
    "atan": lambda x, a: 1 / a / (1 + (math.pi * x / a) ** 2),
}


@pytest.mark.parametrize("a", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("name", FORMULAS)
def test_a_named_surrogate_is_the_published_formula(name, a):
    x = torch.linspace(-3, 3, 601, dtype=torch.float64, requires_grad=True)

    spikes = surrogate_function(name, a)(x)
    spikes.sum().backward()

    assert torch.equal(spikes.detach(), (x.detach() >= 0).double())
    torch.testing.assert_close(x.grad, FORMULAS[name](x.detach(), a), rtol=1e-9, atol=1e-12)


def test_an_unknown_surrogate_names_the_known_ones():
    with pytest.raises(ValueError, match=r"expected surrogate to be one of 'rectangular', .*'atan', got 'atn'"):
        surrogate_function("atn")
    with pytest.raises(ValueError, match="expected a to be a finite number above 0, got 0"):
        surrogate_function("atan", 0)


def test_without_a_neuron_the_network_is_an_ann():
    assert neuron_factory(None) is nn.ReLU


def test_a_factory_of_the_user_is_taken_as_it_is():
    assert neuron_factory(nn.Tanh) is nn.Tanh


@pytest.mark.parametrize(("name", "node"), [("if", sj_neuron.IFNode), ("lif", sj_neuron.LIFNode)])
def test_a_named_neuron_is_spikingjellys_own_and_steps_through_a_sequence(name, node):
    neuron = neuron_factory(name)()

    assert type(neuron) is node
    assert neuron.step_mode == "m"


def test_whole_numbers_serve_as_settings():
    neuron = neuron_factory("lif", tau=3, v_threshold=2, v_reset=-1, surrogate="rectangular", detach_reset=False)()

    assert (neuron.tau, neuron.v_threshold, neuron.v_reset, neuron.detach_reset) == (3.0, 2.0, -1.0, False)
    assert type(neuron.surrogate_function).__name__ == "Rect"


def test_no_two_neurons_share_a_surrogate():
    factory = neuron_factory("if")

    assert factory().surrogate_function is not factory().surrogate_function


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"neuron": "plif"}, "expected neuron to be one of 'if', 'lif', got 'plif'"),
        ({"surrogate": "step"}, "expected surrogate to be one of"),
        ({"tau": 1}, "expected tau to be a finite number above 1, got 1"),
        ({"v_threshold": 0.0}, "expected v_threshold to be a finite number above 0, got 0.0"),
    ],
)
def test_a_wrong_setting_is_an_error_before_any_neuron_is_made(settings, message):
    with pytest.raises(ValueError, match=message):
        neuron_factory(**{"neuron": "lif", **settings})


IMPORT_EVERYTHING = """
import importlib, pkgutil, sys
sys.modules["triton"] = None  # as where it is not installed: then torch would say so, the latest at the first spike
import art_snn, torch
for module in pkgutil.walk_packages(art_snn.__path__, "art_snn."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
from art_snn.neurons import neuron_factory
for name in ("if", "lif"):
    neuron_factory(name)()(torch.ones(2, 1))
"""


@pytest.mark.slow
def test_importing_any_module_and_spiking_prints_nothing():
    command = [sys.executable, "-c", IMPORT_EVERYTHING]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
