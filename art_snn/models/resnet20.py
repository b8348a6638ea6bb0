"""ResNet20 without batch norm, made for conversion: three convolutions and four stages of two residual blocks."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from art_snn.models.network import Dropout, Layer, Norm, Pool, Topology, builder
from art_snn.models.residual import stages


@dataclass(frozen=True, kw_only=True)
class ResNet20(Topology):
    """ResNet20 of hybrid training: three convolutions, a pool, four stages of two residual blocks, one linear layer.

    Of the publication are the layers, all without bias and norm, their 64 to 512 channels, average pooling, and dropout
    after the first two activations and between the convolutions of each block. Ours are the initial weights (He's for a
    layer's inputs; there for outputs), any side from 8 pixels up (the last features are averaged down, or repeated up,
    to the 2×2 that 32 pixels give), and what `width`, `pool` and `norm` change. The output is neither rectified nor
    spiking.

    Args:
        {shared}
        dropout: Share of the features that is dropped in training, in [0, 1).

    Source: Rathi et al., Enabling deep spiking neural networks with hybrid conversion and spike timing dependent
    backpropagation, ICLR 2020, https://arxiv.org/abs/2005.01807, the released code.
    """

    name = "resnet20"
    has_bias: ClassVar[bool] = False

    pool: Pool = "avg"
    norm: Norm = "none"
    dropout: Dropout = 0.2

    def layers(self) -> Iterable[Layer]:
        """The layers, one after the other."""
        first, last = self.scaled(64, 512)
        layers: list[Layer] = []
        for number in range(3):
            layers += [*self.conv(first if number else self.in_channels, first), self.act()]
            layers.append(self.dropping(self.dropout) if number < 2 else self.pooling())
        layers += [*stages(self, self.dropout), *self.flat(2)]
        return [*layers, self.linear(last * 2 * 2, self.nb_classes, bias=False)]


resnet20 = builder(ResNet20)
