"""`SpikingAutoencoder`: the trigger network of a dynamic backdoor, from a sample to what is added to it."""

from collections import OrderedDict
from collections.abc import Sequence
from math import log2
from typing import NamedTuple

from spikingjelly.activation_based import functional, layer, neuron, surrogate
from torch import Tensor, nn

from art_snn._random import Rng, host_seed
from art_snn._validation import check_at_least, check_flag, whole_numbers
from art_snn.acceleration import accelerate

_SMALLEST = 16
_MOST_STAGES = 4


class _Layer(NamedTuple):
    """One convolution of 4 × 4 pixels, or one that is transposed; each for rows and columns alike but the last."""

    stride: int
    padding: int = 1
    more: tuple[int, int] = (0, 0)  # rows and columns that a transposed one adds


_OF_34 = (_Layer(2), _Layer(2)), (_Layer(2), _Layer(2, padding=0))
_OF_180 = (_Layer(3), _Layer(2), _Layer(2)), (_Layer(2), _Layer(2), _Layer(3, more=(1, 1)))


class SpikingAutoencoder(nn.Module):
    """A spiking autoencoder whose output has the shape of its input: convolutions down, transposed ones up again.

    Each has kernels of 4 × 4 pixels and no bias; batch norm and IF neurons (arctan surrogate gradient, detached reset)
    follow, after the last one neurons alone. For 34 × 34, 128 × 128 and 180 × 180 pixels it has the published layers,
    two, four and three each way. For other sides from 16 up it halves them, at most four times and not below 4 pixels.

    Args:
        input_shape: Shape of one sample: frames (T, C, H, W), of any number of bins, or an image (C, H, W).
        channels: Channels behind the first convolution; each further one doubles them.
        timesteps: Time steps for which an image is shown; of no meaning for frames.
        two_sided: Whether there are twice as many channels in the output as in the input, and no neurons at its end: a
            score for each event that might be inserted, and one for each that might be removed.
        seed: Seed of the initial weights.

    Raises:
        ValueError: If a side has fewer than 16 pixels.

    Source: Abad et al., Sneaky Spikes, NDSS 2024, https://arxiv.org/abs/2302.06279, the released code.

    >>> import torch
    >>> SpikingAutoencoder((8, 2, 34, 34), channels=4)(torch.zeros(1, 8, 2, 34, 34)).shape
    torch.Size([1, 8, 2, 34, 34])
    """

    def __init__(
        self,
        input_shape: tuple[int, ...],
        channels: int = 128,
        timesteps: int = 4,
        two_sided: bool = False,
        seed: Rng = 0,
    ) -> None:
        super().__init__()
        self.input_shape = whole_numbers("input_shape", input_shape, "(T, C, H, W) or (C, H, W)")
        if len(self.input_shape) not in (3, 4):
            raise ValueError(f"expected input_shape to be (T, C, H, W) or (C, H, W), got {input_shape}")
        check_sides(self.input_shape)
        check_at_least("channels", channels, 1)
        check_at_least("timesteps", timesteps, 1)
        check_flag("two_sided", two_sided)
        self.channels, self.timesteps, self.two_sided = channels, timesteps, two_sided
        with host_seed(seed):
            self.net = accelerate(self._layers())

    def forward(self, x: Tensor) -> Tensor:
        """Spikes, 0 or 1, for frames (N, T, C, H, W); for images (N, C, H, W) the share of time steps with a spike.

        With `two_sided`, scores (N, T, 2C, H, W).
        """
        is_image = len(self.input_shape) == 3
        sequence = x.expand(self.timesteps, *x.shape) if is_image else x.transpose(0, 1)
        self._clear_state()
        try:
            out: Tensor = self.net(sequence.contiguous())
        finally:
            self._clear_state()
        return out.mean(0) if is_image else out.transpose(0, 1)

    def _clear_state(self) -> None:
        for module in functional.collect_reset_modules(self.net):
            module.reset()

    def _layers(self) -> nn.Sequential:
        down, up = _plan(self.input_shape[-2], self.input_shape[-1])
        n_in, widths = self.input_shape[-3], [self.channels * 2**stage for stage in range(len(down))]
        parts: list[nn.Module] = []
        for one, before, after in zip(down, [n_in, *widths], widths, strict=False):
            conv = layer.Conv2d(before, after, 4, stride=one.stride, padding=one.padding, bias=False)
            parts += [conv, layer.BatchNorm2d(after), _neurons()]
        targets = [*widths[-2::-1], n_in * (2 if self.two_sided else 1)]
        for one, before, after in zip(up, widths[::-1], targets, strict=True):
            parts.append(
                layer.ConvTranspose2d(
                    before, after, 4, stride=one.stride, padding=one.padding, output_padding=one.more, bias=False
                )
            )
            parts += [layer.BatchNorm2d(after), _neurons()]
        del parts[-2:]
        parts += [] if self.two_sided else [_neurons()]
        net = nn.Sequential(OrderedDict((str(number), part) for number, part in enumerate(parts)))
        functional.set_step_mode(net, "m")
        return net


def check_sides(input_shape: Sequence[int]) -> None:
    """Check that samples are large enough for a `SpikingAutoencoder`: their two last axes, in pixels.

    Raises:
        ValueError: If a side is too short.
    """
    for side in input_shape[-2:]:
        check_at_least("a side of samples for the trigger network", side, _SMALLEST)


def _plan(height: int, width: int) -> tuple[tuple[_Layer, ...], tuple[_Layer, ...]]:
    """The convolutions down, and the transposed ones up."""
    if (height, width) in ((34, 34), (180, 180)):
        return _OF_34 if height == 34 else _OF_180
    n_stages = min(_MOST_STAGES, int(log2(min(height, width) / 4)))
    sides = [(height >> stage, width >> stage) for stage in range(n_stages)]
    return (_Layer(2),) * n_stages, tuple(_Layer(2, more=(h % 2, w % 2)) for h, w in sides[::-1])


def _neurons() -> nn.Module:
    node: nn.Module = neuron.IFNode(surrogate_function=surrogate.ATan(), detach_reset=True)
    return node
