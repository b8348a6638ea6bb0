"""Spectral signatures: poison lies far from the mean along the principal directions of its class."""

from typing import Any

import numpy as np
from art.estimators.classification import PyTorchClassifier

from art_snn._declared import Count, Fraction, FromZero, Seed
from art_snn.defences.detector._layer_features import Feature, Layers
from art_snn.defences.detector._outlier_limits import FalseAlarmRate
from art_snn.defences.detector._outlying_classes import corrected_p_values
from art_snn.defences.detector._principal_directions import Directions
from art_snn.defences.detector.layer_detector import LayerDetector
from art_snn.defences.detector.sample_detector import suspects
from art_snn.typing import Array, Labels, Mask


class SpikeSpectralDefence(LayerDetector):
    """Score each sample by its distance from the mean of its class along the class's principal directions.

    The paper takes the first direction only. If half of a class is poison, as with 10 % poison and ten classes, the
    mean lies between both halves and one direction is at chance. Poison from many classes spreads in more directions.

    A class is accused if it varies much more than the typical class, and more than the differences between classes
    explain; in an accused class the samples farthest from the mean are reported as poison. A trigger may be a short
    direction among the features, in which clean classes hardly vary: variances are therefore measured in units of what
    is usual within the other classes (`whiten`), distances are not. A silent layer and a class of one sample score 0. A
    single class cannot be compared with others and is not accused.

    Args:
        classifier: Classifier trained on the samples: ART's `PyTorchClassifier` or a spiking one.
        x_train: Training samples, (N, ...).
        y_train: Labels of the training samples, indices (N,) or one-hot (N, K).
        expected_pp_poison: Share of poison expected in an accused class, in [0, 1].
        batch_size: Samples in one forward pass.
        eps_multiplier: Factor, from 0 up, on the expected share: so many samples of an accused class are flagged.
        n_directions: Number k of principal directions, at least 1; the paper takes 1.
        whiten: Whether the variances of classes are measured in units of what is usual within the other classes.
        spread_threshold: Variance along the directions, relative to the median of the other classes, from which on a
            class may be accused; 0 accuses every class, as the paper and ART do.
        significance: Chance, in (0, 0.5], that any class of clean data is accused, if the logarithms of the classes'
            variances are normal (`p_values` in the report, corrected for the number of classes). With fewer than four
            classes there is no test, and `spread_threshold` decides alone.
        layer: Name of a layer or its index among the hidden spiking layers (in an ANN: the activation modules),
            several of them, or "scan" for all; among several, the one with the largest spread is chosen.
        feature: "counts" of spikes, spike "trains", "voltages" averaged over time, or "voltage trains"; in an ANN, the
            output of a layer serves as counts and its input as voltages. Counts over few time steps are coarse.
        max_features: Largest number of values kept per sample and layer (and time step, for trains); longer rows are
            shortened by a random projection.
        seed: Seed of all random draws.

    Raises:
        TypeError: If the classifier is not a `PyTorchClassifier`.
        ValueError: If a parameter is out of its range, or samples and labels do not fit or are not finite.

    Source: Tran, Li and Madry, Spectral signatures in backdoor attacks, 2018, https://arxiv.org/abs/1811.00636,
    algorithm 1; more directions than one and the spread are ours. Whitening: Tang et al., Demon in the variant, 2021,
    and Hayase et al., SPECTRE, 2021, https://arxiv.org/abs/2104.11315.
    """

    def __init__(
        self,
        classifier: PyTorchClassifier,
        x_train: Array,
        y_train: Labels,
        expected_pp_poison: Fraction = 0.33,
        batch_size: Count = 128,
        eps_multiplier: FromZero = 1.5,
        *,
        n_directions: Count = 10,
        whiten: bool = True,
        spread_threshold: FromZero = 2.0,
        significance: FalseAlarmRate = 0.05,
        layer: Layers = "scan",
        feature: Feature = "voltages",
        max_features: Count = 512,
        seed: Seed = 0,
    ) -> None:
        super().__init__(classifier, x_train, y_train)
        self.layer, self.feature, self.max_features = layer, feature, max_features
        self.batch_size, self.seed = batch_size, seed
        self.expected_pp_poison, self.eps_multiplier = expected_pp_poison, eps_multiplier
        self.n_directions, self.whiten = n_directions, whiten
        self.spread_threshold, self.significance = spread_threshold, significance
        self._check_params()

    def set_params(self, x_train: Array | None = None, y_train: Labels | None = None, **kwargs: Any) -> None:
        """Change parameters or, as in ART's class, the training data; after an error all are as before.

        Args:
            x_train: New training samples; None keeps the present ones.
            y_train: New labels; None keeps the present ones.
            **kwargs: New values of parameters.

        Raises:
            TypeError: If a name is none of `params`.
            ValueError: If a value is out of its range, or samples and labels do not fit or are not finite.
        """
        before = self.x_train, self.y_train, self._labels
        try:
            if x_train is not None or y_train is not None:
                self.x_train = self.x_train if x_train is None else x_train
                self.y_train = self.y_train if y_train is None else y_train
                self._check_data()
                self._forget({"x_train"})
            super().set_params(**kwargs)
        except BaseException:
            self.x_train, self.y_train, self._labels = before
            raise

    def _detect(self) -> tuple[dict[str, Any], Mask]:
        layer, scores = self.chosen_layer, self._scores(None)
        spreads, p_values = self._spreads(layer), self._p_values(layer)
        share = min(1.0, self.eps_multiplier * self.expected_pp_poison)
        is_poison = np.zeros(len(scores), bool)
        for label in np.flatnonzero(self._is_accused(spreads, p_values)):
            rows = self._labels == label
            is_poison[rows] = scores[rows] > np.quantile(scores[rows], 1 - share)
        report = {
            **self.get_params(),
            "chosen_layer": layer,
            "suspicion_by_layer": {name: self._suspicion(name) for name in self._layers()},
            "accused_classes": np.unique(self._labels[is_poison]).tolist(),
            "spreads": spreads.tolist(),
            "p_values": None if p_values is None else p_values.tolist(),
            "suspects": suspects(scores, is_poison),
        }
        return report, is_poison

    def _suspicion(self, layer: str) -> float:
        return float(self._spreads(layer).max())

    def _spreads(self, layer: str) -> Array:
        """Variance of each class relative to the median of the others, (K,); 0 if no other class varies."""
        variances = self._variances()[layer]
        spreads = np.zeros(len(variances))
        for label, variance in enumerate(variances):
            others = np.delete(variances, label)
            if (others > 0).any():
                spreads[label] = variance / np.median(others[others > 0])
        return spreads

    def _p_values(self, layer: str) -> Array | None:
        """Of each class, (K,), corrected for the number of classes; None if too few vary."""
        variances = self._variances()[layer]
        return corrected_p_values(np.log(np.where(variances > 0, variances, np.nan)))

    def _is_accused(self, spreads: Array, p_values: Array | None) -> Mask:
        is_wide = (spreads > 0) & (spreads >= self.spread_threshold)
        if p_values is None or self.spread_threshold == 0:
            return is_wide
        is_accused: Mask = is_wide & (p_values <= self.significance)
        return is_accused

    def _score_class(self, layer: str, label: int, features: Array) -> Array:
        far: Array = np.linalg.norm(self._directions()[layer][label].project(features), axis=1)
        return far

    def _variances(self) -> dict[str, Array]:
        """Variance of each class along its principal directions, (K,), by layer; whitened if that is asked."""

        def measure(layer: str) -> Array:
            of_classes = (Directions.of(own, self.n_directions, self.seed) for own in self._by_class(layer))
            return np.array([one.variance for one in of_classes])

        return self._cached("variances", lambda: {name: measure(name) for name in self._layers()})

    def _directions(self) -> dict[str, list[Directions]]:
        """Principal directions of each class, by layer."""

        def find() -> dict[str, list[Directions]]:
            features, rows_by_class = self._training_features(), self._rows_by_class()
            return {
                name: [Directions.of(features[name][rows], self.n_directions, self.seed) for rows in rows_by_class]
                for name in self._layers()
            }

        return self._cached("directions", find)
