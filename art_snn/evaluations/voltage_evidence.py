"""What the last neurons of a backdoored network and of its clean twin do on clean and on triggered samples."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.stats import ks_2samp

from art_snn._validation import check_same_length
from art_snn.attacks.poisoning import BackdoorAttack
from art_snn.estimators.classification import LearningRule, rule_of
from art_snn.evaluations.backdoor import TrainedPair
from art_snn.evaluations.samples import exam_of, samples_for_all
from art_snn.evaluations.separation import Separation, separation
from art_snn.lazy_rows import rows_of
from art_snn.typing import Array, Labels

N_SAMPLES = 256  # at most
N_NEURONS = 8  # that are shown
N_POINTS = 64  # of a trace over time, at most
_MOST = 1 << 24  # numbers in memory at once


@dataclass(frozen=True, kw_only=True)
class Trace:
    """Neurons of one layer over S time steps, on samples of one kind; voltages are those after the reset.

    Args:
        voltage: Mean voltage over neurons and samples, (S,).
        voltage_sd: Standard deviation over samples of their mean voltage, (S,).
        spikes: Share of neurons that spike, mean over samples, (S,).
        spikes_sd: Standard deviation over samples of that share, (S,).
        raster: Time steps, from 1, at which each neuron that is shown spikes on the first sample.
    """

    voltage: tuple[float, ...]
    voltage_sd: tuple[float, ...]
    spikes: tuple[float, ...]
    spikes_sd: tuple[float, ...]
    raster: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, kw_only=True)
class LayerEvidence:
    """The last spiking layer of a backdoored classifier and of its clean twin.

    That a trigger shows in voltages is no proof of a backdoor: it is a change of the input. What the same statistics
    say of the clean twin, and of clean samples, is what they are to be compared with.

    Args:
        layer: Name of the layer.
        n_neurons: Number of its neurons.
        neurons: Numbers of those that are shown: their cumulative voltages differ most between both kinds of samples.
        timesteps: Time steps of the traces, from 1, (S,).
        n_timesteps: Number T of all time steps.
        traces: By model, "backdoored" or "twin", and by kind of samples, "clean" or "triggered".
        separation: By model, how well voltages tell triggered from clean samples.
        distance: By kind of samples, the Kolmogorov-Smirnov statistic in [0, 1] of the two models: how far the
            distributions over samples of their mean cumulative voltages are apart.

    Source: Jin et al., 2024, https://arxiv.org/abs/2409.15670, Fig. 11, which shows traces alone; the statistics are
    ours.
    """

    layer: str
    n_neurons: int
    neurons: tuple[int, ...]
    timesteps: tuple[int, ...]
    n_timesteps: int
    traces: dict[str, dict[str, Trace]]
    separation: dict[str, Separation]
    distance: dict[str, float]


def layer_evidence(attack: BackdoorAttack, trained: TrainedPair, x: Array, y: Labels) -> LayerEvidence | None:
    """Look at the last spiking layer of a pair of classifiers; None where they do not spike.

    Args:
        attack: Whose trigger and target it is.
        trained: A backdoored classifier and its clean twin, of one topology.
        x: Clean test samples, (N, ...); the first 256 that count for success are taken.
        y: Labels of the samples, indices (N,) or one-hot (N, K).

    Raises:
        ValueError: If samples and labels do not fit, or nothing counts for success.
    """
    rules = {"backdoored": rule_of(trained.backdoored), "twin": rule_of(trained.clean)}
    if not rules["backdoored"].is_spiking:
        return None
    kinds = _samples(attack, trained, x, y)
    layer = rules["backdoored"].feature_layers()[-1]
    seen = {model: {kind: _seen(rule, rows, layer) for kind, rows in kinds.items()} for model, rule in rules.items()}
    shift = np.abs(seen["backdoored"]["triggered"].total.mean(axis=0) - seen["backdoored"]["clean"].total.mean(axis=0))
    neurons = np.argsort(-np.nan_to_num(shift), kind="stable")[:N_NEURONS]
    n_timesteps, n_neurons = seen["backdoored"]["clean"].first.shape
    steps = np.unique(np.linspace(0, n_timesteps - 1, min(N_POINTS, n_timesteps)).round().astype(int))
    return LayerEvidence(
        layer=layer,
        n_neurons=n_neurons,
        neurons=tuple(neurons.tolist()),
        timesteps=tuple((steps + 1).tolist()),
        n_timesteps=n_timesteps,
        traces={m: {kind: one.trace(neurons, steps) for kind, one in kinds.items()} for m, kinds in seen.items()},
        separation={model: separation(one["clean"].total, one["triggered"].total) for model, one in seen.items()},
        distance={kind: _distance(seen["backdoored"][kind], seen["twin"][kind]) for kind in kinds},
    )


class _Seen(NamedTuple):
    """A layer on samples of one kind.

    Args:
        total: Voltages summed over time, (N, F).
        by_sample: Voltages and spikes, means over neurons, (2, N, T).
        first: Whether each neuron spikes on the first sample, (T, F).
    """

    total: Array
    by_sample: Array
    first: Array

    def trace(self, neurons: Array, steps: Array) -> Trace:
        """What is kept of it."""
        voltage, spikes = self.by_sample[:, :, steps]
        return Trace(
            voltage=_short(voltage.mean(axis=0)),
            voltage_sd=_short(voltage.std(axis=0)),
            spikes=_short(spikes.mean(axis=0)),
            spikes_sd=_short(spikes.std(axis=0)),
            raster=tuple(tuple((np.flatnonzero(self.first[:, neuron]) + 1).tolist()) for neuron in neurons),
        )


def _samples(attack: BackdoorAttack, trained: TrainedPair, x: Array, y: Labels) -> dict[str, Array]:
    """Clean and triggered samples that count for success, as arrays."""
    check_same_length("x", x, "y", y)
    exam = exam_of(attack, samples_for_all("x", x, trained), y)
    rows = np.flatnonzero(exam.counted)[:N_SAMPLES]
    chosen = {"clean": exam.x, "triggered": exam.x_triggered}
    return {kind: np.asarray(rows_of(samples, rows)) for kind, samples in chosen.items()}


def _seen(rule: LearningRule, x: Array, layer: str) -> _Seen:
    """Pass samples through in batches that fit."""
    _, n_timesteps, n_neurons = rule.layer_outputs(x[:1], [layer], "voltage", "none")[layer].shape
    size = max(1, min(len(x), _MOST // (n_timesteps * n_neurons)))
    parts = [_batch(rule, x[start : start + size], layer) for start in range(0, len(x), size)]
    return _Seen(
        np.concatenate([part.total for part in parts]),
        np.concatenate([part.by_sample for part in parts], axis=1),
        parts[0].first,
    )


def _batch(rule: LearningRule, x: Array, layer: str) -> _Seen:
    """Samples that go through together; their voltages are summed."""
    voltages, spikes = (rule.layer_outputs(x, [layer], one, "none")[layer] for one in ("voltage", "spikes"))
    by_sample = np.stack([voltages.mean(axis=2), spikes.mean(axis=2)])
    return _Seen(voltages.sum(axis=1), by_sample, spikes[0] > 0)


def _distance(one: _Seen, other: _Seen) -> float:
    means = [seen.total.mean(axis=1) for seen in (one, other)]
    return float(ks_2samp(*means).statistic) if np.isfinite(means).all() else math.nan


def _short(values: Array) -> tuple[float, ...]:
    """Four digits of each, NaN for what is not finite."""
    return tuple(float(f"{value:.4g}") if np.isfinite(value) else math.nan for value in values.tolist())
