"""Residual blocks, and the stages of them that the ResNets here have in common."""

from collections.abc import Iterable

import torch
from torch import nn

from art_snn.models.network import Chain, Layer, Topology


class BasicBlock(nn.Module):
    """Two 3×3 convolutions beside a shortcut; the activation follows the sum.

    The shortcut is the identity where shapes allow, else a 1×1 convolution, with norm if the others have one.
    """

    keeps_time_apart = True

    def __init__(
        self, topology: Topology, in_channels: int, out_channels: int, stride: int, between: Iterable[Layer] = ()
    ) -> None:
        super().__init__()
        first, second = (
            topology.conv(in_channels, out_channels, stride=stride),
            topology.conv(out_channels, out_channels),
        )
        self.body = Chain([*first, topology.act(), *between, *second])
        is_same = stride == 1 and in_channels == out_channels
        self.shortcut = Chain([] if is_same else topology.conv(in_channels, out_channels, kernel_size=1, stride=stride))
        self.act = topology.activation()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The activation of body plus shortcut."""
        out: torch.Tensor = self.act(self.body(x) + self.shortcut(x))
        return out


def stages(topology: Topology, dropout: float | None = None) -> list[Layer]:
    """Four stages of two blocks, from 64 to 512 channels; all but the first halve the side.

    Args:
        topology: Network that they belong to.
        dropout: Share of the features that is dropped between the convolutions of a block; None for no such layer.
    """
    wide = topology.scaled(64, 128, 256, 512)
    channels, blocks = wide[0], list[Layer]()
    for number, wider in enumerate(wide):
        for stride in (1 if number == 0 else 2, 1):
            between = [] if dropout is None else [topology.dropping(dropout)]
            blocks.append(("block", BasicBlock(topology, channels, wider, stride, between)))
            channels = wider
    return blocks
