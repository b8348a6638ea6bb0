"""The loops that one would write by hand around a network, with spikingjelly, snnTorch and norse, and the limit."""

from collections.abc import Callable

import norse.torch as norse
import snntorch
import torch
from snntorch import surrogate as snn_surrogate
from spikingjelly.activation_based import functional
from torch import Tensor, nn

from art_snn.acceleration import constant_sequence
from art_snn.models import Network
from art_snn.neurons import accelerate

Build = Callable[..., Network]


class ByHand(nn.Module):
    """A network with the loop over time that is written by hand: the logits (N, K) of x at each of T steps.

    Args:
        net: The network.
        timesteps: T, for static input (N, C, H, W); None for frames (N, T, C, H, W).
    """

    def __init__(self, net: nn.Module, timesteps: int | None) -> None:
        super().__init__()
        self.net, self.timesteps = net, timesteps

    def sequence(self, x: Tensor) -> Tensor:
        """The input of all steps, (T, N, C, H, W)."""
        return x.transpose(0, 1) if self.timesteps is None else x.unsqueeze(0).repeat(self.timesteps, 1, 1, 1, 1)


class MultiStep(ByHand):
    """spikingjelly's own way for speed: all steps at once."""

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        logits: Tensor = self.net(self.sequence(x)).mean(0)
        functional.reset_net(self.net)
        return logits


class SingleStep(ByHand):
    """One step after the other."""

    def __init__(self, net: nn.Module, timesteps: int | None) -> None:
        super().__init__(net, timesteps)
        functional.set_step_mode(net, "s")

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        logits: Tensor = torch.stack([self.net(step) for step in self.sequence(x)]).mean(0)
        functional.reset_net(self.net)
        for module in self.net.modules():
            if isinstance(module, Peer):
                module.state = None
        return logits


class Peer(nn.Module):
    """A neuron of another library's that keeps its state between steps, as a loop by hand would."""

    def __init__(self) -> None:
        super().__init__()
        self.state = None


class SnnTorchLeaky(Peer):
    """snnTorch's LIF neuron, a leak of 1/2 a step and reset to zero."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = snntorch.Leaky(beta=0.5, spike_grad=snn_surrogate.atan(), reset_mechanism="zero")

    def forward(self, x: Tensor) -> Tensor:
        """Spikes of one step."""
        state = self.cell.reset_mem() if self.state is None else self.state
        spikes, self.state = self.cell(x, state)
        return spikes


class NorseBox(Peer):
    """norse's LIF neuron without synaptic current, with the equations of a LIFNode of tau 2."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = norse.LIFBoxCell(norse.LIFBoxParameters(tau_mem_inv=torch.tensor(500.0)), dt=0.001)

    def forward(self, x: Tensor) -> Tensor:
        """Spikes of one step."""
        spikes, self.state = self.cell(x, self.state)
        return spikes


class _Wire(nn.Module):
    """In place of a neuron; a repeated input becomes an array of its own, as spikes would be."""

    def forward(self, x: Tensor) -> Tensor:
        return x.contiguous()


class ConvolutionsAlone(MultiStep):
    """What nobody can avoid: the network without neurons and norms, its first layer run once for static input."""

    def __init__(self, build: Build, timesteps: int | None) -> None:
        net = build(neuron=_Wire)
        for name, module in list(net.named_modules()):
            if isinstance(module, nn.BatchNorm2d):
                net.set_submodule(name, nn.Identity())
        functional.set_step_mode(net, "m")
        super().__init__(accelerate(net), timesteps)

    def sequence(self, x: Tensor) -> Tensor:
        """The input of all steps."""
        return super().sequence(x) if self.timesteps is None else constant_sequence(x[None], self.timesteps)


@torch.no_grad()
def liven(model: nn.Module, x: Tensor) -> None:
    """Keep the deeper layers of a fresh network from being silent: norms know `x`, linear layers are strong."""
    modules = list(model.modules())
    for module in modules:
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
        if isinstance(module, nn.Linear):
            module.weight.mul_(5)
    model(x)
    for module in modules:
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 0.1
