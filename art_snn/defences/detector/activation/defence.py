"""Activation clustering on spikes or voltages: poison forms a cluster of its own within its class."""

import warnings
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal

import numpy as np
from art.data_generators import DataGenerator
from art.estimators.classification import PyTorchClassifier
from matplotlib.figure import Figure

from art_snn._declared import Count, Fraction, Positive, Seed
from art_snn._validation import check_at_least, check_choice, class_indices
from art_snn.defences.detector import _pictures as pictures
from art_snn.defences.detector._layer_features import INPUT, Feature, Layers
from art_snn.defences.detector._outlier_limits import FalseAlarmRate
from art_snn.defences.detector.activation.cluster_analysis import (
    ANALYSES,
    Context,
    Verdict,
    acquitted,
    analyse,
    diversity_p_values,
)
from art_snn.defences.detector.activation.clustering import ClassClusters, Reduction
from art_snn.defences.detector.activation.reclassification import reclassify, relabelled
from art_snn.defences.detector.activation.relabelling import Relabelling
from art_snn.defences.detector.activation.source_diversity import Neighbours
from art_snn.defences.detector.layer_detector import DECIDE_FEATURES, LayerDetector
from art_snn.typing import Array, Indices, Labels, Mask


class SpikeActivationDefence(Relabelling, LayerDetector):
    """Cluster the features of each class, and accuse clusters whose members come from many other classes.

    With 10 % poison and ten classes, half of the target class is poison, so either cluster may be the smaller one; and
    clean classes form clusters too. Source diversity (`cluster_analysis="diversity"`) relies on neither: it tells the
    poisoned cluster from the clean one, accuses the class and chooses the layer. It needs poison from several source
    classes, and samples whose nearest neighbours mostly share their class; the report gives the share of these as
    `same_class_neighbour_rate`. The other analyses are ART's; they also accuse clean classes, many of which
    `ex_re_threshold` acquits.

    The score of a sample is the suspicion of its class's most suspicious cluster, times how much nearer the sample is
    to that cluster than to the others. A silent or constant layer, and a class with fewer than two samples per cluster,
    have no clusters and score 0. An untrained classifier is treated like any other: its features show a visible trigger
    too.

    Args:
        classifier: Classifier trained on the samples: ART's `PyTorchClassifier` or a spiking one.
        x_train: Training samples, (N, ...); None if there is a generator.
        y_train: Labels of the training samples, indices (N,) or one-hot (N, K); None if there is a generator.
        generator: ART's generator of batches (x, y), in place of both; it is read once and must keep its order.
        ex_re_threshold: Threshold of exclusionary reclassification, 1 in the paper; None for none. A copy of the
            classifier is trained without the accused clusters and predicts their classes. A cluster is acquitted if
            (members predicted as their label) / (members of the most frequent other class) exceeds the threshold. For
            the others, `y_train_relabelled` holds corrected labels, the report `Suspected_Source_class`.
        nb_clusters: Number of clusters of each class, at least 2.
        clustering_method: Clustering method, "KMeans".
        nb_dims: Number of dimensions to which features are reduced before clustering.
        reduce: Method of reduction, "PCA" or "FastICA".
        cluster_analysis: "diversity", or ART's "smaller", "relative-size", "silhouette-scores" or "distance".
        layer: Name of a layer or its index among the hidden spiking layers (in an ANN: the activation modules),
            several of them, or "scan" for all; among several, the one with the most suspicious cluster is chosen.
        feature: "counts" of spikes, spike "trains", "voltages" averaged over time, or "voltage trains"; in an ANN, the
            output of a layer serves as counts and its input as voltages.
        diversity_threshold: Source diversity, in [0, 1], from which on a class may be accused.
        significance: Chance, in (0, 0.5], that any class of clean data is accused for its diversity, if the angles
            whose squared sines are the diversities of the classes are normal (`p_values` in the report, corrected for
            the number of classes). With fewer than four classes there is no test, and `diversity_threshold` decides.
        whiten: Whether features are measured in units of what is usual within the other classes before they are
            reduced; the paper does not.
        fit_arguments: Keyword arguments of the classifier's `fit`, such as `nb_epochs`, for `ex_re_threshold`.
        max_features: Largest number of values kept per sample and layer (and time step, for trains); longer rows are
            shortened by a random projection.
        batch_size: Samples in one forward pass.
        seed: Seed of all random draws.

    Raises:
        TypeError: If the classifier is not a `PyTorchClassifier`.
        ValueError: If a parameter is out of its range, or samples and labels do not fit or are not finite.

    Source: Chen et al., Detecting backdoor attacks by activation clustering, 2018, https://arxiv.org/abs/1811.03728,
    sections 4 and 5; source diversity is ours.
    """

    _extra_inputs: ClassVar[tuple[str, ...]] = (INPUT,)
    y_train_relabelled: Labels | None = None

    def __init__(
        self,
        classifier: PyTorchClassifier,
        x_train: Array | None,
        y_train: Labels | None,
        generator: DataGenerator | None = None,
        ex_re_threshold: Positive | None = None,
        nb_clusters: int = 2,
        clustering_method: Literal["KMeans"] = "KMeans",
        nb_dims: Count = 10,
        reduce: Reduction = "PCA",
        cluster_analysis: str = "diversity",
        *,
        layer: Layers = "scan",
        feature: Feature = "counts",
        diversity_threshold: Fraction = 0.65,
        significance: FalseAlarmRate = 0.05,
        whiten: bool = True,
        fit_arguments: Mapping[str, Any] | None = None,
        max_features: Count = 512,
        batch_size: Count = 128,
        seed: Seed = 0,
    ) -> None:
        self.generator, self.ex_re_threshold, self.fit_arguments = generator, ex_re_threshold, fit_arguments
        self.nb_clusters, self.clustering_method = nb_clusters, clustering_method
        self.nb_dims, self.reduce = nb_dims, reduce
        self.cluster_analysis, self.diversity_threshold = cluster_analysis, diversity_threshold
        self.significance, self.whiten = significance, whiten
        self.layer, self.feature, self.max_features = layer, feature, max_features
        self.batch_size, self.seed = batch_size, seed
        super().__init__(classifier, x_train, y_train)
        self._check_params()

    def cluster_activations(self, **kwargs: Any) -> tuple[list[Indices], list[Array]]:
        """Cluster the samples of each class at the chosen layer.

        Args:
            **kwargs: New values of parameters, kept for later calls.

        Returns:
            For each class, the clusters of its samples (n,), from 0, and their reduced features (n, D).
        """
        self.set_params(**kwargs)
        with self._unchanged_classifier():
            groups = [group for group, _ in self._analysed()[self.chosen_layer]]
        return [group.clusters for group in groups], [group.reduced for group in groups]

    def analyze_clusters(self, **kwargs: Any) -> tuple[dict[str, Any], list[Indices]]:
        """The report, and for each class 1 or 0 for each of its samples: clean or not. Nothing is reclassified.

        Args:
            **kwargs: New values of parameters, kept for later calls.
        """
        self.set_params(**kwargs)
        with self._unchanged_classifier():
            report, is_clean = self._report(), np.where(self._accused(), 0, 1)
        return report, [is_clean[rows] for rows in self._rows_by_class()]

    def plot_clusters(self, save: bool = True, folder: str = ".", **kwargs: Any) -> list[Figure]:
        """Plot the samples of each class at the chosen layer in three reduced dimensions, coloured by cluster.

        Args:
            save: Whether to write the figures as `plot_class_0.png`, … into `folder`.
            folder: Folder within ART's data folder.
            **kwargs: New values of parameters, kept for later calls.

        Returns:
            One figure per class.
        """
        figures = []
        for label, (clusters, reduced) in enumerate(zip(*self.cluster_activations(**kwargs), strict=True)):
            points = np.pad(reduced[:, :3], ((0, 0), (0, max(0, 3 - reduced.shape[1]))))
            figures.append(pictures.scatter_3d(points, clusters, f"class {label} at {self.chosen_layer}"))
            if save:
                pictures.save(figures[-1], folder, f"plot_class_{label}.png")
        return figures

    def _detect(self) -> tuple[dict[str, Any], Mask]:
        report, is_poison, self.y_train_relabelled = self._report(), self._accused(), None
        if self.cluster_analysis == "diversity" and not self._neighbours.are_informative:
            warnings.warn(
                f"only {self._neighbours.same_class_rate:.0%} of the samples are nearest to one of their own class, so "
                "source diversity accuses none; try cluster_analysis='smaller' with ex_re_threshold=1",
                stacklevel=3,
            )
        if self.ex_re_threshold is not None:
            self._reclassify(report, is_poison, self.ex_re_threshold)
        report["accused_classes"] = np.unique(self._labels[is_poison]).tolist()
        return report, is_poison

    def _suspicion(self, layer: str) -> float:
        return max(float(verdict.suspicion.max()) for _, verdict in self._analysed()[layer])

    def _score_class(self, layer: str, label: int, features: Array) -> Array:
        group, verdict = self._analysed()[layer][label]
        if group.n_clusters == 1:
            return np.zeros(len(features))
        distances = group.distances(self._whitened(layer, label, features))
        to_suspect = distances[:, verdict.suspect]
        to_rest = np.delete(distances, verdict.suspect, axis=1).min(axis=1)
        nearness = to_rest / np.maximum(to_suspect + to_rest, np.finfo(np.float32).tiny)
        scores: Array = verdict.suspicion[verdict.suspect] * nearness
        return scores

    def _analysed(self) -> dict[str, list[tuple[ClassClusters, Verdict]]]:
        """Clusters and verdict of each class, by layer."""
        return self._cached("clusters", lambda: {name: self._cluster_layer(name) for name in self._layers()})

    @property
    def _neighbours(self) -> Neighbours:
        """Nearest neighbours in the training data, searched for on first use."""
        samples = self._training_features()[INPUT]
        return self._cached("neighbours", lambda: Neighbours.of(samples, self._labels), DECIDE_FEATURES)

    def _cluster_layer(self, layer: str) -> list[tuple[ClassClusters, Verdict]]:
        features = self._training_features()[layer]
        context = Context(features, self._labels, lambda: self._neighbours, self.diversity_threshold)
        settings = self.nb_clusters, self.nb_dims, self.reduce, self.seed
        parts = zip(self._by_class(layer), self._rows_by_class(), strict=True)
        groups = [ClassClusters.of(own, rows, *settings) for own, rows in parts]
        verdicts = [analyse(self.cluster_analysis, group, context) for group in groups]
        if self.cluster_analysis == "diversity":
            verdicts = acquitted(verdicts, self.significance)
        return list(zip(groups, verdicts, strict=True))

    def _accused(self) -> Mask:
        verdicts = self._analysed()[self.chosen_layer]
        is_poison = np.zeros(len(self._labels), bool)
        for group, verdict in verdicts:
            is_poison[group.rows] = verdict.is_accused[group.clusters]
        return is_poison

    def _report(self) -> dict[str, Any]:
        """The report in ART's words, with the parameters and the highest suspicion at each layer."""
        verdicts, is_by_diversity = self._analysed()[self.chosen_layer], self.cluster_analysis == "diversity"
        return {
            **{name: value for name, value in self.get_params().items() if name != "generator"},
            "chosen_layer": self.chosen_layer,
            "suspicion_by_layer": {name: self._suspicion(name) for name in self._analysed()},
            "same_class_neighbour_rate": self._neighbours.same_class_rate if is_by_diversity else None,
            "p_values": diversity_p_values([one for _, one in verdicts]) if is_by_diversity else None,
            "suspicious_clusters": int(sum(verdict.is_accused.sum() for _, verdict in verdicts)),
            **{f"Class_{label}": _cluster_report(*verdict) for label, verdict in enumerate(verdicts)},
        }

    def _reclassify(self, report: dict[str, Any], is_poison: Mask, threshold: float) -> None:
        """Acquit clusters in the report and in the mask, and correct the labels of the others."""
        if self.generator is not None:
            raise ValueError("expected arrays for ex_re_threshold, got a generator")
        self.y_train_relabelled = self.y_train.copy()
        accused = [
            (label, cluster, group.rows[group.clusters == cluster])
            for label, (group, verdict) in enumerate(self._analysed()[self.chosen_layer])
            for cluster in np.flatnonzero(verdict.is_accused)
        ]
        if not accused:
            return
        asked = [(label, rows) for label, _, rows in accused]
        found = reclassify(
            self.classifier, self.x_train, self.y_train, asked, self.seed, dict(self.fit_arguments or {})
        )
        for (label, cluster, rows), outcome in zip(accused, found, strict=True):
            entry = report[f"Class_{label}"][f"cluster_{cluster}"]
            entry["ExRe_Score"], entry["Suspected_Source_class"] = outcome.ratio, outcome.source
            if outcome.ratio > threshold:
                entry["suspicious_cluster"] = is_poison[rows] = False
                report["suspicious_clusters"] -= 1
            else:
                self.y_train_relabelled = relabelled(self.y_train_relabelled, rows, outcome.classes)

    def _batches(self, x: Array | None = None) -> Iterator[Array]:
        if x is not None or self.generator is None:
            yield from super()._batches(x)
            return
        labels = []
        for _ in range(0, self.generator.size, self.generator.batch_size):
            batch, y = self.generator.get_batch()
            labels.append(class_indices(y, self.classifier.nb_classes))
            yield batch
        self._labels = np.concatenate(labels)

    @property
    def _n_samples(self) -> int:
        return len(self.x_train) if self.generator is None else int(self.generator.size)

    def _check_data(self) -> None:
        if self.generator is None:  # a generator's data are checked batch by batch
            super()._check_data()

    def _check_params(self) -> None:
        super()._check_params()
        check_at_least("nb_clusters", self.nb_clusters, 2)
        check_choice("cluster_analysis", self.cluster_analysis, ANALYSES)
        if self.generator is not None and not isinstance(self.generator, DataGenerator):
            raise TypeError(f"expected generator to be one of ART's DataGenerator, got {type(self.generator).__name__}")


def _cluster_report(group: ClassClusters, verdict: Verdict) -> dict[str, dict[str, Any]]:
    """The entry of a report on the clusters of one class."""
    shares = np.bincount(group.clusters, minlength=group.n_clusters) / max(1, len(group.rows))
    return {
        f"cluster_{cluster}": {
            "ptc_data_in_cluster": round(float(shares[cluster]), 2),
            "suspicion": float(verdict.suspicion[cluster]),
            "suspicious_cluster": bool(verdict.is_accused[cluster]),
        }
        for cluster in range(group.n_clusters)
    }
