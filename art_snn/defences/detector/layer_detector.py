"""The base class of detectors that look for poisoned samples in the features of layers."""

import abc
from collections.abc import Iterable
from typing import ClassVar

import numpy as np

from art_snn.defences.detector._layer_features import INPUT, Feature, Layers, Sketch, layer_features, named_layers
from art_snn.defences.detector._whitening import Whitening
from art_snn.defences.detector.sample_detector import SampleDetector
from art_snn.typing import Array, Indices

DECIDE_FEATURES = {"layer", "feature", "max_features", "batch_size", "seed", "generator", "x_train"}


class LayerDetector(SampleDetector):
    """Detector that reads the features of the training data once and keeps its results until a parameter changes.

    Attributes:
        layer: Name of a layer or its index among the hidden spiking layers (in an ANN: the activation modules),
            several of them, or "scan" for all; among several, the method's own statistic chooses one.
        feature: "counts" of spikes, spike "trains", "voltages" averaged over time, or "voltage trains"; in an ANN, the
            output of a layer serves as counts and its input as voltages.
        max_features: Largest number of values kept per sample and layer (and time step, for trains); longer rows are
            shortened by a random projection. N samples take N × max_features × 4 bytes per layer.
        whiten: Whether classes are examined in units of what is usual within the other classes.
    """

    _extra_inputs: ClassVar[tuple[str, ...]] = ()  # read of the training data in addition to the layers
    layer: Layers
    feature: Feature
    max_features: int
    whiten: bool

    @property
    def sees_time(self) -> bool:
        """Whether the features are trains, one value for each time step."""
        return "trains" in self.feature

    @property
    def chosen_layer(self) -> str:
        """The layer that the method's own statistic chooses, without knowledge of the poison."""
        with self._unchanged_classifier():
            return max(self._layers(), key=self._suspicion)

    def layer_scores(self) -> dict[str, Array]:
        """Scores of the training data at each layer that was read, float32 (N,) by name."""
        with self._unchanged_classifier():
            features = self._training_features()
            return {name: self._score(name, features[name], self._labels) for name in self._layers()}

    @abc.abstractmethod
    def _suspicion(self, layer: str) -> float:
        """Statistic that chooses among layers: the highest wins."""

    @abc.abstractmethod
    def _score_class(self, layer: str, label: int, features: Array) -> Array:
        """Suspicion (n,) of samples with one label, from their features (n, F) at a layer."""

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

    def _by_class(self, layer: str) -> list[Array]:
        """Features of the training data of each class at a layer, whitened if that is asked."""
        features = self._training_features()[layer]
        return [self._whitened(layer, label, features[rows]) for label, rows in enumerate(self._rows_by_class())]

    def _whitened(self, layer: str, label: int, features: Array) -> Array:
        return self._whitenings()[layer][label](features) if self.whiten else features

    def _whitenings(self) -> dict[str, list[Whitening]]:
        """The map of each class, by layer, kept until a parameter changes."""

        def find() -> dict[str, list[Whitening]]:
            features, n_classes = self._training_features(), self.classifier.nb_classes
            return {
                name: Whitening.of_classes(features[name], self._labels, n_classes, self.seed)
                for name in self._layers()
            }

        return self._cached("whitenings", find, DECIDE_FEATURES)

    def _layers(self) -> list[str]:
        """Names of the layers that were read."""
        return [name for name in self._training_features() if name != INPUT]

    def _training_features(self) -> dict[str, Array]:
        """Features of the training data, kept until a parameter changes."""

        def read() -> dict[str, Array]:
            layers = named_layers(self.classifier, self.layer)
            return self._read(self._batches(), [*self._extra_inputs, *layers])

        return self._cached("features", read, DECIDE_FEATURES)

    def _read(self, batches: Iterable[Array], layers: list[str]) -> dict[str, Array]:
        """Features (N, F) by layer; time steps are concatenated."""
        sketch = Sketch(self.max_features, self.seed)
        features = layer_features(self.classifier, batches, layers, self.feature, sketch)
        return {name: rows.reshape(len(rows), -1) for name, rows in features.items()}

    def _check_params(self) -> None:
        super()._check_params()
        with self._unchanged_classifier():
            layers = named_layers(self.classifier, self.layer)
            self._read([self._empty_sample()], layers)  # raises if a layer has no such feature
