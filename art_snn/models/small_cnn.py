"""Two convolutions and two linear layers: enough for digits, on a CPU in seconds."""

from art_snn.models.network import Kit, Network, Neuron, Pool, model, scaled


@model
def small_cnn(
    in_channels: int,
    nb_classes: int,
    *,
    neuron: Neuron = None,
    surrogate: str = "atan",
    tau: float = 2.0,
    pool: Pool = "max",
    width: float = 1.0,
    seed: int = 0,
) -> Network:
    """Convolution, norm, activation, pool, twice (16, 32 channels), then 4×4 averages and two linear layers (128, K).

    Args:
        in_channels: Channels of the input; its side may be any from 8 pixels up.
        nb_classes: K, the width of the last layer, whose output is neither rectified nor spiking.
        neuron: None for the ANN; "if", "lif" or a function that makes a neuron for the SNN.
        surrogate: Surrogate gradient of "if" and "lif", as in `art_snn.neurons.surrogate_function`.
        tau: Time constant of "lif", in steps.
        pool: "max" or "avg"; conversion from ANN to SNN needs "avg".
        width: Factor on the channels and features of every hidden layer.
        seed: Of the initial weights.

    Returns:
        The ANN from (N, C, H, W) to (N, K), or the SNN from (T, N, C, H, W) to (T, N, K).
    """
    kit = Kit(neuron, surrogate, tau, pool)
    a, b, hidden = scaled(width, 16, 32, 128)
    return kit.network(
        [
            *kit.conv(in_channels, a),
            kit.act(),
            kit.pool(),
            *kit.conv(a, b),
            kit.act(),
            kit.pool(),
            *kit.flat(4),
            kit.linear(b * 4 * 4, hidden),
            kit.act(),
            kit.linear(hidden, nb_classes),
        ]
    )
