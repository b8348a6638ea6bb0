"""What a layer does over time, as one row a sample, and how far it departs from what is known to be clean."""

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
_KEPT = 0.75  # of the samples, by which the translation is fitted: there may be poison among the others
_ROUNDS = 5

Batches = Callable[[Array], Iterator[Array]]


@dataclass(frozen=True, eq=False)
class Recorder:
    """Reads the cumulative voltages and spikes of one layer.

    Args:
        classifier: Spiking or not; an ANN knows one time step, its voltages being what enters the layer.
        layer: Its name.
        sketch: Keeps the rows of a time step short.
        batches: Cuts samples into batches.
    """

    classifier: PyTorchClassifier
    layer: str
    sketch: Sketch
    batches: Batches

    def __call__(self, x: Array) -> tuple[Array, Array]:
        """Voltages and spikes of samples, each (N, T, F) and summed up over the time steps so far."""
        voltages, spikes = (
            layer_features(self.classifier, self.batches(x), [self.layer], feature, self.sketch)[self.layer]
            for feature in ("voltage trains", "trains")
        )
        for part in (voltages, spikes):
            np.cumsum(part, axis=1, out=part)
        return voltages, spikes


@dataclass(frozen=True, eq=False)
class Scale:
    """Brings voltages and spikes to one scale: their root mean square distance from the mean."""

    spreads: tuple[float, ...]

    @classmethod
    def of(cls, *parts: Array) -> "Scale":
        """Of (N, T, F) each; what holds still keeps its scale."""
        spreads = (float(np.sqrt(((part - part.mean(axis=0)) ** 2).sum(axis=(1, 2)).mean())) for part in parts)
        return cls(tuple(spread or 1.0 for spread in spreads))

    def __call__(self, *parts: Array) -> Array:
        """(N, F') of (N, T, F) each."""
        flat = [part.reshape(len(part), -1) for part in parts]
        rows = np.concatenate(flat, axis=1)
        rows /= np.repeat(np.array(self.spreads, np.float32), [part.shape[1] for part in flat])
        return rows


def check_every_class(labels: Indices, reference_labels: Indices) -> None:
    """The classes of samples occur among those of the reference samples."""
    missing = np.setdiff1d(labels, reference_labels)
    if len(missing):
        raise ValueError(f"expected reference samples of every class, got none of {missing.tolist()}; add some")


def mean_distances(rows: Array, labels: Indices, references: Array, reference_labels: Indices) -> Array:
    """Of each row (N, F) to the references (M, F) of its class, (N,); memory is bounded by scikit-learn's chunks.

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
    """What a clean model's sequences say about the suspected one's.

    Neurons of two models do not correspond, so the principal components of one model's sequences are predicted from the
    other's by ridge regression. It is fitted to the samples that it predicts best, a quarter left out: poison, which
    the two models take for different classes, is among that quarter.

    Args:
        clean: Sequences in the clean model, (N, F).
        suspected: The same samples' in the suspected one, (N, F').
        seed: Of the principal components.
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
        """How far the suspected model's sequences are from what the clean one's predict, (N,)."""
        predicted = self._ridge.predict(self._clean.project(clean))
        lengths: Array = np.linalg.norm(self._suspected.project(suspected) - predicted, axis=1)
        return lengths


class CleanSamples:
    """Samples depart by their mean distance to clean samples of their class.

    Args:
        record: Of the suspected model.
        x: Clean samples, (M, ...).
        labels: Their class indices.
    """

    def __init__(self, record: Recorder, x: Array, labels: Indices) -> None:
        parts = record(x)
        self._record, self._scale, self._labels = record, Scale.of(*parts), labels
        self._references = self._scale(*parts)

    def fit(self, x: Array, labels: Indices) -> Array:
        """The departures of the training data: there is nothing to be learnt from them."""
        return self.departures(x, labels)

    def departures(self, x: Array, labels: Indices) -> Array:
        """Of samples, (N,), batch by batch."""
        ends = np.cumsum([len(batch) for batch in self._record.batches(x)])
        return np.concatenate(
            [
                mean_distances(self._scale(*self._record(batch)), own, self._references, self._labels)
                for batch, own in zip(self._record.batches(x), np.split(labels, ends[:-1]), strict=True)
            ]
        )


class CleanModel:
    """Samples depart by how badly their sequences are predicted from those that they call forth in a clean model.

    Args:
        record: Of the suspected model.
        record_clean: Of the clean one.
        seed: Of the principal components.
    """

    def __init__(self, record: Recorder, record_clean: Recorder, seed: int) -> None:
        self._records, self._seed = (record_clean, record), seed

    def fit(self, x: Array, labels: Indices) -> Array:
        """Learn the translation from the training data, and give their departures."""
        self._scales, rows = [], []
        for record in self._records:
            parts = record(x)
            self._scales.append(Scale.of(*parts))
            rows.append(self._scales[-1](*parts))
            del parts  # the largest arrays that there are
        self._translation = Translation(rows[0], rows[1], self._seed)
        return self._translation.residuals(rows[0], rows[1])

    def departures(self, x: Array, labels: Indices) -> Array:
        """Of samples, (N,), batch by batch."""
        return np.concatenate([self._residuals(batch) for batch in self._records[0].batches(x)])

    def _residuals(self, x: Array) -> Array:
        pairs = zip(self._scales, self._records, strict=True)
        return self._translation.residuals(*[scale(*record(x)) for scale, record in pairs])
