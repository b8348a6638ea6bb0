"""ResNet18 for small images: a 3×3 stem and four stages of two residual blocks."""

from collections.abc import Iterable
from dataclasses import dataclass

from art_snn._declared import Flag
from art_snn.models.network import Dropout, Layer, Topology, builder
from art_snn.models.residual import stages


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
        first, last = self.scaled(64, 512)
        layers: list[Layer] = [*self.conv(self.in_channels, first), self.act()]
        if self.stem_pool:
            layers.append(self.pooling())
        layers += [*stages(self), *self.flat(1)]
        return [*layers, self.dropping(self.dropout), self.linear(last, self.nb_classes)]


resnet18 = builder(ResNet18)
