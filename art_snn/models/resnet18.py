"""ResNet18 for small images: a 3×3 stem and four stages of two residual blocks."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import nn

from art_snn._declared import Flag
from art_snn.models.network import Chain, Dropout, Layer, Topology, builder


class BasicBlock(nn.Module):
    """Two 3×3 convolutions beside a shortcut; the activation follows the sum.

    The shortcut is the identity where shapes allow, else a 1×1 convolution with norm.
    """

    keeps_time_apart = True

    def __init__(self, topology: Topology, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        first, second = (
            topology.conv(in_channels, out_channels, stride=stride),
            topology.conv(out_channels, out_channels),
        )
        self.body = Chain([*first, topology.act(), *second])
        is_same = stride == 1 and in_channels == out_channels
        self.shortcut = Chain([] if is_same else topology.conv(in_channels, out_channels, kernel_size=1, stride=stride))
        self.act = topology.activation()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The activation of body plus shortcut."""
        out: torch.Tensor = self.act(self.body(x) + self.shortcut(x))
        return out


@dataclass(frozen=True, kw_only=True)
class ResNet18(Topology):
    """ResNet18 in its CIFAR form: a 3×3 stem of stride 1, then stages of 64, 128, 256 and 512 channels.

    The input may have any side from 8 pixels up; the output is neither rectified nor spiking.

    Args:
        {shared}
        stem_pool: Whether a 2×2 pool follows the stem, as in the paper; it is the only one.
        dropout: Share of the features before the last layer that is dropped in training, in [0, 1).

    Source: Jin et al., Backdoor attacks on spiking neural networks under three learning rules, 2024,
    https://arxiv.org/abs/2409.15670, table 5.
    """

    name = "resnet18"

    stem_pool: Flag = True
    dropout: Dropout = 0.0

    def layers(self) -> Iterable[Layer]:
        """The layers, one after the other."""
        channels, *stages = self.scaled(64, 64, 128, 256, 512)
        layers: list[Layer] = [*self.conv(self.in_channels, channels), self.act()]
        if self.stem_pool:
            layers.append(self.pooling())
        for number, wider in enumerate(stages):
            stride = 1 if number == 0 else 2
            blocks = BasicBlock(self, channels, wider, stride), BasicBlock(self, wider, wider, 1)
            layers += [("block", block) for block in blocks]
            channels = wider
        return [*layers, *self.flat(1), self.dropping(self.dropout), self.linear(channels, self.nb_classes)]


resnet18 = builder(ResNet18)
