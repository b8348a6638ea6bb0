"""What hooks and parametrisations compute, and what is around a network, is read as the ANN computes, or refused."""

from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, prune, spectral_norm, weight_norm

from art_snn._random import host_seed
from art_snn.conversion import convert
from art_snn.conversion.tracing import trace
from tests.forward_passes import SAMPLES, X, assert_read, net

# --- weights and hooks ----------------------------------------------------------------------------------------------

COMPUTED = {
    "weight_norm": weight_norm,
    "spectral_norm": spectral_norm,
    "prune": lambda module: prune.l1_unstructured(module, "weight", 0.5),
    "prune the bias": lambda module: prune.random_unstructured(module, "bias", 0.5),
    "parametrised weight_norm": parametrizations.weight_norm,
    "parametrised spectral_norm": parametrizations.spectral_norm,
    "orthogonal": parametrizations.orthogonal,
}


@pytest.mark.filterwarnings("ignore:.*weight_norm.*:FutureWarning")
@pytest.mark.parametrize("name", COMPUTED)
@pytest.mark.parametrize("normed", [False, True], ids=["alone", "batch norm"])
def test_weights_that_are_computed_before_each_call_are_read(name, normed):
    def forward(self: Any, x: Tensor) -> Tensor:
        h = self.norm(self.conv1(x)) if normed else self.conv1(x)
        return self.last(self.flat(self.relu(h)))

    ann = net(forward, lambda ann: [COMPUTED[name](ann.conv1), COMPUTED[name](ann.last)])
    with host_seed(0):
        ann.train()(torch.from_numpy(X))  # with gradients: what is computed belongs to a graph, which nothing may copy
    assert_read(ann.eval())


@pytest.mark.parametrize(
    "attach",
    [
        lambda ann: ann.conv1.register_forward_hook(lambda module, given, result: result * 2),
        lambda ann: ann.conv1.register_forward_hook(lambda module, given, result: result.add_(1)),
        lambda ann: ann.conv1.register_forward_pre_hook(lambda module, given: (given[0] + 1,)),
        lambda ann: ann.relu.register_forward_hook(lambda module, given, result: -result),
        lambda ann: ann.flat.register_forward_hook(lambda module, given, result: setattr(module, "seen", result)),
    ],
)
def test_hooks_count(attach):
    assert_read(net(lambda self, x: self.last(self.flat(self.relu(self.conv1(x)))), attach))


@contextmanager
def global_hook(hook: Callable[..., Any]) -> Any:
    handle = nn.modules.module.register_module_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


def test_a_global_hook_that_changes_results_is_refused():
    ann = net(lambda self, x: self.last(self.flat(self.relu(self.conv1(x)))))
    with global_hook(lambda module, given, result: None):
        assert_read(ann)
    with global_hook(lambda module, given, result: result * 2), pytest.raises(ValueError, match="global hook"):
        trace(ann, SAMPLES)


def test_weights_that_change_with_each_call_are_refused():
    def grow(module: Any, _given: Any) -> None:
        module.weight.data.mul_(1.1)

    ann = net(
        lambda self, x: self.last(self.flat(self.relu(self.conv1(x)))),
        lambda ann: ann.conv1.register_forward_pre_hook(grow),
    )
    with pytest.raises(ValueError, match="answers the same samples differently each time"):
        trace(ann, SAMPLES)


def test_shared_layers_and_shared_weights_stay_shared():
    def share(ann: Any) -> None:
        ann.other, ann.conv3 = ann.conv1, nn.Conv2d(2, 2, 3, padding=1)
        ann.conv3.weight = ann.conv2.weight

    def forward(self: Any, x: Tensor) -> Tensor:
        h = self.relu(self.conv1(x)) + self.relu(self.other(2 * x))
        return self.last(self.flat(self.relu(self.conv3(self.relu(self.conv2(h))))))

    ann = net(forward, share)

    assert_read(ann)
    graph = trace(ann, SAMPLES)
    assert graph.get_parameter("conv3.weight") is graph.get_parameter("conv2.weight")
    assert "other" not in dict(graph.named_modules())
    assert graph.get_parameter("conv2.weight") is not ann.conv2.weight


# --- what is around a network ---------------------------------------------------------------------------------------


def sequential() -> nn.Sequential:
    with host_seed(1):
        return nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(32, 3))


def test_a_network_in_data_parallel_is_unwrapped():
    assert_read(nn.DataParallel(sequential()))
    inner = sequential()
    inner[0] = nn.DataParallel(inner[0])
    assert_read(inner)
    assert isinstance(inner[0], nn.DataParallel)


@pytest.mark.parametrize("make", [nn.ReLU, lambda: nn.Sequential(nn.ReLU(), nn.Flatten())])
def test_a_network_without_weights_is_read(make):
    snn = convert(make(), np.abs(X), method="max")
    outputs = snn(torch.from_numpy(X).expand(64, *X.shape)).mean(0).reshape(X.shape)
    assert outputs.detach().numpy() == pytest.approx(np.maximum(X, 0), abs=0.1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda ann: ann.__setitem__(0, torch.jit.script(ann[0])), "got the compiled RecursiveScriptModule at '0'"),
        (lambda ann: ann.insert(2, nn.Flatten(2)), "got Flatten at '2'; use nn.Flatten"),
        (lambda ann: ann.__setitem__(1, nn.LeakyReLU(inplace=True)), "got LeakyReLU at '1'"),
        (
            lambda ann: ann.__setitem__(3, nn.Linear(31, 3)),
            r"takes samples \(N, 1, 4, 4\).*got Sequential, which raises",
        ),
        (
            lambda ann: setattr(ann, "made_by", (i for i in ())),
            "can be copied, got Sequential: cannot pickle 'generator'",
        ),
        (lambda ann: ann.add_module("calls", nn.ReLU()), "other names of layers than 'calls'"),
    ],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_cannot_be_read_is_refused_by_name(change, message):
    ann = sequential()
    with host_seed(0):
        change(ann)
    with pytest.raises(ValueError, match=message):
        trace(ann, SAMPLES)
