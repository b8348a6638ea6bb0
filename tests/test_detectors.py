"""Detectors of poisoned samples find poison that is known, leave clean data in peace, and survive degenerate data."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from art import config
from art.data_generators import PyTorchDataGenerator
from art.defences.detector.poison import ActivationDefence, SpectralSignatureDefense
from art.estimators.classification import PyTorchClassifier
from torch import nn
from torch.optim.lr_scheduler import ExponentialLR
from torch.utils.data import DataLoader, TensorDataset

from art_snn import testing as laws
from art_snn._random import host_seed
from art_snn.attacks.poisoning import TriggerBackdoor
from art_snn.defences.detector import (
    ReferenceDefence,
    SpikeActivationDefence,
    SpikeSpectralDefence,
    STRIPDefence,
)
from art_snn.defences.detector._layer_features import Sketch, layer_features, layer_names
from art_snn.defences.detector._outlier_limits import upper_limit
from art_snn.defences.detector._principal_directions import Directions
from art_snn.defences.detector._superposition import superpose_arrays, superpose_events
from art_snn.defences.detector._voltage_sequences import Recorder, Translation
from art_snn.defences.detector.activation.cluster_analysis import Surroundings, analyse
from art_snn.defences.detector.activation.clustering import ClassClusters
from art_snn.defences.detector.activation.reclassification import reclassify
from art_snn.defences.detector.activation.refitting import refitted
from art_snn.defences.detector.activation.source_diversity import Neighbours, perplexity, source_diversity
from art_snn.defences.detector.sample_detector import SampleDetector
from art_snn.defences.detector.strip import normalised_entropy
from art_snn.estimators.classification import SpikingClassifier, SpikingModule
from art_snn.evaluations import DetectionEvaluation, TrainedPair, cost
from art_snn.evaluations.art_detectors import ArtActivationDefence, ArtSpectralSignatureDefense, ArtSTRIP
from art_snn.events import make_events, to_frames
from art_snn.metrics import auroc
from art_snn.models import small_cnn
from art_snn.typing import Array, Events
from tests.backdoored import SHAPE, TARGET, TRIGGER, K, bars, trained, untrained

ATTACK = TriggerBackdoor(TRIGGER, TARGET, percent_poison=0.15)  # as that of `trained`
POISONED = ATTACK.poison_dataset(*bars())
DATA = (POISONED.x, POISONED.y)
X_CLEAN, Y_CLEAN = bars(80, seed=1)
FAST = {"batch_size": 16, "nb_epochs": 4}

Make = Callable[..., SampleDetector]
DETECTORS: dict[str, Make] = {
    "activation": SpikeActivationDefence,
    "spectral": SpikeSpectralDefence,
    "strip": STRIPDefence,
    "reference samples": partial(ReferenceDefence, x_reference=X_CLEAN, y_reference=Y_CLEAN),
    "reference model": lambda *data, **parameters: ReferenceDefence(
        *data, reference=trained("ann", backdoored=False), **parameters
    ),
}
# without clean samples its limit is a rough one, as its docstring says
IN_PEACE = DETECTORS | {"strip": partial(STRIPDefence, x_clean=X_CLEAN)}
ALL = pytest.mark.parametrize("make", DETECTORS.values(), ids=DETECTORS)
OF_LAYERS = pytest.mark.parametrize("make", [SpikeActivationDefence, SpikeSpectralDefence])
ART_ON_SILENT_CLASSES = pytest.mark.filterwarnings(
    "ignore:invalid value:RuntimeWarning", "ignore:Number of distinct clusters"
)
KINDS = pytest.mark.parametrize("kind", ["ann", "lif"])


def identity(n_features: int, n_classes: int) -> PyTorchClassifier:
    """A classifier whose one rectifier puts out the samples themselves, as long as these are not negative."""
    with host_seed(0):
        net = nn.Sequential(nn.Flatten(), nn.ReLU(), nn.Linear(n_features, n_classes))
    return PyTorchClassifier(net, nn.CrossEntropyLoss(), (1, 1, n_features), n_classes)


def blobs(rng: np.random.Generator, n: int, centre: Array, spread: float = 0.3) -> Array:
    """Samples (n, 1, 1, F) around a centre."""
    x = centre + spread * rng.standard_normal((n, len(centre)))
    return np.abs(x).astype(np.float32)[:, None, None]


# Laws


@KINDS
@ALL
def test_poison_is_found(make: Make, kind: str) -> None:
    laws.check_detector_finds_poison(make, trained(kind), *DATA, POISONED.is_poison)


@pytest.mark.parametrize("kind", ["converted", "hybrid"])
@OF_LAYERS
def test_poison_is_found_in_converted_networks(make: Make, kind: str) -> None:
    laws.check_detector_finds_poison(make, trained(kind), *DATA, POISONED.is_poison)


@pytest.mark.parametrize("make", IN_PEACE.values(), ids=IN_PEACE)
@KINDS
def test_clean_data_are_left_in_peace(make: Make, kind: str) -> None:
    laws.check_detector_leaves_clean_data_in_peace(make, trained(kind, backdoored=False), *bars())


@KINDS
@ALL
def test_detectors_answer_as_art_wants(make: Make, kind: str) -> None:
    laws.check_detector_answers(make(trained(kind), *DATA))


@ALL
def test_the_confusion_is_counted_as_art_does(make: Make) -> None:
    laws.check_detector_evaluates(make(trained("lif"), *DATA), POISONED.is_poison)


@ALL
def test_detectors_repeat_themselves(make: Make) -> None:
    laws.check_detector_repeats_itself(make, trained("lif"), *DATA)


@KINDS
@ALL
def test_a_score_does_not_depend_on_the_others(make: Make, kind: str) -> None:
    laws.check_detector_scores_samples_alone(make(trained(kind), *DATA), X_CLEAN[:20])


@KINDS
@ALL
def test_detectors_leave_classifier_and_data_alone(make: Make, kind: str) -> None:
    laws.check_detector_leaves_classifier_and_data_alone(make, trained(kind), *DATA)


@ALL
def test_parameters_obey_the_laws(make: Make) -> None:
    detector = make(trained("ann"), *DATA)
    laws.check_detector_params(detector)


# New samples, kinds of data and features


@ALL
def test_new_triggered_samples_score_higher_than_clean_ones(make: Make) -> None:
    others = X_CLEAN[Y_CLEAN != TARGET]
    scores = make(trained("lif"), *DATA).scores(np.concatenate([others, TRIGGER(others)]))
    assert auroc(np.repeat([False, True], len(others)), scores) > 0.9


@pytest.mark.parametrize("feature", ["counts", "trains", "voltages", "voltage trains"])
@OF_LAYERS
def test_every_feature_gives_scores_at_every_layer(make: Make, feature: str) -> None:
    by_layer = make(trained("lif"), *DATA, feature=feature).layer_scores()
    assert list(by_layer) == ["net.act1", "net.act2", "net.act3"]
    assert all(np.isfinite(scores).all() and scores.any() for scores in by_layer.values())


@pytest.mark.filterwarnings("ignore:only")  # the frames are noise
@ALL
def test_frames_of_counts_are_taken(make: Make) -> None:
    model = SpikingModule(small_cnn(2, 3, neuron="if", width=0.25))
    classifier = SpikingClassifier(model, nn.CrossEntropyLoss(), (4, 2, 8, 8), 3)
    x = np.random.default_rng(0).poisson(1.0, (30, 4, 2, 8, 8)).astype(np.uint8)
    y = np.arange(30) % 3
    if make is DETECTORS["reference samples"]:
        make = partial(ReferenceDefence, x_reference=x, y_reference=y)
    if make is DETECTORS["reference model"]:
        make = partial(ReferenceDefence, reference=classifier)
    laws.check_detector_answers(make(classifier, x, y))


def test_the_scan_chooses_the_most_suspicious_layer_and_reports_all() -> None:
    report, _ = SpikeActivationDefence(trained("lif"), *DATA).detect_poison()
    suspicion = report["suspicion_by_layer"]
    assert list(suspicion) == ["net.act1", "net.act2", "net.act3"]
    assert report["chosen_layer"] == max(suspicion, key=suspicion.get)


def test_a_layer_is_named_or_counted() -> None:
    named = SpikeActivationDefence(trained("lif"), *DATA, layer="net.act2")
    assert np.array_equal(named.scores(), SpikeActivationDefence(trained("lif"), *DATA, layer=1).scores())
    assert named.chosen_layer == "net.act2"
    assert list(SpikeSpectralDefence(trained("lif"), *DATA, layer=[0, "net.act3"]).layer_scores()) == [
        "net.act1",
        "net.act3",
    ]


@OF_LAYERS
def test_a_parameter_that_changes_is_as_if_it_had_been_given_at_first(make: Make) -> None:
    detector = make(trained("lif"), *DATA, feature="counts", layer=0)
    detector.scores()
    detector.set_params(feature="voltages", layer=2)
    assert np.array_equal(detector.scores(), make(trained("lif"), *DATA, feature="voltages", layer=2).scores())


@pytest.mark.parametrize(
    ("layer", "error"),
    [(7, ValueError), (-4, ValueError), ("no_such_layer", ValueError), ([], ValueError), (1.5, TypeError)],
)
@KINDS
@pytest.mark.parametrize("make", [DETECTORS[name] for name in DETECTORS if name != "strip"])
def test_an_unknown_layer_is_an_error_before_anything_is_read(
    make: Make, kind: str, layer: Any, error: type[Exception]
) -> None:
    with pytest.raises(error, match="layer"):
        make(trained(kind), *DATA, layer=layer)


@pytest.mark.parametrize("layer", ["scan", [0, 1]])
def test_a_reference_is_compared_at_one_layer(layer: Any) -> None:
    with pytest.raises(ValueError, match="expected layer to be one layer's name or index"):
        DETECTORS["reference samples"](trained("lif"), *DATA, layer=layer)


def test_a_reference_model_needs_the_layer_too() -> None:
    with pytest.raises(ValueError, match="expected layer to be one of"):
        ReferenceDefence(trained("lif"), *DATA, reference=trained("ann", backdoored=False), layer="net.act2")


# Degenerate data: a clear error or a documented score, never a flag on everything


@pytest.mark.parametrize("spiking", [True, False])
@ALL
def test_a_silent_network_accuses_nobody(make: Make, spiking: bool) -> None:
    classifier = untrained("lif" if spiking else "ann")
    with torch.no_grad():
        for parameter in classifier.model.parameters():
            parameter.zero_()
    if make is DETECTORS["reference model"]:
        make = partial(ReferenceDefence, reference=classifier)
    detector = make(classifier, *DATA)
    _, is_clean = detector.detect_poison()
    assert all(is_clean)
    assert not detector.scores().any()


@ALL
def test_constant_samples_accuse_nobody(make: Make) -> None:
    x = np.full((40, *SHAPE), 0.5, np.float32)
    _, is_clean = make(trained("ann"), x, np.arange(40) % K).detect_poison()
    assert all(is_clean)


@ALL
def test_one_class_alone_accuses_nobody(make: Make) -> None:
    own = POISONED.y == 0
    detector = make(trained("lif"), POISONED.x[own], POISONED.y[own])
    _, is_clean = detector.detect_poison()
    assert np.isfinite(detector.scores()).all()
    assert np.mean(is_clean) > 0.9


@ALL
def test_three_samples_of_a_class_are_no_error_and_none_accused(make: Make) -> None:
    rows = np.concatenate([np.flatnonzero(POISONED.y != 2), np.flatnonzero(POISONED.y == 2)[:3]])
    detector = make(trained("lif"), POISONED.x[rows], POISONED.y[rows])
    report, is_clean = detector.detect_poison()
    assert 2 not in report.get("accused_classes", [])
    assert np.mean(is_clean) > 0.5


@ALL
def test_an_untrained_classifier_gives_scores_and_no_flag_on_everything(make: Make) -> None:
    detector = make(untrained("lif"), *DATA)
    _, is_clean = detector.detect_poison()
    assert np.isfinite(detector.scores()).all()
    assert np.mean(is_clean) > 0.5


@ALL
def test_nan_in_the_data_is_an_error(make: Make) -> None:
    x = POISONED.x.copy()
    x[3, 0, 0, 0] = np.nan
    with pytest.raises(ValueError, match="finite"):
        make(trained("ann"), x, POISONED.y)
    with pytest.raises(ValueError, match="finite"):
        make(trained("ann"), *DATA).scores(x)


@ALL
def test_data_that_do_not_fit_are_an_error(make: Make) -> None:
    with pytest.raises(ValueError, match="got none"):
        make(trained("ann"), POISONED.x[:0], POISONED.y[:0])
    with pytest.raises(ValueError, match="as many labels"):
        make(trained("ann"), POISONED.x, POISONED.y[1:])
    with pytest.raises(ValueError, match=r"labels in \[0, 4\)"):
        make(trained("ann"), POISONED.x, POISONED.y + 1)
    with pytest.raises(TypeError, match="PyTorchClassifier"):
        make("a classifier", *DATA)
    if make is not STRIPDefence:
        with pytest.raises(ValueError, match="got event streams"):
            make(trained("ann"), streams(2), np.array([0, 1]))


@ALL
def test_new_samples_must_be_like_those_of_the_training(make: Make) -> None:
    detector = make(trained("ann"), *DATA)
    for x, got in ((streams(2), "event streams"), (X_CLEAN[0], r"samples of shape \(8, 8\)")):
        with pytest.raises(ValueError, match=rf"expected x like x_train, samples of shape \(1, 8, 8\), got {got}"):
            detector.scores(x)


@ALL
def test_no_data_are_an_error(make: Make) -> None:
    for data in ((None, None), (POISONED.x, None), (None, POISONED.y)):
        with pytest.raises(ValueError, match="expected samples and their labels, got None"):
            make(trained("ann"), *data)


def test_a_truth_is_checked_before_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    detector = SpikeSpectralDefence(trained("ann"), *DATA)
    monkeypatch.setattr(detector, "_detect", lambda: pytest.fail("searched"))
    with pytest.raises(ValueError, match="is_clean"):
        detector.evaluate_defence(np.ones(3))


def test_nan_in_a_hidden_layer_is_an_error() -> None:
    classifier = untrained("ann")
    with torch.no_grad():
        next(classifier.model.parameters()).fill_(np.nan)
    with pytest.raises(ValueError, match="finite features"):
        SpikeSpectralDefence(classifier, *DATA).detect_poison()


@KINDS
@ALL
def test_nan_in_the_outputs_is_an_error(make: Make, kind: str) -> None:
    classifier = untrained(kind)
    with torch.no_grad():
        list(classifier.model.parameters())[-1].fill_(np.nan)
    with pytest.raises(ValueError, match="expected outputs of the classifier to be finite"):
        make(classifier, *DATA).scores(X_CLEAN)


@pytest.mark.parametrize("truth", [np.ones(3), np.full(len(POISONED.y), 2), np.ones((len(POISONED.y), 2))])
def test_a_truth_that_does_not_fit_is_an_error(truth: Array) -> None:
    with pytest.raises(ValueError, match="is_clean"):
        SpikeSpectralDefence(trained("ann"), *DATA).evaluate_defence(truth)


WRONG: list[tuple[Make, dict[str, Any]]] = [
    (SpikeActivationDefence, {"nb_clusters": 1}),
    (SpikeActivationDefence, {"nb_dims": 0}),
    (SpikeActivationDefence, {"reduce": "TSNE"}),
    (SpikeActivationDefence, {"clustering_method": "DBSCAN"}),
    (SpikeActivationDefence, {"cluster_analysis": "what"}),
    (SpikeActivationDefence, {"cluster_analysis": []}),
    (SpikeActivationDefence, {"ex_re_threshold": -1.0}),
    (SpikeActivationDefence, {"diversity_threshold": 1.5}),
    (SpikeActivationDefence, {"feature": "rates"}),
    (SpikeSpectralDefence, {"expected_pp_poison": 2.0}),
    (SpikeSpectralDefence, {"eps_multiplier": -1.0}),
    (SpikeSpectralDefence, {"batch_size": -1}),
    (SpikeSpectralDefence, {"n_directions": 0}),
    (SpikeSpectralDefence, {"spread_threshold": np.inf}),
    (STRIPDefence, {"num_samples": 0}),
    (STRIPDefence, {"num_samples": 1000}),
    (STRIPDefence, {"false_acceptance_rate": 0.0}),
    (STRIPDefence, {"superposition": "what"}),
    (STRIPDefence, {"outputs": "what"}),
    (DETECTORS["reference samples"], {"separation_threshold": -1.0}),
    (DETECTORS["reference samples"], {"max_features": 0}),
]


@pytest.mark.parametrize(("make", "wrong"), WRONG)
def test_a_wrong_value_is_an_error(make: Make, wrong: dict[str, Any]) -> None:
    (name,) = wrong
    with pytest.raises(ValueError, match=f"expected {name}"):
        make(trained("ann"), *DATA, **wrong)
    with pytest.raises(ValueError, match=f"expected {name}"):
        make(trained("ann"), *DATA).detect_poison(**wrong)


# Activation clustering


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
    group = ClassClusters.of(x, rows, 2, 5, "PCA", 0)
    verdict = analyse("diversity", group, Surroundings(x, labels, lambda: neighbours, threshold=0.1))
    with pytest.warns(UserWarning, match="of the samples are nearest to one of their own class"):
        report, _ = SpikeActivationDefence(identity(5, 5), np.abs(x)[:, None, None], labels).detect_poison()
    assert report["samples_at_home"] < 0.5
    assert report["accused_classes"] == []
    assert neighbours.at_home < 0.5
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


@pytest.mark.parametrize("analysis", ["diversity", "smaller", "relative-size", "silhouette-scores", "distance"])
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
    assert defence.detect_poison()[0]["samples_at_home"] is None
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


# Spectral signatures


def test_centred_signatures_are_right_where_arts_are_wrong() -> None:
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((100, 8)).astype(np.float32)
    rows[:10, 0] -= 12  # poison
    rows[:, 0] += 10  # what the features have in common
    is_poison = np.arange(100) < 10
    arts = SpectralSignatureDefense.spectral_signature_scores(rows)[:, 0]
    assert auroc(is_poison, arts) < 0.1
    assert auroc(is_poison, np.linalg.norm(Directions.of(rows, 1, seed=0).project(rows), axis=1)) == 1


def test_one_direction_is_at_chance_where_half_of_a_class_is_poison() -> None:
    rng = np.random.default_rng(0)
    rows = 0.5 * rng.standard_normal((200, 12)).astype(np.float32)
    rows[100:, 0] += 8  # the trigger
    rows[np.arange(100, 200), 1 + np.arange(100) % 8] += 6  # where the poison came from
    is_poison = np.arange(200) >= 100
    one, ten = (np.linalg.norm(Directions.of(rows, k, seed=0).project(rows), axis=1) for k in (1, 10))
    assert 0.3 < auroc(is_poison, one) < 0.7
    assert auroc(is_poison, ten) > 0.95


def test_directions_equal_those_of_the_exact_decomposition() -> None:
    rows = np.random.default_rng(0).standard_normal((40, 6)) * np.array([9, 5, 3, 1, 1, 1])
    found = Directions.of(rows, 2, seed=0)
    _, lengths, axes = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)
    assert np.abs(found.axes) == pytest.approx(np.abs(axes[:2]), abs=1e-6)
    assert found.variance == pytest.approx((lengths[:2] ** 2).sum() / 40)


def test_a_spread_of_zero_accuses_every_class_as_the_paper_does() -> None:
    report, is_clean = SpikeSpectralDefence(trained("lif"), *DATA, spread_threshold=0.0).detect_poison()
    assert report["accused_classes"] == list(range(K))
    assert np.mean(is_clean) == pytest.approx(1 - 1.5 * 0.33, abs=0.02)


def test_training_data_are_changed_like_parameters_as_in_art() -> None:
    detector = SpikeSpectralDefence(trained("ann"), *bars())
    detector.detect_poison()
    with pytest.raises(ValueError, match="as many labels"):
        detector.set_params(x_train=POISONED.x[1:])
    with pytest.raises(ValueError, match="expected n_directions"):
        detector.detect_poison(x_train=POISONED.x, y_train=POISONED.y, n_directions=0)
    assert np.array_equal(detector.scores(), SpikeSpectralDefence(trained("ann"), *bars()).scores())
    found = detector.detect_poison(x_train=POISONED.x, y_train=POISONED.y)
    assert found == SpikeSpectralDefence(trained("ann"), *DATA).detect_poison()


# STRIP


def test_the_entropy_is_over_classes() -> None:
    logits = np.array([[0.0, 0.0, 0.0], [50.0, 0.0, 0.0], [np.log(2), np.log(2), 0.0]])
    by_hand = [1.0, 0.0, -(2 * 0.4 * np.log(0.4) + 0.2 * np.log(0.2)) / np.log(3)]
    assert normalised_entropy(logits, "logits") == pytest.approx(by_hand)
    rates = np.array([[0.0, 0.0, 0.0], [0.7, 0.0, 0.0], [0.4, 0.4, 0.2]])
    assert normalised_entropy(rates, "rates") == pytest.approx(by_hand)


@pytest.mark.parametrize("how", ["add", "mean", "maximum"])
@KINDS
def test_every_superposition_tells_triggered_samples(kind: str, how: str) -> None:
    defence = STRIPDefence(trained(kind), *DATA, superposition=how, x_clean=X_CLEAN)
    assert auroc(POISONED.is_poison, defence.scores()) > 0.9


def test_arts_strip_ranks_poison_last_where_ours_ranks_it_first() -> None:
    with host_seed(0):
        first, second = nn.Linear(4, 4, bias=False), nn.Linear(4, 3, bias=False)
    first.weight.data = torch.tensor([[9.0, 0, 0, -99], [0, 9, 0, -99], [0, 0, 9, -99], [0, 0, 0, 99]])  # last: trigger
    second.weight.data = torch.eye(3, 4) + torch.tensor([[0.0, 0, 0, 1], [0, 0, 0, 0], [0, 0, 0, 0]])
    net = nn.Sequential(nn.Flatten(), first, nn.ReLU(), second)
    classifier = PyTorchClassifier(net, nn.CrossEntropyLoss(), (1, 1, 4), 3)
    y, is_poison = np.arange(60) % 3, np.arange(60) >= 54
    x = np.eye(3, 4, dtype=np.float32)[y][:, None, None]
    x[is_poison, ..., 3] = 1
    arts = ArtSTRIP(classifier, x, y).scores()
    ours = STRIPDefence(classifier, x, y, superposition="mean", x_clean=x[~is_poison]).scores()
    assert auroc(is_poison, arts) < 0.1
    assert auroc(is_poison, ours) == 1


class Bright(nn.Module):
    """Rates of four classes: by how much each of four pixels exceeds 0.9."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.scale * torch.relu(x.flatten(1) - 0.9)


def test_where_most_samples_leave_a_network_silent_the_others_are_not_flagged() -> None:
    classifier = PyTorchClassifier(Bright(), nn.CrossEntropyLoss(), (1, 1, 4), 4)
    x = np.full((100, 1, 1, 4), 0.1, np.float32)
    x[:40] = np.random.default_rng(0).uniform(0.7, 1, (40, 1, 1, 4))
    defence = STRIPDefence(classifier, x, np.arange(100) % 4, outputs="rates", superposition="mean")
    _, is_clean = defence.detect_poison()
    assert (defence.scores() > 1e-3).sum() == 40
    assert all(is_clean)


def test_a_limit_survives_scores_of_which_most_are_equal() -> None:
    assert upper_limit(np.zeros(9), 0.01) == 0
    assert upper_limit(np.repeat([0.0, 10.0], [60, 40]), 0.01) > 10


def test_superpositions_are_clipped_averaged_or_the_larger() -> None:
    x, overlays = np.array([[0.75, 0.0]]), np.array([[0.5, 0.5], [1.0, 0.25]])
    assert superpose_arrays(x, overlays, "add", (0.0, 1.0)).tolist() == [[1.0, 0.5], [1.0, 0.25]]
    assert superpose_arrays(x, overlays, "mean", (0.0, 1.0)).tolist() == [[0.625, 0.25], [0.875, 0.125]]
    assert superpose_arrays(x, overlays, "maximum").tolist() == [[0.75, 0.5], [1.0, 0.25]]
    counts = np.array([[200]], np.uint8)
    assert superpose_arrays(counts, counts, "add").tolist() == [[400.0]]


def streams(n: int, sensor: int = 8, seed: int = 0) -> Events:
    """Recordings of 40 events in 100 µs from 0 on."""
    rng = np.random.default_rng(seed)
    found = np.empty(n, object)
    for row in range(n):
        times = np.sort(rng.integers(0, 100, 40))
        times[[0, -1]] = 0, 99
        found[row] = make_events(
            rng.integers(0, sensor, 40), rng.integers(0, sensor, 40), times, rng.integers(0, 2, 40)
        )
    return found


def test_adding_events_adds_their_frames() -> None:
    samples, overlays = streams(2), streams(3, seed=1)
    laid = superpose_events(samples, overlays, "add", (8, 8), n_bins=4, split_by="time")
    frames = [to_frames(group, (8, 8), 4, "time") for group in (samples, overlays)]
    assert np.array_equal(laid, superpose_arrays(frames[0], frames[1], "add"))
    assert superpose_events(samples, overlays, "mean", (8, 8), 4, "time").sum() == laid.sum() / 2
    with pytest.raises(ValueError, match="superposition of events"):
        superpose_events(samples, overlays, "maximum", (8, 8), 4)


def test_event_streams_are_superposed_as_events() -> None:
    model = SpikingModule(small_cnn(2, 3, neuron="if", width=0.25))
    classifier = SpikingClassifier(model, nn.CrossEntropyLoss(), (4, 2, 8, 8), 3)
    x, y = streams(12), np.arange(12) % 3
    binning = {"sensor_size": (8, 8), "n_bins": 4, "split_by": "time", "num_samples": 5}
    of_events = STRIPDefence(classifier, x, y, **binning).scores()
    of_frames = STRIPDefence(classifier, to_frames(x, (8, 8), 4, "time"), y, num_samples=5).scores()
    assert of_events == pytest.approx(of_frames, abs=1e-6)
    with pytest.raises(ValueError, match="sensor_size and n_bins"):
        STRIPDefence(classifier, x, y)
    with pytest.raises(ValueError, match="expected superposition of events"):
        STRIPDefence(classifier, x, y, **binning, superposition="maximum")
    with pytest.raises(
        ValueError, match=r"expected x like x_train, event streams, got samples of shape \(4, 2, 8, 8\)"
    ):
        STRIPDefence(classifier, x, y, **binning).scores(to_frames(x, (8, 8), 4, "time"))


@pytest.mark.parametrize("x_clean", [None, X_CLEAN])
def test_nothing_is_predicted_twice(x_clean: Array | None, monkeypatch: pytest.MonkeyPatch) -> None:
    classifier = untrained("lif")
    predict, seen = classifier.predict, []
    monkeypatch.setattr(classifier, "predict", lambda x, **options: seen.append(len(x)) or predict(x, **options))
    defence = STRIPDefence(classifier, *DATA, num_samples=7, x_clean=x_clean)
    defence.detect_poison()
    seen.clear()
    defence.detect_poison()
    defence.scores()
    assert seen == []
    defence.scores(X_CLEAN[:1])
    assert seen == [7]


def test_clean_samples_must_be_like_the_others() -> None:
    with pytest.raises(
        ValueError, match=r"x_clean like x_train, samples of shape \(1, 8, 8\), got samples of shape \(8, 8\)"
    ):
        STRIPDefence(trained("ann"), *DATA, x_clean=X_CLEAN[:, 0])


# Reference


@KINDS
@pytest.mark.parametrize("name", ["reference samples", "reference model"])
def test_a_reference_accuses_the_backdoored_model_and_not_the_clean_one(name: str, kind: str) -> None:
    report = DETECTORS[name](trained(kind), *DATA).detect_backdoor()
    assert report.is_backdoored
    assert report.target_class == TARGET
    assert not DETECTORS[name](trained("lif", backdoored=False), *bars()).detect_backdoor().is_backdoored


@pytest.mark.parametrize("name", ["reference samples", "reference model"])
def test_voltages_and_spikes_are_pictured(name: str) -> None:
    figure = DETECTORS[name](trained("lif"), *DATA).plot_sequences(n_neurons=5)
    traces, others, clean_raster, raster = figure.axes
    assert [axes.get_title() for axes in (traces, others)] == ["clean", "suspect"]
    assert len(traces.lines) == len(others.lines) == 5
    assert raster.images[0].get_array().shape == (5, 3)  # neurons, time steps
    assert not np.array_equal(raster.images[0].get_array(), clean_raster.images[0].get_array())


def test_exactly_one_kind_of_reference_is_needed() -> None:
    for wrong in (
        {},
        {"x_reference": X_CLEAN},
        {"reference": trained("ann"), "x_reference": X_CLEAN, "y_reference": Y_CLEAN},
    ):
        with pytest.raises(ValueError, match="either a reference model"):
            ReferenceDefence(trained("ann"), *DATA, **wrong)
    some = Y_CLEAN != 2
    with pytest.raises(ValueError, match=r"every class, got none of \[2\]"):
        ReferenceDefence(trained("ann"), *DATA, x_reference=X_CLEAN[some], y_reference=Y_CLEAN[some])


@pytest.mark.parametrize("name", ["reference samples", "reference model"])
def test_sequences_are_held_for_one_batch_at_a_time(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    defence = DETECTORS[name](trained("lif"), *DATA, batch_size=16)
    whole = defence.scores(X_CLEAN)
    lengths, record = [], Recorder.__call__
    monkeypatch.setattr(Recorder, "__call__", lambda self, x: lengths.append(len(x)) or record(self, x))
    assert np.array_equal(defence.scores(X_CLEAN), whole)
    assert max(lengths) == 16
    if name == "reference samples":
        defence.set_params(seed=1)
        lengths.clear()
        defence.scores()
        assert set(lengths) == {16, len(X_CLEAN)}  # batches, and the reference


def test_new_samples_of_a_class_without_reference_are_an_error() -> None:
    some, known = POISONED.y != 2, Y_CLEAN != 2
    references = {"x_reference": X_CLEAN[known], "y_reference": Y_CLEAN[known]}
    defence = ReferenceDefence(trained("ann"), POISONED.x[some], POISONED.y[some], **references)
    assert defence.scores(X_CLEAN[known]).all()
    with pytest.raises(ValueError, match=r"every class, got none of \[2\]"):
        defence.scores(X_CLEAN)


def test_a_translation_leaves_only_what_one_model_sees_otherwise() -> None:
    rng = np.random.default_rng(0)
    clean = rng.standard_normal((200, 10))
    suspected = clean @ rng.standard_normal((10, 8))
    suspected[:20] += 5
    residuals = Translation(clean, suspected, seed=0).residuals(clean, suspected)
    assert auroc(np.arange(200) < 20, residuals) == 1


# Features


def test_a_sketch_keeps_distances_and_short_rows() -> None:
    rows = np.random.default_rng(0).standard_normal((20, 3000)).astype(np.float32)
    sketched = Sketch(500, seed=0)(rows)
    before, after = (np.linalg.norm(x[:, None] - x[None], axis=2)[np.triu_indices(20, 1)] for x in (rows, sketched))
    assert sketched.shape == (20, 500)
    assert sketched.dtype == np.float32
    assert after == pytest.approx(before, rel=0.2)
    assert np.array_equal(Sketch(3000, seed=0)(rows), rows)


def test_features_of_a_spiking_network_are_its_activations() -> None:
    classifier, x = trained("lif"), X_CLEAN[:10]
    found = layer_features(classifier, [x[:6], x[6:]], ["net.act3", "input"], "counts", Sketch(10**6, 0))
    assert np.array_equal(found["net.act3"], classifier.get_activations(x, "net.act3", reduction="sum"))
    assert np.array_equal(found["input"], x.reshape(10, -1))


class Twice(nn.Module):
    """One rectifier, called twice, in place."""

    def __init__(self) -> None:
        super().__init__()
        self.act = nn.ReLU(inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.act(1 - self.act(x.flatten(1)))


def test_each_call_of_a_rectifier_is_a_layer_with_its_input() -> None:
    classifier = PyTorchClassifier(Twice(), nn.CrossEntropyLoss(), (1, 1, 3), 3)
    x = np.array([[[[-2.0, 0.5, 3.0]]]], np.float32)
    with host_seed(0):
        assert layer_names(classifier) == ["act", "act:2"]
        outputs = layer_features(classifier, [x], ["act", "act:2"], "counts", Sketch(9, 0))
        inputs = layer_features(classifier, [x], ["act", "act:2"], "voltages", Sketch(9, 0))
    assert outputs["act"].tolist() == [[0.0, 0.5, 3.0]]
    assert outputs["act:2"].tolist() == [[1.0, 0.5, 0.0]]
    assert inputs["act"].tolist() == [[-2.0, 0.5, 3.0]]
    assert inputs["act:2"].tolist() == [[1.0, 0.5, -2.0]]


def test_a_network_without_activations_must_be_told_its_layers() -> None:
    with host_seed(0):
        net = nn.Sequential(nn.Flatten(), nn.Linear(64, K))
    classifier = PyTorchClassifier(net, nn.CrossEntropyLoss(), SHAPE, K)
    with pytest.raises(ValueError, match="got none: name its layers"):
        SpikeSpectralDefence(classifier, *DATA).scores()
    assert SpikeSpectralDefence(classifier, *DATA, layer="1", feature="counts").scores().any()


# Evaluation


@ART_ON_SILENT_CLASSES
def test_an_evaluation_measures_detection_and_false_alarms() -> None:
    pair = TrainedPair(trained("lif", backdoored=False), trained("lif"))
    defences = {"ours": SpikeActivationDefence, "strip": STRIPDefence, "art": ArtActivationDefence}
    results = DetectionEvaluation(ATTACK, {"lif": pair}, defences).evaluate(*bars(), verbose=False)
    ours, strip, arts = results
    assert [result.defence for result in results] == ["ours", "strip", "art"]
    assert (ours.auroc, ours.tpr, ours.fpr, ours.fpr_at_95_tpr) == (1.0, 1.0, 0.0, 0.0)
    assert (ours.accused_classes, ours.accused_when_clean, ours.false_alarm_rate) == ((TARGET,), (), 0.0)
    assert (ours.n_poison, ours.n_clean) == (24, 136)
    assert list(ours.auroc_by_layer) == ["net.act1", "net.act2", "net.act3"]
    assert ours.auroc_by_layer[ours.layer] == ours.auroc_in_class
    assert ours.seconds > 0
    assert (strip.accused_classes, strip.layer, strip.auroc_by_layer) == (None, None, {})
    assert arts.defence == "art"


class Timed:
    """A detector that moves a clock on: 2 seconds to detect, 5 to score, 7 to score layer by layer."""

    now = 0.0

    def __init__(self, classifier: PyTorchClassifier, x: Array, y: Array) -> None:
        self._n = len(x)

    def detect_poison(self) -> tuple[dict[str, Any], list[int]]:
        Timed.now += 2
        return {}, [1] * self._n

    def scores(self) -> Array:
        Timed.now += 5
        return np.zeros(self._n)

    def layer_scores(self) -> dict[str, Array]:
        Timed.now += 7
        return {}


def test_a_defence_is_charged_for_detecting_not_for_what_only_the_evaluation_asks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cost, "time", SimpleNamespace(perf_counter=lambda: Timed.now))
    pair = TrainedPair(trained("lif", backdoored=False), trained("lif"))
    (result,) = DetectionEvaluation(ATTACK, {"lif": pair}, {"timed": Timed}).evaluate(*bars(), verbose=False)
    assert result.seconds == 2


@ART_ON_SILENT_CLASSES
def test_arts_clustering_is_run_once_for_verdicts_and_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    runs, detect = [], ActivationDefence.detect_poison
    monkeypatch.setattr(ActivationDefence, "detect_poison", lambda self: runs.append(self) or detect(self))
    detector = ArtActivationDefence(trained("ann"), *DATA)
    assert np.array_equal(detector.scores() == 0, detector.detect_poison()[1])
    assert len(runs) == 1


@ART_ON_SILENT_CLASSES
@pytest.mark.parametrize("make", [ArtActivationDefence, ArtSpectralSignatureDefense, ArtSTRIP])
@KINDS
def test_arts_own_detectors_run_beside_ours(make: Callable[..., Any], kind: str) -> None:
    classifier = trained(kind)
    hooks = [len(module._forward_hooks) for module in classifier.model.modules()]
    detector = make(classifier, POISONED.x[:60], POISONED.y[:60])
    _, is_clean = detector.detect_poison()
    assert set(is_clean) <= {0, 1}
    assert detector.scores().shape == (60,)
    assert [len(module._forward_hooks) for module in classifier.model.modules()] == hooks
    assert type(classifier) is type(untrained(kind))


def test_the_confusion_is_valid_json_of_plain_numbers() -> None:
    confusion = json.loads(SpikeActivationDefence(trained("ann"), *DATA).evaluate_defence(~POISONED.is_poison))
    assert confusion["class_1"]["TruePositive"] == {"rate": 100.0, "numerator": 24, "denominator": 24}
    assert confusion["class_0"]["TruePositive"]["rate"] == -1
