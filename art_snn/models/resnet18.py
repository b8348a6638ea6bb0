"""ResNet18 for small images: a 3×3 stem and four stages of two residual blocks."""

import torch
from torch import nn

from art_snn.models.network import Chain, Kit, Layer, Network, Neuron, Pool, model, scaled


class BasicBlock(nn.Module):
    """Two 3×3 convolutions beside a shortcut; the activation follows the sum.

    The shortcut is the identity where shapes allow, else a 1×1 convolution with norm.
    """

    keeps_time_apart = True

    def __init__(self, kit: Kit, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        first, second = kit.conv(in_channels, out_channels, stride=stride), kit.conv(out_channels, out_channels)
        self.body = Chain([*first, kit.act(), *second])
        is_same = stride == 1 and in_channels == out_channels
        self.shortcut = Chain([] if is_same else kit.conv(in_channels, out_channels, kernel_size=1, stride=stride))
        self.act = kit.activation()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The activation of body plus shortcut."""
        out: torch.Tensor = self.act(self.body(x) + self.shortcut(x))
        return out


@model
def resnet18(
    in_channels: int,
    nb_classes: int,
    *,
    neuron: Neuron = None,
    surrogate: str = "atan",
    tau: float = 2.0,
    pool: Pool = "max",
    width: float = 1.0,
    stem_pool: bool = True,
    dropout: float = 0.0,
    seed: int = 0,
) -> Network:
    """ResNet18 in its CIFAR form: a 3×3 stem of stride 1, then stages of 64, 128, 256 and 512 channels.

    Args:
        in_channels: Channels of the input; its side may be any from 8 pixels up.
        nb_classes: K, the width of the last layer, whose output is neither rectified nor spiking.
        neuron: None for the ANN; "if", "lif" or a function that makes a neuron for the SNN.
        surrogate: Surrogate gradient of "if" and "lif", as in `art_snn.neurons.surrogate_function`.
        tau: Time constant of "lif", in steps.
        pool: "max" or "avg", the kind of the stem's pool; conversion from ANN to SNN needs "avg".
        width: Factor on the channels of every hidden layer.
        stem_pool: Whether a 2×2 pool follows the stem, as in the paper.
        dropout: Share of the features before the last layer that is dropped in training, in [0, 1).
        seed: Of the initial weights.

    Returns:
        The ANN from (N, C, H, W) to (N, K), or the SNN from (T, N, C, H, W) to (T, N, K).

    Source: Jin et al., Backdoor attacks on spiking neural networks under three learning rules, 2024,
    https://arxiv.org/abs/2409.15670, table 5.
    """
    kit = Kit(neuron, surrogate, tau, pool)
    channels, *stages = scaled(width, 64, 64, 128, 256, 512)
    layers: list[Layer] = [*kit.conv(in_channels, channels), kit.act()]
    if stem_pool:
        layers.append(kit.pool())
    for number, wider in enumerate(stages):
        stride = 1 if number == 0 else 2
        layers += [("block", BasicBlock(kit, channels, wider, stride)), ("block", BasicBlock(kit, wider, wider, 1))]
        channels = wider
    return kit.network([*layers, *kit.flat(1), kit.dropout(dropout), kit.linear(channels, nb_classes)])
