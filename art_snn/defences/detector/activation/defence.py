"""Poison clusters apart from its class: activation clustering, on spikes or voltages, at the layer that shows it."""

import warnings
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np
from art.data_generators import DataGenerator
from art.estimators.classification import PyTorchClassifier
from matplotlib.figure import Figure

from art_snn._validation import check_at_least, check_choice, check_fraction, check_positive, class_indices
from art_snn.defences.detector import _pictures as pictures
from art_snn.defences.detector._layer_features import INPUT, Feature, Layers
from art_snn.defences.detector.activation.cluster_analysis import ANALYSES, Surroundings, Verdict, analyse
from art_snn.defences.detector.activation.clustering import CLUSTERERS, REDUCERS, ClassClusters
from art_snn.defences.detector.activation.reclassification import reclassify, relabelled
from art_snn.defences.detector.activation.relabelling import Relabelling
from art_snn.defences.detector.activation.source_diversity import Neighbours
from art_snn.defences.detector.layer_detector import LayerDetector
from art_snn.typing import Array, Indices, Labels, Mask


class SpikeActivationDefence(Relabelling, LayerDetector):
    """Cluster each class's features into few clusters, and accuse those whose members come from many other classes.

    At 10 % poison of ten classes half of the target class is poison, so the smaller cluster may be either; and clean
    classes fall into clusters as neat as poison does. Source diversity (`cluster_analysis="diversity"`) assumes
    neither: it orients the clusters, accuses the class and chooses the layer. It needs poison of several source
    classes, and samples whose nearest neighbours mostly share their class; the report holds how many do as
    `samples_at_home`. The other analyses are ART's, which accuse clean classes too; `ex_re_threshold` acquits many of
    these again.

    A sample's score is the suspicion of its class's most suspicious cluster times how much nearer it is to that
    cluster than to the others. A layer that is silent or holds still, and a class of fewer than two samples a cluster,
    have no clusters: score 0. An untrained classifier is judged like any other, for its features show a visible
    trigger, too.

    Args:
        classifier: Trained on the samples; ART's `PyTorchClassifier` or a spiking one.
        x_train: The samples, (N, ...); None where there is a generator.
        y_train: Their labels; likewise.
        generator: Of batches (x, y) instead of both, read once in its order, which must not change.
        ex_re_threshold: None, or exclusionary reclassification: a copy of the classifier is trained without the accused
            clusters and asked for their classes. A cluster is acquitted where (members given the label that they bear)
            / (members given the most frequent other class) exceeds the threshold; the paper's is 1. The others'
            labels are corrected in `y_train_relabelled`, their `Suspected_Source_class` is in the report.
        nb_clusters: Of each class, from 2 up.
        clustering_method: "KMeans".
        nb_dims: To which features are reduced before.
        reduce: "PCA" or "FastICA".
        cluster_analysis: "diversity", or ART's "smaller", "relative-size", "silhouette-scores" or "distance".
        layer: The name of a layer or its index among the hidden spiking layers (of an ANN: the activation modules),
            several of them, or "scan" for all; among several, the one with the most suspicious cluster is chosen.
        feature: "counts" of spikes, spike "trains", "voltages" averaged over time, or "voltage trains"; of an ANN, the
            output of a layer passes for counts and its input for voltages.
        diversity_threshold: In [0, 1]: source diversity from which on a class is accused.
        fit_arguments: Of the classifier's `fit` for `ex_re_threshold`, such as `batch_size` and `nb_epochs`.
        max_features: Numbers kept of a sample and layer (and time step, for trains), see `LayerDetector`.
        batch_size: Samples a pass.
        seed: Of every draw.

    Raises:
        TypeError: If the classifier is none of ART's PyTorch ones.
        ValueError: If a parameter is out of its range, or samples and labels do not fit or are not finite.

    Source: Chen et al., Detecting backdoor attacks by activation clustering, 2018, https://arxiv.org/abs/1811.03728,
    sections 4 and 5; source diversity is ours.
    """

    _beside: ClassVar[tuple[str, ...]] = (INPUT,)
    _near: Neighbours | None = None
    y_train_relabelled: Labels | None = None

    def __init__(
        self,
        classifier: PyTorchClassifier,
        x_train: Array | None,
        y_train: Labels | None,
        generator: DataGenerator | None = None,
        ex_re_threshold: float | None = None,
        nb_clusters: int = 2,
        clustering_method: str = "KMeans",
        nb_dims: int = 10,
        reduce: str = "PCA",
        cluster_analysis: str = "diversity",
        *,
        layer: Layers = "scan",
        feature: Feature = "counts",
        diversity_threshold: float = 0.65,
        fit_arguments: Mapping[str, Any] | None = None,
        max_features: int = 512,
        batch_size: int = 128,
        seed: int = 0,
    ) -> None:
        self.generator, self.ex_re_threshold, self.fit_arguments = generator, ex_re_threshold, fit_arguments
        self.nb_clusters, self.clustering_method = nb_clusters, clustering_method
        self.nb_dims, self.reduce = nb_dims, reduce
        self.cluster_analysis, self.diversity_threshold = cluster_analysis, diversity_threshold
        super().__init__(
            classifier,
            x_train,
            y_train,
            layer=layer,
            feature=feature,
            max_features=max_features,
            batch_size=batch_size,
            seed=seed,
        )
        self._check_params()

    def cluster_activations(self, **kwargs: Any) -> tuple[list[Indices], list[Array]]:
        """The clusters of each class's samples at the chosen layer, and their features in few dimensions.

        Args:
            **kwargs: New values of parameters, kept for later calls.

        Returns:
            For each class the cluster of each of its samples (n,), from 0, and the reduced features (n, D).
        """
        self.set_params(**kwargs)
        with self._classifier_as_it_is():
            groups = [group for group, _ in self._analysed()[self.chosen_layer]]
        return [group.clusters for group in groups], [group.reduced for group in groups]

    def analyze_clusters(self, **kwargs: Any) -> tuple[dict[str, Any], list[Indices]]:
        """The report, and for each class whether each of its samples looks clean, 1, or not, 0; nothing is retrained.

        Args:
            **kwargs: New values of parameters, kept for later calls.
        """
        self.set_params(**kwargs)
        with self._classifier_as_it_is():
            report, is_clean = self._report(), np.where(self._accused(), 0, 1)
        return report, [is_clean[rows] for rows in self._rows_by_class()]

    def plot_clusters(self, save: bool = True, folder: str = ".", **kwargs: Any) -> list[Figure]:
        """A picture of each class at the chosen layer: its first three reduced dimensions, coloured by cluster.

        Args:
            save: Whether to write them as `plot_class_0.png`, … into `folder`.
            folder: Within ART's data folder.
            **kwargs: New values of parameters, kept for later calls.

        Returns:
            One figure a class.
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
        if self.cluster_analysis == "diversity" and not self._neighbours.are_telling:
            warnings.warn(
                f"only {self._neighbours.at_home:.0%} of the samples are nearest to one of their own class: source "
                "diversity accuses nobody then; try cluster_analysis='smaller' with ex_re_threshold=1",
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
        distances = group.distances(features)
        to_suspect = distances[:, verdict.suspect]
        to_rest = np.delete(distances, verdict.suspect, axis=1).min(axis=1)
        nearness = to_rest / np.maximum(to_suspect + to_rest, np.finfo(np.float32).tiny)
        scores: Array = verdict.suspicion[verdict.suspect] * nearness
        return scores

    def _analysed(self) -> dict[str, list[tuple[ClassClusters, Verdict]]]:
        """By layer: for each class its clusters and what is to be said of them."""
        if self._found is None:
            features = self._training_features()
            self._found = {name: self._look_at(features[name]) for name in features if name != INPUT}
        found: dict[str, list[tuple[ClassClusters, Verdict]]] = self._found
        return found

    @property
    def _neighbours(self) -> Neighbours:
        """Of the training data, searched for when they are first looked at."""
        if self._near is None:
            self._near = Neighbours.of(self._training_features()[INPUT], self._labels)
        return self._near

    def _forget(self, changed: set[str]) -> None:
        super()._forget(changed)
        if self._features is None:
            self._near = None

    def _look_at(self, features: Array) -> list[tuple[ClassClusters, Verdict]]:
        around = Surroundings(features, self._labels, lambda: self._neighbours, self.diversity_threshold)
        settings = self.nb_clusters, self.nb_dims, self.reduce, self.seed
        groups = [ClassClusters.of(features, rows, *settings) for rows in self._rows_by_class()]
        return [(group, analyse(self.cluster_analysis, group, around)) for group in groups]

    def _accused(self) -> Mask:
        verdicts = self._analysed()[self.chosen_layer]
        is_poison = np.zeros(len(self._labels), bool)
        for group, verdict in verdicts:
            is_poison[group.rows] = verdict.is_accused[group.clusters]
        return is_poison

    def _report(self) -> dict[str, Any]:
        """In ART's words, with the parameters and the highest suspicion at each layer."""
        verdicts = self._analysed()[self.chosen_layer]
        return {
            **{name: value for name, value in self.get_params().items() if name != "generator"},
            "chosen_layer": self.chosen_layer,
            "suspicion_by_layer": {name: self._suspicion(name) for name in self._analysed()},
            "samples_at_home": self._neighbours.at_home if self.cluster_analysis == "diversity" else None,
            "suspicious_clusters": int(sum(verdict.is_accused.sum() for _, verdict in verdicts)),
            **{f"Class_{label}": _entry(*verdict) for label, verdict in enumerate(verdicts)},
        }

    def _reclassify(self, report: dict[str, Any], is_poison: Mask, threshold: float) -> None:
        """Acquit clusters in the report and the mask, and correct the labels of the others."""
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
        if self.generator is None:  # whose data are read batch by batch
            super()._check_data()

    def _check_params(self) -> None:
        super()._check_params()
        check_at_least("nb_clusters", self.nb_clusters, 2)
        check_at_least("nb_dims", self.nb_dims, 1)
        check_choice("clustering_method", self.clustering_method, CLUSTERERS)
        check_choice("reduce", self.reduce, REDUCERS)
        check_choice("cluster_analysis", self.cluster_analysis, ANALYSES)
        check_fraction("diversity_threshold", self.diversity_threshold)
        if self.generator is not None and not isinstance(self.generator, DataGenerator):
            raise TypeError(f"expected generator to be one of ART's DataGenerator, got {type(self.generator).__name__}")
        if self.ex_re_threshold is not None:
            check_positive("ex_re_threshold", self.ex_re_threshold)


def _entry(group: ClassClusters, verdict: Verdict) -> dict[str, dict[str, Any]]:
    """What a report says of the clusters of one class."""
    shares = np.bincount(group.clusters, minlength=group.n_clusters) / max(1, len(group.rows))
    return {
        f"cluster_{cluster}": {
            "ptc_data_in_cluster": round(float(shares[cluster]), 2),
            "suspicion": float(verdict.suspicion[cluster]),
            "suspicious_cluster": bool(verdict.is_accused[cluster]),
        }
        for cluster in range(group.n_clusters)
    }
