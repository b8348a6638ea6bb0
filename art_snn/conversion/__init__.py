"""Convert a trained ANN into a spiking network of the same weights, whose firing rates are the rectifiers' outputs."""

import copy
from collections.abc import Callable
from typing import Literal, cast

from torch import Tensor, nn

from art_snn._arrays import as_samples
from art_snn._validation import check_at_least, check_choice, check_finite, check_positive
from art_snn.conversion._threshold_balancing import balanced_thresholds, encoded_steps
from art_snn.conversion.calibration_samples import JoinedArrays, Samples, as_tensor, layout_named
from art_snn.conversion.graph import LayerGraph
from art_snn.conversion.spiking import ScaledNeuron, integrate_and_fire, scaled_neurons, to_spiking
from art_snn.conversion.statistics import NotCalibratedError, maxima, percentiles
from art_snn.conversion.tracing import SAMPLES, rectifiers, trace
from art_snn.neurons import NeuronFactory
from art_snn.neurons.poisson import ENCODINGS, Encoding
from art_snn.typing import Images

Method = Literal["max", "robust", "spike-norm", "fraction"]
METHODS: tuple[Method, ...] = ("max", "robust", "spike-norm", "fraction")

__all__ = [
    "METHODS",
    "JoinedArrays",
    "Method",
    "NotCalibratedError",
    "ScaledNeuron",
    "check_method",
    "convert",
    "threshold_shift",
    "thresholds",
    "uncalibrated",
]


def convert(
    ann: nn.Module,
    x_calibration: Images | JoinedArrays,
    *,
    method: Method,
    scale: float = 1.0,
    percentile: float = 99.9,
    timesteps: int = 100,
    encoding: Encoding = "direct",
    seed: int = 0,
    batch_size: int = 128,
    neuron: NeuronFactory = integrate_and_fire,
    prepare: Callable[[Images], Images] = lambda x: x,
) -> LayerGraph:
    """Make a multi-step spiking network with an ANN's weights and with thresholds that fit its activations.

    Each rectifier becomes a neuron that resets by subtraction and whose spikes weigh its threshold; batch norm is
    folded into the weights. The last layer stays, so that the mean of the outputs over time estimates the ANN's logits.
    The ANN is not changed. All parameters of the result, thresholds included, can be trained.

    Args:
        ann: Network of rectifiers as `nn.ReLU` modules, convolutions, linear layers, batch norm (running statistics),
            average pooling, dropout, flattening, and sums of activations and constants. It runs on a few samples and is
            read on the way, with what it writes in place, what hooks compute and what its forward pass leaves to
            defaults. The logits of the result without spikes are compared with the ANN's own.
        x_calibration: At least one sample, (N, C, H, W), in the form that the ANN or `prepare` takes. Neither their
            order nor the batch size matters.
        method: Statistic of the ANN's rectifier; `scale` times it is a layer's threshold:

            - "max": its largest output
            - "robust": the percentile of its outputs, zeros included
            - "fraction": its largest output, and `scale` is below 1 (what the framework paper calls "Spike-Norm 1/2")
            - "spike-norm": the largest input of a time step when the layers before spike (Sengupta's)
        scale: Factor on the statistic, above 0. A smaller one needs fewer time steps and saturates more.
        percentile: Percentile that "robust" takes, in (0, 100].
        timesteps: Number of time steps that "spike-norm" runs, at least 1.
        encoding: Input of each time step of "spike-norm", as in `SpikingModule`: "direct" is the sample itself,
            "poisson" (Sengupta's) spikes drawn with the pixel as probability.
        seed: Seed of the Poisson thresholds; a `SpikingModule` of the same seed sees the calibration's very spikes.
        batch_size: Number of samples that are moved to the device at once; a multiple of 32 is fastest.
        neuron: Function that makes a neuron of threshold 1 with soft reset.
        prepare: Function that prepares each batch for the ANN, for example standardises it.

    Returns:
        The network from (T, N, C, H, W) to (T, N, K) in evaluation mode, for input that is the same at each step.

    Raises:
        ValueError: If the ANN has a layer without spiking counterpart (maximum pooling, another activation, a reshape
            of its own), branches on its input, answers the same samples differently each time, or needs more arguments
            than samples; if the calibration set is empty or not finite, a layer is silent on it, or a number is out of
            range. Then nothing has been changed.

    Source: "max": Diehl et al., Fast-Classifying, High-Accuracy Spiking Deep Networks, 2015,
    https://doi.org/10.1109/IJCNN.2015.7280696, data-based normalisation; "robust": Rueckauer et al., Conversion of
    Continuous-Valued Deep Networks to Efficient Event-Driven Networks, 2017, https://doi.org/10.3389/fnins.2017.00682;
    "spike-norm": Sengupta et al., Going Deeper in Spiking Neural Networks, 2019, https://arxiv.org/abs/1802.02627.
    """
    check_method(method, scale, percentile)
    check_choice("encoding", encoding, ENCODINGS)
    check_at_least("timesteps", timesteps, 1)
    check_at_least("batch_size", batch_size, 1)
    if not isinstance(x_calibration, JoinedArrays):
        x_calibration = as_samples("x_calibration", x_calibration)
    check_at_least("the number of calibration samples", len(x_calibration), 1)
    check_finite("x_calibration", cast(Images, x_calibration))  # it reads slices
    with layout_named(ann, "x_calibration", (len(x_calibration), *x_calibration[0].shape)):
        graph = _traced(ann, as_tensor(prepare(x_calibration[:SAMPLES])))
    net, samples = to_spiking(copy.deepcopy(graph), neuron), Samples(x_calibration, batch_size, prepare)
    if method == "robust":
        found = percentiles(graph, samples, percentile)
    elif method == "spike-norm":
        found = balanced_thresholds(graph, samples, encoded_steps(encoding, timesteps, seed))
    else:
        found = maxima(graph, samples)
    _check_found(found)
    for name, layer in scaled_neurons(net).items():
        layer.threshold.data.fill_(scale * found[name])
    return net


def uncalibrated(ann: nn.Module, samples: Tensor, neuron: NeuronFactory = integrate_and_fire) -> LayerGraph:
    """Convert an ANN with thresholds of 1, without calibration; it refuses the same ANNs as `convert`.

    Args:
        ann: Network to convert, as in `convert`; on the device "meta" only shapes are read.
        samples: At least one sample of any values, in the form that the ANN takes.
        neuron: Function that makes a neuron of threshold 1 with soft reset.
    """
    return to_spiking(_traced(ann, samples), neuron)


def _traced(ann: nn.Module, samples: Tensor) -> LayerGraph:
    graph = trace(ann, samples)
    if not rectifiers(graph):
        raise ValueError("expected an ANN with nn.ReLU modules, got one without: there is nothing to become a neuron")
    return graph


def check_method(method: str, scale: float, percentile: float) -> None:
    """Check a method of conversion and its numbers."""
    check_choice("method", method, METHODS)
    check_positive("scale", scale)
    if method == "fraction" and scale >= 1:
        raise ValueError(f"expected scale between 0 and 1 for method='fraction', got {scale!r}")
    if not 0 < percentile <= 100:
        raise ValueError(f"expected percentile in (0, 100], got {percentile!r}")


def thresholds(net: nn.Module) -> dict[str, float]:
    """Thresholds of a converted network by layer, in the units of the ANN's activations."""
    return {name: neuron.threshold.item() for name, neuron in scaled_neurons(net).items()}


def threshold_shift(clean: nn.Module, poisoned: nn.Module) -> dict[str, float]:
    """How far poisoned calibration data moved each layer's threshold: |poisoned - clean| / clean.

    Args:
        clean: Network converted with clean calibration data.
        poisoned: Network converted from the same ANN with poisoned calibration data.
    """
    moved = thresholds(poisoned)
    return {name: abs(moved[name] - threshold) / threshold for name, threshold in thresholds(clean).items()}


def _check_found(found: dict[str, float]) -> None:
    for name, statistic in found.items():
        if not statistic > 0:
            raise NotCalibratedError(
                f"expected activations above 0 in {name!r} on the calibration data, got a statistic of {statistic}; "
                "give more data, a higher percentile or another method, or train the ANN again"
            )
