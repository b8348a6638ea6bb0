"""The networks of the neuromorphic data sets: convolutions, two linear layers, votes."""

from typing import Literal, NamedTuple

from spikingjelly.activation_based import layer

from art_snn._validation import check_at_least, check_choice
from art_snn.models.network import Kit, Layer, Network, Neuron, Pool, model, scaled


class _Topology(NamedTuple):
    """What differs between the data sets."""

    blocks: int
    side: int  # of the features that reach the classifier, at the data set's own resolution
    hidden: int


_TOPOLOGIES = {
    "nmnist": _Topology(blocks=2, side=8, hidden=2048),  # from 34 × 34 pixels
    "cifar10-dvs": _Topology(blocks=4, side=8, hidden=512),  # 128 × 128
    "dvs-gesture": _Topology(blocks=5, side=4, hidden=512),  # 128 × 128
    "n-caltech101": _Topology(blocks=5, side=5, hidden=2048),  # 180 × 180
    "digits-dvs": _Topology(blocks=2, side=5, hidden=2048),  # 20 × 20
}


@model
def event_net(
    in_channels: int,
    nb_classes: int,
    *,
    dataset: Literal["nmnist", "cifar10-dvs", "dvs-gesture", "n-caltech101", "digits-dvs"] = "nmnist",
    neuron: Neuron = None,
    surrogate: str = "atan",
    tau: float = 2.0,
    pool: Pool = "max",
    width: float = 1.0,
    dropout: float = 0.5,
    votes: int = 10,
    seed: int = 0,
) -> Network:
    """What Sneaky Spikes trains on one data set: blocks of convolution, norm, activation and pool, two linear layers.

    Its last layer is an activation as well: K times `votes` neurons, whose mean is the class's vote.

    Args:
        in_channels: Channels of the input, 2 for events; its side may be any from 2 to the number of pools up.
        nb_classes: K.
        dataset: Whose network: "nmnist" (2 blocks; published with "if"), "cifar10-dvs" (4, "lif"), "dvs-gesture"
            (5, "lif") or "n-caltech101" (5, "lif"); "digits-dvs", which nobody published, has that of "nmnist" at its
            own resolution.
        neuron: None for the ANN; "if", "lif" or a function that makes a neuron for the SNN.
        surrogate: Surrogate gradient of "if" and "lif", as in `art_snn.neurons.surrogate_function`.
        tau: Time constant of "lif", in steps.
        pool: "max" or "avg"; conversion from ANN to SNN needs "avg".
        width: Factor on the channels and features of every hidden layer.
        dropout: Share of features that is dropped before each linear layer in training, in [0, 1).
        votes: Neurons a class.
        seed: Of the initial weights.

    Returns:
        The ANN from (N, C, H, W) to (N, K), or the SNN from (T, N, C, H, W) to (T, N, K).

    Source: Abad et al., Sneaky Spikes, NDSS 2024, https://arxiv.org/abs/2302.06279, the released code (its appendix
    names fewer convolutions for N-MNIST and CIFAR10-DVS).
    """
    check_choice("dataset", dataset, _TOPOLOGIES)
    check_at_least("votes", votes, 1)
    blocks, side, hidden = _TOPOLOGIES[dataset]
    kit = Kit(neuron, surrogate, tau, pool)
    channels, hidden = scaled(width, 128, hidden)
    layers: list[Layer] = []
    for block in range(blocks):
        layers += [*kit.conv(channels if block else in_channels, channels), kit.act(), kit.pool()]
    layers += [*kit.flat(side), kit.dropout(dropout), kit.linear(channels * side**2, hidden), kit.act()]
    layers += [kit.dropout(dropout), kit.linear(hidden, nb_classes * votes), kit.act()]
    return kit.network([*layers, ("vote", layer.VotingLayer(votes))])
