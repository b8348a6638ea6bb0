"""Activation clustering, its cluster analyses, reclassification and relabelling."""

from pathlib import Path

import numpy as np
import pytest
import torch
from art import config
from art.data_generators import PyTorchDataGenerator
from art.estimators.classification import PyTorchClassifier
from torch import nn
from torch.optim.lr_scheduler import ExponentialLR
from torch.utils.data import DataLoader, TensorDataset

from art_snn._random import host_seed
from art_snn.defences.detector import (
    SpikeActivationDefence,
)
from art_snn.defences.detector.activation.cluster_analysis import ANALYSES, Context, analyse
from art_snn.defences.detector.activation.clustering import ClassClusters
from art_snn.defences.detector.activation.reclassification import reclassify
from art_snn.defences.detector.activation.refitting import refitted
from art_snn.defences.detector.activation.source_diversity import Neighbours, perplexity, source_diversity
from art_snn.typing import Array
from tests.backdoored import TARGET, K, bars, trained, untrained
from tests.detecting import DATA, KINDS, POISONED

FAST = {"batch_size": 16, "nb_epochs": 4}


def identity(n_features: int, n_classes: int) -> PyTorchClassifier:
    """A classifier whose one rectifier puts out the samples themselves, as long as these are not negative."""
    with host_seed(0):
        net = nn.Sequential(nn.Flatten(), nn.ReLU(), nn.Linear(n_features, n_classes))
    return PyTorchClassifier(net, nn.CrossEntropyLoss(), (1, 1, n_features), n_classes)


def blobs(rng: np.random.Generator, n: int, centre: Array, spread: float = 0.3) -> Array:
    """Samples (n, 1, 1, F) around a centre."""
    x = centre + spread * rng.standard_normal((n, len(centre)))
    return np.abs(x).astype(np.float32)[:, None, None]


def test_half_a_class_of_poison_is_told_from_its_other_half() -> None:
    rng = np.random.default_rng(0)
    centres = 5 * np.eye(5, 6)
    x = [blobs(rng, 40, centre) for centre in centres]
    poison = np.concatenate([blobs(rng, 10, centre) for centre in centres[1:]])
    poison[..., 5] = 9
    labels = np.concatenate([np.repeat(np.arange(5), 40), np.zeros(40, int)])
    report, is_clean = SpikeActivationDefence(identity(6, 5), np.concatenate([*x, poison]), labels).detect_poison()
    assert report["accused_classes"] == [0]
    assert np.array_equal(np.flatnonzero(np.equal(is_clean, 0)), np.arange(200, 240))


def test_a_clean_class_of_two_styles_is_left_in_peace() -> None:
    rng = np.random.default_rng(0)
    centres = 5 * np.eye(5, 6)
    two_styles = np.concatenate([blobs(rng, 28, centres[0]), blobs(rng, 12, centres[0] + 1.5 * np.eye(6)[5])])
    x = np.concatenate([two_styles, *[blobs(rng, 40, centre) for centre in centres[1:]]])
    defence = SpikeActivationDefence(identity(6, 5), x, np.repeat(np.arange(5), 40))
    assert defence.detect_poison()[0]["accused_classes"] == []
    assert defence.detect_poison(cluster_analysis="silhouette-scores")[0]["accused_classes"] == [0]


def test_where_neighbours_tell_nothing_nobody_is_accused() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((200, 5))
    labels = np.arange(200) % 5
    neighbours = Neighbours.of(x, labels)
    rows = np.flatnonzero(labels == 0)
    group = ClassClusters.of(x[rows], rows, 2, 5, "PCA", 0)
    verdict = analyse("diversity", group, Context(x, labels, lambda: neighbours, threshold=0.1))
    with pytest.warns(UserWarning, match="of the samples are nearest to one of their own class"):
        report, _ = SpikeActivationDefence(identity(5, 5), np.abs(x)[:, None, None], labels).detect_poison()
    assert report["same_class_neighbour_rate"] < 0.5
    assert report["accused_classes"] == []
    assert neighbours.same_class_rate < 0.5
    assert verdict.suspicion.max() > 0.5
    assert not verdict.is_accused.any()


def test_source_diversity_equals_a_loop() -> None:
    rng = np.random.default_rng(0)
    x, labels = rng.standard_normal((60, 3)), rng.integers(0, 4, 60)
    rows = np.flatnonzero(labels == 2)
    clusters = np.arange(len(rows)) % 2
    found = source_diversity(Neighbours.of(x, labels), rows, clusters, 2)
    for cluster in (0, 1):
        sources = []
        for member in rows[clusters == cluster]:
            candidates = [row for row in range(60) if labels[row] != 2 or row in rows[clusters != cluster]]
            nearest = min(candidates, key=lambda row: np.linalg.norm(x[row] - x[member]))
            sources += [labels[nearest]] if labels[nearest] != 2 else []
        share = len(sources) / (clusters == cluster).sum()
        assert found[cluster] == pytest.approx(share * perplexity(np.array(sources)) / 3)


@pytest.mark.parametrize("analysis", ANALYSES)
@pytest.mark.parametrize("reduce", ["PCA", "FastICA"])
def test_every_analysis_gives_a_report(analysis: str, reduce: str) -> None:
    defence = SpikeActivationDefence(trained("ann"), *DATA)
    report, is_clean = defence.detect_poison(cluster_analysis=analysis, reduce=reduce, nb_clusters=3)
    assert report["cluster_analysis"] == analysis
    entries = [cluster for label in range(K) for cluster in report[f"Class_{label}"].values()]
    assert report["suspicious_clusters"] == sum(cluster["suspicious_cluster"] for cluster in entries)
    assert {len(np.unique(clusters)) for clusters in defence.cluster_activations()[0]} == {3}
    again, by_class = defence.analyze_clusters()
    assert again["suspicious_clusters"] == report["suspicious_clusters"]
    assert sum(int(clean.sum()) for clean in by_class) == sum(is_clean)


def test_reclassification_acquits_clean_clusters_and_corrects_the_labels_of_poison() -> None:
    defence = SpikeActivationDefence(
        trained("ann"), *DATA, cluster_analysis="relative-size", layer="act2", fit_arguments=FAST
    )
    accused = defence.detect_poison()[0]["suspicious_clusters"]
    report, is_clean = defence.detect_poison(cluster_analysis="diversity", ex_re_threshold=1.0)
    entry = next(cluster for cluster in report["Class_1"].values() if "ExRe_Score" in cluster)
    assert entry["ExRe_Score"] < 0.5
    assert np.array_equal(np.equal(is_clean, 0), POISONED.is_poison)
    right = defence.y_train_relabelled[POISONED.is_poison] == POISONED.y_clean[POISONED.is_poison]
    assert right.mean() > 0.9
    report, _ = defence.detect_poison(cluster_analysis="smaller")
    assert report["accused_classes"] == [TARGET]
    assert defence.y_train_relabelled is not None
    defence.detect_poison(cluster_analysis="diversity", ex_re_threshold=None)
    assert defence.y_train_relabelled is None
    assert report["suspicious_clusters"] < K
    assert accused >= 0


@pytest.mark.parametrize("kind", ["ann", "lif", "converted", "hybrid"])
def test_a_classifier_is_refitted_as_if_it_had_never_been_trained(kind: str) -> None:
    x, y = bars(32, seed=2)
    settings = {"batch_size": 16, "nb_epochs": 1}
    tired = untrained(kind)
    optimizer = tired.ann.optimizer if kind in ("converted", "hybrid") else tired.optimizer
    with host_seed(0):
        tired.fit(x, y, scheduler=ExponentialLR(optimizer, 0.1), **settings)
    first, second = (refitted(model, x, y, 5, settings).model.state_dict() for model in (tired, untrained(kind)))
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_reclassification_needs_something_to_learn_from() -> None:
    x, y = bars(12)
    clusters = [(label, np.flatnonzero(y == label)) for label in range(K)]
    with pytest.raises(ValueError, match="outside the accused clusters"):
        reclassify(trained("ann"), x, y, clusters, 0, {})


@KINDS
def test_true_labels_take_the_backdoor_out_of_a_copy(kind: str) -> None:
    rows = POISONED.is_poison
    x, y, classifier = POISONED.x[rows], POISONED.y_clean[rows], trained(kind)
    before = [parameter.clone() for parameter in classifier.model.parameters()]
    improvement, fixed = SpikeActivationDefence.relabel_poison_ground_truth(
        classifier, x, y, test_set_split=0.7, tolerable_backdoor=0.01, max_epochs=20, batch_epochs=10
    )
    assert improvement > 0.5
    assert fixed is not classifier
    assert all(map(torch.equal, before, classifier.model.parameters()))
    best, _ = SpikeActivationDefence.relabel_poison_cross_validation(classifier, x, y, n_splits=2, max_epochs=10)
    assert best > 0.3


def test_a_classifier_whom_training_does_not_improve_is_given_back() -> None:
    x, y = bars(20, seed=3)
    classifier = trained("ann")  # which makes no mistake there
    assert SpikeActivationDefence.relabel_poison_ground_truth(classifier, x, y) == (0.0, classifier)


def test_neighbours_are_searched_for_once_and_only_where_they_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    searched, search = [], Neighbours.of
    monkeypatch.setattr(Neighbours, "of", lambda *data: searched.append(1) or search(*data))
    defence = SpikeActivationDefence(trained("ann"), *DATA, cluster_analysis="smaller")
    assert defence.detect_poison()[0]["same_class_neighbour_rate"] is None
    assert searched == []
    defence.detect_poison(cluster_analysis="diversity")
    defence.detect_poison(nb_dims=3)
    assert searched == [1]
    defence.detect_poison(max_features=10)
    assert searched == [1, 1]


def test_a_generator_stands_in_for_arrays() -> None:
    loader = DataLoader(TensorDataset(*map(torch.from_numpy, DATA)), batch_size=50)
    with host_seed(0):
        generator = PyTorchDataGenerator(loader, size=len(POISONED.x), batch_size=50)
    defence = SpikeActivationDefence(trained("lif"), None, None, generator=generator)
    assert defence.detect_poison()[1] == SpikeActivationDefence(trained("lif"), *DATA).detect_poison()[1]
    with pytest.raises(ValueError, match="got a generator"):
        defence.detect_poison(ex_re_threshold=1.0)


def test_clusters_are_pictured_without_global_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "ART_DATA_PATH", str(tmp_path))
    figures = SpikeActivationDefence(trained("ann"), *DATA).plot_clusters(save=True, folder="pictures")
    assert len(figures) == K
    assert all(figure.canvas.manager is None for figure in figures)
    assert sorted(path.name for path in (tmp_path / "pictures").iterdir()) == [f"plot_class_{k}.png" for k in range(K)]
