"""One small class of each kind that can be added; `docs/extending.md` shows this code."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from art.estimators.classification import PyTorchClassifier

from art_snn._declared import Count, CountOrZero, Fraction, Seed
from art_snn._random import host_seed
from art_snn.attacks.poisoning import FrameTrigger, Polarity, Rectangle
from art_snn.defences.detector._outlier_limits import FalseAlarmRate, upper_limit
from art_snn.defences.detector.model_detector import ModelDetector, ModelReport
from art_snn.defences.detector.sample_detector import SampleDetector
from art_snn.estimators.classification import SpikingClassifier
from art_snn.models.network import Layer, Topology, builder
from art_snn.typing import Array, Indices, Labels, Mask


@dataclass(frozen=True)
class RowTrigger(FrameTrigger):
    """One row of pixels fires in every time bin."""

    row: CountOrZero = 0
    polarity: Polarity = "on"

    def rectangles(self, n_bins: int, height: int, width: int) -> Iterator[Rectangle]:
        """The row, once per time bin."""
        for time_bin in range(n_bins):
            yield Rectangle(time_bin, slice(self.row, self.row + 1), slice(0, width))


class MeanDistanceDefence(SampleDetector):
    """Flag samples that are far from the mean sample of their class."""

    def __init__(
        self,
        classifier: PyTorchClassifier,
        x_train: Array,
        y_train: Labels,
        false_acceptance_rate: FalseAlarmRate = 0.05,
        batch_size: Count = 128,
        seed: Seed = 0,
    ) -> None:
        super().__init__(classifier, x_train, y_train)
        self.false_acceptance_rate, self.batch_size, self.seed = false_acceptance_rate, batch_size, seed
        self._check_params()

    def _detect(self) -> tuple[dict[str, Any], Mask]:
        scores = self._scores(None)
        threshold = upper_limit(scores, self.false_acceptance_rate)
        return {**self.get_params(), "threshold": threshold}, scores > threshold

    def _scores(self, x: Array | None) -> Array:
        samples, labels = (self.x_train, self._labels) if x is None else (x, self._predicted(x))
        means = {label: self.x_train[self._labels == label].mean(axis=0) for label in np.unique(labels)}
        return np.array([np.linalg.norm(sample - means[label]) for sample, label in zip(samples, labels, strict=True)])


class NoiseDefence(ModelDetector):
    """Accuse the class that most random inputs are assigned to, if these are too many."""

    def __init__(
        self, classifier: PyTorchClassifier, n_inputs: Count = 200, threshold: Fraction = 0.5, seed: Seed = 0
    ) -> None:
        super().__init__(classifier)
        self.n_inputs, self.threshold, self.seed = n_inputs, threshold, seed
        self._check_params()

    def _examine(self, x: Array | None, y: Indices | None) -> ModelReport:
        rng = np.random.default_rng(self.seed)
        noise = rng.poisson(0.3, (self.n_inputs, *self.classifier.input_shape)).astype(np.float32)
        with host_seed(self.seed):
            classes = self.classifier.predict(noise).argmax(axis=1)
        shares = np.bincount(classes, minlength=self.classifier.nb_classes) / self.n_inputs
        suspect = int(shares.argmax())
        anomaly = float(shares[suspect] - np.median(shares))
        return ModelReport(anomaly >= self.threshold, suspect, None, shares, anomaly)


@dataclass(frozen=True, kw_only=True)
class TwoLayers(Topology):
    """Two linear layers on 4×4 averages.

    Args:
        {shared}
    """

    name = "two_layers"

    def layers(self) -> Iterable[Layer]:
        """The layers, one after the other."""
        (hidden,) = self.scaled(32)
        return [
            *self.flat(4),
            self.linear(self.in_channels * 16, hidden),
            self.act(),
            self.linear(hidden, self.nb_classes),
        ]


two_layers = builder(TwoLayers)


class ReadoutClassifier(SpikingClassifier):
    """The toy rule: hidden layers stay as they were drawn, and only the last layer is trained."""

    def fit(self, x: Array, y: Labels, *args: Any, **kwargs: Any) -> None:
        """Train the last layer."""
        *hidden, _weight, _bias = self.model.parameters()
        for parameter in hidden:
            parameter.requires_grad_(False)
        try:
            super().fit(x, y, *args, **kwargs)
        finally:
            for parameter in hidden:
                parameter.requires_grad_(True)
