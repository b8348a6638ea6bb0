"""What classifying costs by the operations that it takes, counted as it runs; and what a trigger adds to it."""

import math
import statistics
import time
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from art.estimators.classification import PyTorchClassifier
from torch import nn

from art_snn._random import host_seed
from art_snn._validation import check_at_least, check_finite, check_same_length
from art_snn.conversion import thresholds
from art_snn.estimators.classification import rule_of
from art_snn.estimators.classification.inputs import samples_for
from art_snn.estimators.classification.inspection import OperationCounts, operations_counted, uncounted_layers
from art_snn.estimators.classification.mode import mode
from art_snn.metrics import energy_pj
from art_snn.typing import Array

_AT_ONCE = 1024  # samples in memory, where they are read as they are needed
ENERGY_CAVEAT = (
    "Energy of arithmetic alone, 0.9 pJ an accumulate and 4.6 pJ a multiply-accumulate (45 nm, 32-bit floats): memory "
    "access, which can outweigh it, and membrane updates, biases, norms, pools and leakage are left out."
)


@dataclass(frozen=True)
class SynapticLayer:
    """Operations of one layer with weights, a sample, over all time steps.

    Args:
        accumulates: Effective ones: inputs other than 0 times the weights other than 0 that they meet, if all inputs of
            the layer were 0 or one and the same magnitude.
        multiplies: Effective multiply-accumulates, if inputs differ in magnitude; one of the two is 0.
        dense: All inputs times all weights that they meet.
        n_weights: Number of weights, without biases.
        n_zero_weights: Number of weights that are 0.
    """

    accumulates: float
    multiplies: float
    dense: float
    n_weights: int
    n_zero_weights: int


@dataclass(frozen=True)
class ActivationLayer:
    """Outputs of one layer of neurons, or of an ANN's activations, a sample, over all time steps.

    Args:
        is_spiking: Whether it is a layer of neurons.
        n_nonzero: Outputs other than 0; of neurons the spikes.
        n_outputs: All outputs.
        membrane_updates: Potentials that changed in a time step, or whose neuron fired; 0 of an ANN, NaN where the
            neurons keep no potential that is known.
    """

    is_spiking: bool
    n_nonzero: float
    n_outputs: float
    membrane_updates: float


@dataclass(frozen=True, kw_only=True)
class Operations:
    """Operations of one classifier, a sample, by layer and in all.

    Args:
        n_samples: Number of samples that were classified.
        synapses: Layers with weights, by name.
        activations: Layers of neurons or activations, by name.
        footprint: Bytes of parameters and buffers.
        not_counted: Layers with weights whose operations are unknown and in no figure.
    """

    n_samples: int
    synapses: dict[str, SynapticLayer]
    activations: dict[str, ActivationLayer]
    footprint: int
    not_counted: tuple[str, ...] = ()

    @property
    def effective_acs(self) -> float:
        """Accumulates, a sample."""
        return math.fsum(layer.accumulates for layer in self.synapses.values())

    @property
    def effective_macs(self) -> float:
        """Multiply-accumulates, a sample."""
        return math.fsum(layer.multiplies for layer in self.synapses.values())

    @property
    def dense(self) -> float:
        """Operations of hardware that does not skip zeros, a sample."""
        return math.fsum(layer.dense for layer in self.synapses.values())

    @property
    def spikes(self) -> float:
        """Spikes of all neurons, a sample; 0 of an ANN."""
        return math.fsum(layer.n_nonzero for layer in self.activations.values() if layer.is_spiking)

    @property
    def membrane_updates(self) -> float:
        """Membrane updates of all neurons, a sample; 0 of an ANN."""
        return math.fsum(layer.membrane_updates for layer in self.activations.values())

    @property
    def activation_sparsity(self) -> float:
        """Share of all outputs of neurons and activations that are 0, in [0, 1]; NaN where there are none."""
        n_nonzero = math.fsum(layer.n_nonzero for layer in self.activations.values())
        return 1 - _ratio(n_nonzero, math.fsum(layer.n_outputs for layer in self.activations.values()))

    @property
    def connection_sparsity(self) -> float:
        """Share of all weights that are 0, in [0, 1]; NaN where there are none."""
        n_zero = sum(layer.n_zero_weights for layer in self.synapses.values())
        return _ratio(n_zero, sum(layer.n_weights for layer in self.synapses.values()))

    @property
    def energy_pj(self) -> float:
        """Energy of the synaptic operations in picojoule, a sample; `ENERGY_CAVEAT` says what it leaves out."""
        return energy_pj(self.effective_acs, self.effective_macs)

    def as_row(self) -> dict[str, float | str]:
        """All figures by name, for a table, and the caveat."""
        names = [name for name, value in vars(type(self)).items() if isinstance(value, property)]
        figures = {name: getattr(self, name) for name in ("n_samples", *names, "footprint")}
        return {**figures, "n_not_counted": len(self.not_counted), "energy_caveat": ENERGY_CAVEAT}


@dataclass(frozen=True, kw_only=True)
class TriggerCost:
    """What a trigger adds to the cost of classifying: an attack on energy makes it more.

    Args:
        clean: Operations on clean samples.
        triggered: Operations on the same samples with the trigger.
        spikes: Ratio triggered : clean of spikes; NaN where clean samples call forth none, as of an ANN.
        operations: Ratio of effective accumulates and multiply-accumulates together.
        energy: Ratio of the energy of these operations.
        membrane_updates: Ratio of membrane updates.
        seconds: Ratio of the time that classifying takes on this machine, median of passes in turn; it computes zeros,
            too, so that it says little of hardware that does not.
    """

    clean: Operations
    triggered: Operations
    spikes: float
    operations: float
    energy: float
    membrane_updates: float
    seconds: float

    def as_row(self) -> dict[str, float]:
        """The ratios by name."""
        return {f"{one.name}_ratio": getattr(self, one.name) for one in fields(self)[2:]}


def count_operations(classifier: PyTorchClassifier, x: Array, *, batch_size: int = 128) -> Operations:
    """Count the operations that classifying takes, as NeuroBench defines them.

    Every time step counts, also of an image that enters at each of them alike, though this package computes it once.
    Operations on inputs that are all 0 or of one magnitude are accumulates where that magnitude is 1 or a converted
    neuron's threshold, which the weights can take over; all others are multiply-accumulates: pixels, frames with
    counts above 1, and spikes that an average pool has mixed. Pools and norms are not counted.

    Args:
        classifier: Any `PyTorchClassifier`, of an ANN or an SNN; it is left as it was.
        x: Samples, (N, ...), at least one.
        batch_size: Samples a pass at most; no figure depends on it.

    Raises:
        ValueError: If there are no samples, or not of the shape that the classifier takes, or one is not finite.

    Source: Yik et al., The NeuroBench framework, 2025, https://doi.org/10.1038/s41467-025-56739-4; membrane updates
    count those of the first time step only where the potential changes, and a reset that brings it back to where it
    was counts, unlike in its released code.
    """
    counts, n = _counted(classifier, x, "x", batch_size)
    return _operations(classifier, counts, n, _graded(classifier, [counts]))


def trigger_cost(
    classifier: PyTorchClassifier, x: Array, x_triggered: Array, *, batch_size: int = 128, repeats: int = 3
) -> TriggerCost:
    """Compare what classifying costs with and without a trigger; see `count_operations`.

    A layer that takes multiply-accumulates for either kind of samples is said to take them for both.

    Args:
        classifier: Any `PyTorchClassifier`; it is left as it was.
        x: Clean samples, (N, ...), at least one.
        x_triggered: Triggered samples, in the order of the clean ones.
        batch_size: Samples a pass at most.
        repeats: Number of passes over either kind that are timed, in turn.

    Raises:
        ValueError: If there are not as many of either kind, or as `count_operations`.
    """
    check_same_length("x", x, "x_triggered", x_triggered)
    check_at_least("repeats", repeats, 1)
    counted = [_counted(classifier, some, name, batch_size) for name, some in (("x", x), ("x_triggered", x_triggered))]
    graded = _graded(classifier, [counts for counts, _ in counted])
    clean, triggered = (_operations(classifier, counts, n, graded) for counts, n in counted)
    seconds = [[_seconds(classifier, some, batch_size) for some in (x, x_triggered)] for _ in range(repeats)]
    before, after = (statistics.median(column) for column in zip(*seconds, strict=True))
    return TriggerCost(
        clean=clean,
        triggered=triggered,
        spikes=_ratio(triggered.spikes, clean.spikes),
        operations=_ratio(_all(triggered), _all(clean)),
        energy=_ratio(triggered.energy_pj, clean.energy_pj),
        membrane_updates=_ratio(triggered.membrane_updates, clean.membrane_updates),
        seconds=after / before,
    )


def _counted(classifier: PyTorchClassifier, x: Any, name: str, batch_size: int) -> tuple[OperationCounts, int]:
    """The counts of one run, and the number of samples."""
    x = samples_for(classifier, x, name)
    check_at_least("batch_size", batch_size, 1)
    if len(x) == 0:
        raise ValueError(f"expected at least one sample in {name}, got none")
    check_finite(name, x)
    with operations_counted(rule_of(classifier).network) as counts:
        _seconds(classifier, x, batch_size)
    return counts, len(x)


def _seconds(classifier: PyTorchClassifier, x: Array, batch_size: int) -> float:
    """Classify samples, of which few are in memory at once if they are read as they are needed; the time that takes."""
    seconds = 0.0
    with mode(classifier.model, False), host_seed(0):  # ART's own class draws from the global streams even to predict
        for start in range(0, len(x), _AT_ONCE):
            some = np.ascontiguousarray(x[start : start + _AT_ONCE])
            started = time.perf_counter()
            classifier.predict(some, batch_size=batch_size)
            seconds += time.perf_counter() - started
    return seconds


def _graded(classifier: PyTorchClassifier, runs: Iterable[OperationCounts]) -> set[str]:
    """Layers whose inputs took more than one magnitude in any run, or one that no weights take over."""
    binary = {1.0, *thresholds(rule_of(classifier).network).values()}
    levels: dict[str, set[float]] = {}
    for counts in runs:
        for name, count in counts.synapses.items():
            levels.setdefault(name, set()).update(count.levels)
    return {name for name, seen in levels.items() if len(seen) > 1 or seen - binary}


def _operations(classifier: PyTorchClassifier, counts: OperationCounts, n: int, graded: set[str]) -> Operations:
    net = rule_of(classifier).network
    synapses = {}
    for name, count in counts.synapses.items():
        effective = count.effective / n
        shared = (effective, 0.0) if name not in graded else (0.0, effective)
        synapses[name] = SynapticLayer(*shared, count.dense / n, count.n_weights, count.n_zero_weights)
    activations = {
        name: ActivationLayer(one.is_spiking, one.nonzero / n, one.outputs / n, one.updates / n)
        for name, one in counts.activations.items()
    }
    return Operations(
        n_samples=n,
        synapses=synapses,
        activations=activations,
        footprint=_bytes(net),
        not_counted=tuple(uncounted_layers(net)),
    )


def _all(operations: Operations) -> float:
    return operations.effective_acs + operations.effective_macs


def _bytes(net: nn.Module) -> int:
    tensors: list[torch.Tensor] = [*net.parameters(), *net.buffers()]
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else math.nan
