"""Statistics of each rectifier's output over a calibration set, the same for any order and batch size."""

from collections.abc import Callable
from math import ceil, floor
from typing import Any

import torch
from torch import Tensor, nn

from art_snn.conversion.calibration_samples import Samples
from art_snn.conversion.graph import LayerGraph
from art_snn.conversion.tracing import like, rectifiers

_LOW_BITS = 16  # last bits of a float32; before them the sign (0 here), the exponent and the first bits


class NotCalibratedError(ValueError):
    """The calibration data give no thresholds: activations are not finite, or a layer is silent."""


def check_activations(name: str, activations: Tensor) -> None:
    """Check for NaN and infinity, which broken weights give."""
    if not activations.isfinite().all():
        raise NotCalibratedError(f"expected finite activations, got NaN or infinity in {name!r}")


def maxima(graph: LayerGraph, samples: Samples) -> dict[str, float]:
    """The largest output of each rectifier, over all samples, channels and pixels."""
    found: dict[str, float] = {}

    def see(name: str, activations: Tensor) -> None:
        found[name] = max(found.get(name, 0.0), activations.max().item())

    _watch(graph, samples, see)
    return found


def percentiles(graph: LayerGraph, samples: Samples, percentile: float) -> dict[str, float]:
    """The exact percentile of each rectifier's output, zeros included, interpolated linearly as in numpy.

    Floats above zero sort like the integers of the same bits. So a first pass counts the first bits of all activations,
    which locates the percentile, and a second pass counts the last bits of the activations there. That takes a few
    hundred kilobytes a layer, however many activations there are.
    """
    first: dict[str, Tensor] = {}
    _watch(graph, samples, lambda name, a: _count(first, name, _bits(a) >> _LOW_BITS, 2 ** (31 - _LOW_BITS)))
    ranks = {name: (int(counts.sum()) - 1) * percentile / 100 for name, counts in first.items()}
    places = {name: [_locate(first[name], to_int(rank)) for to_int in (floor, ceil)] for name, rank in ranks.items()}
    last: dict[tuple[str, int], Tensor] = {}

    def see_last(name: str, activations: Tensor) -> None:
        bits = _bits(activations)
        for high in {high for high, _ in places[name]}:
            _count(last, (name, high), bits[bits >> _LOW_BITS == high] % 2**_LOW_BITS, 2**_LOW_BITS)

    _watch(graph, samples, see_last)
    found = {}
    for name, rank in ranks.items():
        low, high = (_value(bits, _locate(last[name, bits], rest)[0]) for bits, rest in places[name])
        found[name] = low + (high - low) * (rank % 1)
    return found


def _count(histograms: dict[Any, Tensor], key: Any, values: Tensor, size: int) -> None:
    """Add how often each integer below `size` occurs to the histogram of that key."""
    counts = torch.bincount(values, minlength=size)
    histograms[key] = histograms[key] + counts if key in histograms else counts


def _locate(counts: Tensor, rank: int) -> tuple[int, int]:
    """The value of a rank from below, counted from 0, and the rank among equal values."""
    upto = counts.cumsum(0)
    value = int((upto > rank).nonzero()[0])
    return value, rank - int(upto[value] - counts[value])


def _bits(activations: Tensor) -> Tensor:
    return activations.float().abs().flatten().view(torch.int32)  # abs: a rectifier may put out -0.0


def _value(high: int, low: int) -> float:
    return torch.tensor(high << _LOW_BITS | low, dtype=torch.int32).view(torch.float32).item()


def _watch(graph: LayerGraph, samples: Samples, see: Callable[[str, Tensor], None]) -> None:
    """Show each rectifier's output on each batch."""
    n = 0  # samples in the batch

    def hook(name: str) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
        def show(_module: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
            check_activations(name, output[:n])
            see(name, output[:n])

        return show

    handles = [graph.get_submodule(name).register_forward_hook(hook(name)) for name in rectifiers(graph)]
    try:
        with torch.no_grad():
            for batch, n in samples.batches(like(graph)):  # noqa: B007 - the hooks read it
                graph(batch)
    finally:
        for handle in handles:
            handle.remove()
