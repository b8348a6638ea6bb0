"""The networks of the neuromorphic data sets: convolutions, two linear layers, votes."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple, get_args

from spikingjelly.activation_based import layer

from art_snn._declared import Count
from art_snn.models.network import Dropout, Layer, Topology, builder


class _Sizes(NamedTuple):
    """What differs between the data sets."""

    blocks: int
    side: int  # of the features that reach the classifier, at the data set's own resolution
    hidden: int


EventData = Literal["nmnist", "cifar10-dvs", "dvs-gesture", "n-caltech101", "digits-dvs"]
_SIZES: dict[EventData, _Sizes] = {
    "nmnist": _Sizes(blocks=2, side=8, hidden=2048),  # from 34 × 34 pixels
    "cifar10-dvs": _Sizes(blocks=4, side=8, hidden=512),  # 128 × 128
    "dvs-gesture": _Sizes(blocks=5, side=4, hidden=512),  # 128 × 128
    "n-caltech101": _Sizes(blocks=5, side=5, hidden=2048),  # 180 × 180
    "digits-dvs": _Sizes(blocks=2, side=5, hidden=2048),  # 20 × 20
}


@dataclass(frozen=True, kw_only=True)
class EventNet(Topology):
    """The network of Sneaky Spikes for a data set: blocks of convolution, norm, activation and pool, linear layers.

    Its last layer has K times `votes` activations, the mean of which is a class's vote. The input may have any side
    from 2 to the number of pools up.

    Args:
        {shared}
        dataset: Data set that sets the depth: "nmnist" (2 blocks; published with "if"), "cifar10-dvs" (4, "lif"),
            "dvs-gesture" (5, "lif") or "n-caltech101" (5, "lif"); "digits-dvs", unpublished, has that of "nmnist" at
            its own resolution.
        dropout: Share of features that is dropped before each linear layer in training, in [0, 1).
        votes: Number of neurons that vote for each class.

    Source: Abad et al., Sneaky Spikes, NDSS 2024, https://arxiv.org/abs/2302.06279, the released code (its appendix
    names fewer convolutions for N-MNIST and CIFAR10-DVS).
    """

    name = "event_net"
    datasets: ClassVar[tuple[str, ...] | None] = get_args(EventData)

    dataset: EventData = "nmnist"
    dropout: Dropout = 0.5
    votes: Count = 10

    def layers(self) -> Iterable[Layer]:
        """The layers, one after the other."""
        blocks, side, hidden = _SIZES[self.dataset]
        channels, hidden = self.scaled(128, hidden)
        layers: list[Layer] = []
        for block in range(blocks):
            layers += [*self.conv(channels if block else self.in_channels, channels), self.act(), self.pooling()]
        layers += [*self.flat(side), self.dropping(self.dropout), self.linear(channels * side**2, hidden), self.act()]
        layers += [self.dropping(self.dropout), self.linear(hidden, self.nb_classes * self.votes), self.act()]
        return [*layers, ("vote", layer.VotingLayer(self.votes))]


event_net = builder(EventNet)
