"""VGG11 for small images: eight convolutions, five pools."""

from typing import Literal

from art_snn._validation import check_choice
from art_snn.models.network import Kit, Layer, Network, Neuron, Pool, model, scaled

Classifier = Literal["paper", "linear"]

_PLAN: tuple[tuple[int, ...], ...] = ((64,), (128,), (256, 256), (512, 512), (512, 512))  # a pool ends each stage


@model
def vgg11(
    in_channels: int,
    nb_classes: int,
    *,
    neuron: Neuron = None,
    surrogate: str = "atan",
    tau: float = 2.0,
    pool: Pool = "max",
    width: float = 1.0,
    classifier: Classifier = "paper",
    dropout: float = 0.5,
    seed: int = 0,
) -> Network:
    """VGG11 in its CIFAR form: 3×3 convolutions, each with norm and activation, and five 2×2 pools.

    Args:
        in_channels: Channels of the input; its side may be any from 8 pixels up (pools round up, 28 and 16 work too).
        nb_classes: K, the width of the last layer, whose output is neither rectified nor spiking.
        neuron: None for the ANN; "if", "lif" or a function that makes a neuron for the SNN.
        surrogate: Surrogate gradient of "if" and "lif", as in `art_snn.neurons.surrogate_function`.
        tau: Time constant of "lif", in steps.
        pool: "max" or "avg"; conversion from ANN to SNN needs "avg".
        width: Factor on the channels and features of every hidden layer.
        classifier: "paper": two hidden layers of 512 features (the paper does not say how many), each followed by
            activation and dropout, and the last layer; "linear": the last layer alone.
        dropout: Share of the hidden features that "paper" drops in training, in [0, 1).
        seed: Of the initial weights.

    Returns:
        The ANN from (N, C, H, W) to (N, K), or the SNN from (T, N, C, H, W) to (T, N, K).

    Source: Jin et al., Backdoor attacks on spiking neural networks under three learning rules, 2024,
    https://arxiv.org/abs/2409.15670, tables 6 and 7, with batch norm as in the released code.
    """
    check_choice("classifier", classifier, ("paper", "linear"))
    kit = Kit(neuron, surrogate, tau, pool)
    layers: list[Layer] = []
    for stage in _PLAN:
        for channels in scaled(width, *stage):
            layers += [*kit.conv(in_channels, channels), kit.act()]
            in_channels = channels
        layers.append(kit.pool(ceil_mode=True))
    layers += kit.flat(1)
    if classifier == "paper":
        for features in scaled(width, 512, 512):
            layers += [kit.linear(in_channels, features), kit.act(), kit.dropout(dropout)]
            in_channels = features
    return kit.network([*layers, kit.linear(in_channels, nb_classes)])
