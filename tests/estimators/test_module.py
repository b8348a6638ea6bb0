"""SpikingModule: time, layouts, readouts, encodings, and networks that it refuses."""

from collections.abc import Callable

import pytest
import torch
from spikingjelly.activation_based import functional, neuron
from torch import nn

from art_snn._random import host_seed
from art_snn.estimators.classification import SpikingModule
from art_snn.neurons.poisson import poisson_spikes
from tests.estimators.toys import FRAMES, IMAGES, K, N, T, samples, spiking_net


def test_single_and_multi_step_networks_agree() -> None:
    x = torch.from_numpy(samples())
    single, multi = (SpikingModule(spiking_net(mode), T).eval()(x) for mode in "sm")
    assert torch.allclose(single, multi, atol=1e-6)


def test_the_module_is_the_loop_that_a_user_would_write() -> None:
    net, x = spiking_net(), torch.from_numpy(samples())
    expected = net(x.expand(T, *x.shape)).mean(0)
    functional.reset_net(net)
    assert torch.allclose(SpikingModule(net, T)(x), expected, atol=1e-6)


def test_readouts_are_mean_sum_and_last_of_the_outputs() -> None:
    x = torch.from_numpy(samples())
    outputs = torch.cat(list(SpikingModule(spiking_net(), T).outputs(x)))
    assert outputs.shape == (T, N, K)
    for readout, expected in (("mean", outputs.mean(0)), ("sum", outputs.sum(0)), ("last", outputs[-1])):
        assert torch.allclose(SpikingModule(spiking_net(), T, readout=readout)(x), expected, atol=1e-6)


def test_folded_frames_are_frames() -> None:
    x = torch.from_numpy(samples(FRAMES))
    folded = SpikingModule(spiking_net(), T, input_layout="N(TC)HW")
    assert torch.equal(folded(x.flatten(1, 2)), SpikingModule(spiking_net())(x))


@pytest.mark.parametrize(
    ("module", "shape", "message"),
    [
        (lambda: SpikingModule(spiking_net()), (N, *IMAGES), "expected timesteps for static samples"),
        (lambda: SpikingModule(spiking_net(), T + 1), (N, *FRAMES), "expected frames of 4 time bins, got 3"),
        (lambda: SpikingModule(spiking_net(), T), (N, 128), "expected samples of layout"),
        (lambda: SpikingModule(spiking_net(), T, input_layout="NTCHW"), (N, *IMAGES), "layout NTCHW"),
        (lambda: SpikingModule(spiking_net(), 4, input_layout="N(TC)HW"), (N, 6, 8, 8), "expected T\\*C channels"),
        (lambda: SpikingModule(spiking_net(), encoding="poisson"), (N, *FRAMES), "expected static samples"),
    ],
)
def test_a_wrong_layout_is_an_error(module: Callable[[], SpikingModule], shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        module()(torch.zeros(shape))


class Hidden(nn.Module):
    """Keeps its neuron where torch does not see it."""

    def __init__(self) -> None:
        super().__init__()
        self.seen, self._nodes = neuron.IFNode(step_mode="m"), [neuron.IFNode(step_mode="m")]


def test_networks_that_would_answer_wrongly_are_refused() -> None:
    with host_seed(0):
        not_spiking = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
    mixed = nn.Sequential(neuron.IFNode(step_mode="m"), neuron.IFNode(step_mode="s"))
    for net, message in (
        (not_spiking, "spiking neurons"),
        (mixed, "one step mode"),
        (Hidden(), "nn.ModuleList"),
    ):
        with pytest.raises(ValueError, match=message):
            SpikingModule(net, T)
    with pytest.raises(TypeError, match="torch nn"):
        SpikingModule(lambda x: x, T)
    with pytest.raises(ValueError, match="timesteps to be at least 1"):
        SpikingModule(spiking_net(), 0)


def test_a_network_that_forgets_its_axes_is_refused() -> None:
    net = spiking_net()
    net.append(nn.Flatten(0, 1))
    with pytest.raises(ValueError, match=r"to logits \(T, N, K\)"):
        SpikingModule(net, T)(torch.zeros(N, *IMAGES))


def test_a_changed_structure_is_reset_or_refused() -> None:
    module = SpikingModule(spiking_net(), T)
    x = torch.from_numpy(samples())
    module(x)
    module.net[1] = neuron.IFNode(step_mode="m")
    assert torch.equal(module(x), module(x))
    module.net[1] = neuron.IFNode(step_mode="s")
    with pytest.raises(ValueError, match="one step mode"):
        module(x)


def test_poisson_thresholds_are_shared_in_evaluation_and_fresh_in_training() -> None:
    module = SpikingModule(spiking_net(), 8, encoding="poisson", seed=3)
    x = torch.from_numpy(samples(n=1)).expand(2, *IMAGES)
    module.eval()
    assert torch.equal(module(x)[0], module(x)[1])
    module.train()
    first, second = module(x), module(x)
    assert not torch.equal(first[0], first[1])
    assert not torch.equal(first, second)
    module.reseed(0)
    again = module(x)
    module.reseed(0)
    assert torch.equal(module(x), again)


def test_poisson_spikes_have_the_sign_of_the_pixel() -> None:
    x, thresholds = torch.tensor([-1.5, -0.5, 0.0, 0.5, 1.5]), torch.tensor([[0.25] * 5, [0.75] * 5])

    assert poisson_spikes(x, thresholds).tolist() == [[-1, -1, 0, 1, 1], [-1, 0, 0, 0, 1]]


def test_poisson_spikes_come_at_the_rate_of_the_pixel() -> None:
    class Pass(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.node = neuron.IFNode(step_mode="m")

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.node(x * 2).flatten(2)

    rates = SpikingModule(Pass(), 4000, encoding="poisson").eval()(torch.full((1, 1, 2, 2), 0.3))
    assert rates.mean().item() == pytest.approx(0.3, abs=0.02)  # four standard deviations of 16,000 draws
