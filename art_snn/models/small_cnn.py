"""Two convolutions and two linear layers: enough for digits, on a CPU in seconds."""

from collections.abc import Iterable
from dataclasses import dataclass

from art_snn.models.network import Layer, Topology, builder


@dataclass(frozen=True, kw_only=True)
class SmallCNN(Topology):
    """Convolution, norm, activation, pool, twice (16, 32 channels), then 4×4 averages and two linear layers (128, K).

    The input may have any side from 8 pixels up; the output is neither rectified nor spiking.

    Args:
        {shared}
    """

    name = "small_cnn"

    def layers(self) -> Iterable[Layer]:
        """The layers, one after the other."""
        a, b, hidden = self.scaled(16, 32, 128)
        return [
            *self.conv(self.in_channels, a),
            self.act(),
            self.pooling(),
            *self.conv(a, b),
            self.act(),
            self.pooling(),
            *self.flat(4),
            self.linear(b * 4 * 4, hidden),
            self.act(),
            self.linear(hidden, self.nb_classes),
        ]


small_cnn = builder(SmallCNN)
