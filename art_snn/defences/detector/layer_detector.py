"""What the detectors have in common that look for poison in the features of layers."""

import abc
from collections.abc import Iterable
from typing import ClassVar

import numpy as np
from art.estimators.classification import PyTorchClassifier

from art_snn._validation import check_at_least, check_choice
from art_snn.defences.detector._layer_features import (
    FEATURES,
    INPUT,
    Feature,
    Layers,
    Sketch,
    layer_features,
    named_layers,
)
from art_snn.defences.detector.sample_detector import SampleDetector
from art_snn.typing import Array, Indices, Labels

_READING = {
    "layer",
    "feature",
    "max_features",
    "batch_size",
    "seed",
    "generator",
    "x_train",
}  # what decides the features


class LayerDetector(SampleDetector):
    """Reads the features of the training data once, and keeps what it found until a parameter changes.

    Args:
        classifier: As for `SampleDetector`.
        x_train: Likewise.
        y_train: Likewise.
        layer: The name of a layer or its index among the hidden spiking layers (of an ANN: the activation modules),
            several of them, or "scan" for all; among several, the method's own statistic chooses.
        feature: "counts" of spikes, spike "trains", "voltages" averaged over time, or "voltage trains"; of an ANN, the
            output of a layer passes for counts and its input for voltages.
        max_features: Numbers kept of a sample and layer (and time step, for trains): what exceeds them is sketched by
            a random projection. So N samples take N × max_features × 4 bytes a layer.
        batch_size: Samples a pass.
        seed: Of every draw.
    """

    _beside: ClassVar[tuple[str, ...]] = ()  # what is read of the training data beside the layers

    def __init__(
        self,
        classifier: PyTorchClassifier,
        x_train: Array | None,
        y_train: Labels | None,
        *,
        layer: Layers,
        feature: Feature,
        max_features: int,
        batch_size: int,
        seed: int,
    ) -> None:
        super().__init__(classifier, x_train, y_train)
        self.layer, self.feature, self.max_features = layer, feature, max_features
        self.batch_size, self.seed = batch_size, seed
        self._features: dict[str, Array] | None = None

    @property
    def chosen_layer(self) -> str:
        """Among the layers looked at, the one that the method's own statistic chooses, without knowing the poison."""
        with self._classifier_as_it_is():
            return max(self._layers(), key=self._suspicion)

    def layer_scores(self) -> dict[str, Array]:
        """The scores of the training data at each layer looked at, float32 (N,) by name."""
        with self._classifier_as_it_is():
            features = self._training_features()
            return {name: self._score(name, features[name], self._labels) for name in self._layers()}

    def _forget(self, changed: set[str]) -> None:
        super()._forget(changed)
        if changed & _READING:
            self._features = None

    @abc.abstractmethod
    def _suspicion(self, layer: str) -> float:
        """What chooses among layers: the highest wins."""

    @abc.abstractmethod
    def _score_class(self, layer: str, label: int, features: Array) -> Array:
        """How suspicious samples with one label are at a layer, (n,) of features (n, F)."""

    def _scores(self, x: Array | None) -> Array:
        layer = self.chosen_layer
        if x is None:
            return self._score(layer, self._training_features()[layer], self._labels)
        return self._score(layer, self._read(self._batches(x), [layer])[layer], self._predicted(x))

    def _score(self, layer: str, features: Array, labels: Indices) -> Array:
        scores = np.zeros(len(features), np.float32)
        for label in np.unique(labels):
            scores[labels == label] = self._score_class(layer, int(label), features[labels == label])
        return scores

    def _layers(self) -> list[str]:
        """The names of those looked at."""
        return [name for name in self._training_features() if name != INPUT]

    def _training_features(self) -> dict[str, Array]:
        """Those of the training data, kept."""
        if self._features is None:
            layers = named_layers(self.classifier, self.layer)
            self._features = self._read(self._batches(), [*self._beside, *layers])
        return self._features

    def _read(self, batches: Iterable[Array], layers: list[str]) -> dict[str, Array]:
        """Features by layer, (N, F), time steps one after the other."""
        sketch = Sketch(self.max_features, self.seed)
        features = layer_features(self.classifier, batches, layers, self.feature, sketch)
        return {name: rows.reshape(len(rows), -1) for name, rows in features.items()}

    def _check_params(self) -> None:
        super()._check_params()
        check_choice("feature", self.feature, FEATURES)
        check_at_least("max_features", self.max_features, 1)
        with self._classifier_as_it_is():
            self._read([self._empty_sample()], named_layers(self.classifier, self.layer))  # raises where none can be
