"""Voltage and spike sequences of a layer, one row per sample, and how far they deviate from a clean reference."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from art.estimators.classification import PyTorchClassifier
from sklearn.linear_model import Ridge
from sklearn.metrics import pairwise_distances_chunked

from art_snn.defences.detector._layer_features import Sketch, layer_features
from art_snn.defences.detector._principal_directions import Directions
from art_snn.typing import Array, Indices

_N_COMPONENTS = 20
_KEPT = 0.75  # share of the samples that fit the translation: the others may be poison
_ROUNDS = 5

Batches = Callable[[Array], Iterator[Array]]


@dataclass(frozen=True, eq=False)
class Recorder:
    """Record the cumulative voltages and spikes of one layer.

    Args:
        classifier: ART's `PyTorchClassifier` or a spiking one; an ANN has one time step, its voltages are the layer's
            input.
        layer: Name of the layer.
        sketch: Shortens the row of each time step.
        batches: Splits samples into batches.
    """

    classifier: PyTorchClassifier
    layer: str
    sketch: Sketch
    batches: Batches

    def __call__(self, x: Array) -> tuple[Array, Array]:
        """Cumulative voltages and spikes of samples, each (N, T, F)."""
        voltages, spikes = (
            layer_features(self.classifier, self.batches(x), [self.layer], feature, self.sketch)[self.layer]
            for feature in ("voltage trains", "trains")
        )
        for part in (voltages, spikes):
            np.cumsum(part, axis=1, out=part)
        return voltages, spikes


@dataclass(frozen=True, eq=False)
class Scale:
    """Bring voltages and spikes to one scale: each is divided by its root mean square distance from the mean."""

    spreads: tuple[float, ...]

    @classmethod
    def of(cls, *parts: Array) -> "Scale":
        """The scale of parts (N, T, F); constant parts keep theirs."""
        spreads = (float(np.sqrt(((part - part.mean(axis=0)) ** 2).sum(axis=(1, 2)).mean())) for part in parts)
        return cls(tuple(spread or 1.0 for spread in spreads))

    def __call__(self, *parts: Array) -> Array:
        """One row (N, F') per sample from parts (N, T, F)."""
        flat = [part.reshape(len(part), -1) for part in parts]
        rows = np.concatenate(flat, axis=1)
        rows /= np.repeat(np.array(self.spreads, np.float32), [part.shape[1] for part in flat])
        return rows


def check_every_class(labels: Indices, reference_labels: Indices) -> None:
    """Raise unless every class in `labels` has reference samples."""
    missing = np.setdiff1d(labels, reference_labels)
    if len(missing):
        raise ValueError(f"expected reference samples of every class, got none of {missing.tolist()}; add some")


def mean_distances(rows: Array, labels: Indices, references: Array, reference_labels: Indices) -> Array:
    """Mean distance (N,) of each row (N, F) to the references (M, F) of its class, in scikit-learn's chunks.

    Raises:
        ValueError: If a class has no references.
    """
    check_every_class(labels, reference_labels)
    means = np.zeros(len(rows))
    for label in np.unique(labels):
        own = labels == label
        chunks = pairwise_distances_chunked(
            rows[own], references[reference_labels == label], reduce_func=lambda distances, _: distances.mean(axis=1)
        )
        means[own] = np.concatenate(list(chunks))
    return means


class Translation:
    """Predict the sequences in a suspected model from those in a clean model.

    The neurons of two models do not correspond, so ridge regression predicts the principal components of the suspected
    model's sequences from the clean model's. The worst quarter of the samples is left out of the fit: it holds the
    poison, to which the two models assign different classes.

    Args:
        clean: Sequences in the clean model, (N, F).
        suspected: Sequences of the same samples in the suspected model, (N, F').
        seed: Seed of the principal components.
    """

    def __init__(self, clean: Array, suspected: Array, seed: int) -> None:
        self._clean, self._suspected = (Directions.of(rows, _N_COMPONENTS, seed) for rows in (clean, suspected))
        self._ridge = Ridge()
        x, y = self._clean.project(clean), self._suspected.project(suspected)
        n_kept = max(1, int(_KEPT * len(x)))
        rows = np.arange(len(x))
        for _ in range(_ROUNDS):
            self._ridge.fit(x[rows], y[rows])
            rows = np.argsort(self.residuals(clean, suspected), kind="stable")[:n_kept]

    def residuals(self, clean: Array, suspected: Array) -> Array:
        """Distance (N,) of the suspected model's sequences from their prediction."""
        predicted = self._ridge.predict(self._clean.project(clean))
        lengths: Array = np.linalg.norm(self._suspected.project(suspected) - predicted, axis=1)
        return lengths


class CleanSamples:
    """Deviation of samples: the mean distance to clean samples of their class.

    Args:
        record: Recorder of the suspected model.
        x: Clean samples, (M, ...).
        labels: Class indices of the clean samples, (M,).
    """

    def __init__(self, record: Recorder, x: Array, labels: Indices) -> None:
        parts = record(x)
        self._record, self._scale, self._labels = record, Scale.of(*parts), labels
        self._references = self._scale(*parts)

    def fit(self, x: Array, labels: Indices) -> Array:
        """Deviations (N,) of the training data, from which nothing is learnt."""
        return self.deviations(x, labels)

    def deviations(self, x: Array, labels: Indices) -> Array:
        """Deviations (N,) of samples, computed batch by batch."""
        ends = np.cumsum([len(batch) for batch in self._record.batches(x)])
        return np.concatenate(
            [
                mean_distances(self._scale(*self._record(batch)), own, self._references, self._labels)
                for batch, own in zip(self._record.batches(x), np.split(labels, ends[:-1]), strict=True)
            ]
        )


class CleanModel:
    """Deviation of samples: the error of predicting their sequences from those in a clean model.

    Args:
        record: Recorder of the suspected model.
        record_clean: Recorder of the clean model.
        seed: Seed of the principal components.
    """

    def __init__(self, record: Recorder, record_clean: Recorder, seed: int) -> None:
        self._records, self._seed = (record_clean, record), seed

    def fit(self, x: Array, labels: Indices) -> Array:
        """Fit the translation to the training data; returns their deviations (N,)."""
        self._scales, rows = [], []
        for record in self._records:
            parts = record(x)
            self._scales.append(Scale.of(*parts))
            rows.append(self._scales[-1](*parts))
            del parts  # the largest arrays in memory
        self._translation = Translation(rows[0], rows[1], self._seed)
        return self._translation.residuals(rows[0], rows[1])

    def deviations(self, x: Array, labels: Indices) -> Array:
        """Deviations (N,) of samples, computed batch by batch."""
        return np.concatenate([self._residuals(batch) for batch in self._records[0].batches(x)])

    def _residuals(self, x: Array) -> Array:
        pairs = zip(self._scales, self._records, strict=True)
        return self._translation.residuals(*[scale(*record(x)) for scale, record in pairs])
