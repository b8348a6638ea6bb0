"""VGG11 for small images: eight convolutions, five pools."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from art_snn.models.network import Dropout, Layer, Topology, builder

Classifier = Literal["paper", "linear"]

_PLAN: tuple[tuple[int, ...], ...] = ((64,), (128,), (256, 256), (512, 512), (512, 512))  # a pool ends each stage


@dataclass(frozen=True, kw_only=True)
class VGG11(Topology):
    """VGG11 in its CIFAR form: 3×3 convolutions, each with activation and perhaps norm, and five 2×2 pools.

    The input may have any side from 8 pixels up (pools round up: 28 and 16 work too); the output is neither rectified
    nor spiking.

    Args:
        {shared}
        classifier: "paper": two hidden layers of 512 features, each followed by
            activation and dropout, and the last layer; "linear": the last layer alone.
        dropout: Share of the hidden features that "paper" drops in training, in [0, 1).

    Source: Jin et al., Backdoor attacks on spiking neural networks under three learning rules, 2024,
    https://arxiv.org/abs/2409.15670, tables 6 and 7, which name no norm. In the released code conversion has batch
    norm, and backpropagation on images has none, but biases. Ours are the number of hidden features (4096 in the
    library that the code calls) and, without norm, the initial weights (He's for a layer's inputs; there for outputs).
    """

    name = "vgg11"

    classifier: Classifier = "paper"
    dropout: Dropout = 0.5

    def layers(self) -> Iterable[Layer]:
        """The layers, one after the other."""
        channels, layers = self.in_channels, list[Layer]()
        for stage in _PLAN:
            for wider in self.scaled(*stage):
                layers += [*self.conv(channels, wider), self.act()]
                channels = wider
            layers.append(self.pooling(ceil_mode=True))
        layers += self.flat(1)
        if self.classifier == "paper":
            for features in self.scaled(512, 512):
                layers += [self.linear(channels, features), self.act(), self.dropping(self.dropout)]
                channels = features
        return [*layers, self.linear(channels, self.nb_classes)]


vgg11 = builder(VGG11)
