"""STRIP: entropy over classes, superposition of images and of events, its limit."""

import numpy as np
import pytest
import torch
from art.estimators.classification import PyTorchClassifier
from torch import nn

from art_snn._random import host_seed
from art_snn.defences.detector import (
    STRIPDefence,
)
from art_snn.defences.detector._outlier_limits import upper_limit
from art_snn.defences.detector._superposition import superpose_arrays, superpose_events
from art_snn.defences.detector.strip import conformal_threshold, least_clean, normalised_entropy
from art_snn.estimators.classification import SpikingClassifier, SpikingModule
from art_snn.evaluations.art_detectors import ArtSTRIP
from art_snn.events import to_frames
from art_snn.metrics import auroc
from art_snn.models import small_cnn
from art_snn.typing import Array
from tests.backdoored import trained, untrained
from tests.detecting import DATA, KINDS, POISONED, X_CLEAN, streams


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
    ours = STRIPDefence(classifier, x, y, superposition="mean", false_acceptance_rate=0.1, x_clean=x[~is_poison])
    assert auroc(is_poison, arts) < 0.1
    assert auroc(is_poison, ours.scores()) == 1


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


def test_the_threshold_of_clean_scores_is_the_order_statistic_that_lets_the_rate_through() -> None:
    scores = np.random.default_rng(0).permutation(199) / 199
    for rate, highest in ((0.01, 2), (0.1, 20), (0.5, 100), (0.29, 58)):
        assert (scores > conformal_threshold(scores, rate)).sum() == highest - 1
    assert conformal_threshold(np.ones(5), 0.5) == 1


@pytest.mark.parametrize("n", [9, 40])
def test_clean_samples_are_flagged_at_the_rate_whatever_their_distribution(n: int) -> None:
    rng, rate = np.random.default_rng(0), 0.1
    scores = rng.exponential(size=(4000, n + 1)) ** 3
    flagged = np.mean([row[-1] > conformal_threshold(row[:-1], rate) for row in scores])
    allowed = np.floor(rate * (n + 1)) / (n + 1)
    assert flagged == pytest.approx(allowed, abs=0.015)  # three standard deviations of 4000 draws


def test_what_is_laid_over_others_does_not_set_the_threshold() -> None:
    defence = STRIPDefence(untrained("ann"), *DATA, num_samples=7, false_acceptance_rate=0.05, x_clean=X_CLEAN)
    report, is_clean = defence.detect_poison()
    overlays, calibration = set(defence._overlay_rows), set(defence._calibration_rows)
    assert not overlays & calibration
    assert overlays | calibration == set(range(len(X_CLEAN)))
    assert (len(overlays), report["n_calibration"]) == (14, len(X_CLEAN) - 14)
    clean = defence.scores(X_CLEAN[sorted(calibration)])
    assert report["threshold"] == pytest.approx(conformal_threshold(clean, 0.05), abs=1e-6)
    assert report["suspects"].keys() == set(np.flatnonzero(np.asarray(is_clean) == 0))


@pytest.mark.parametrize(("rate", "least"), [(0.01, 119), (0.05, 39), (0.3, 23)])
def test_too_few_clean_samples_for_a_rate_are_an_error_that_says_how_many_it_takes(rate: float, least: int) -> None:
    assert least_clean(20, rate) == least
    STRIPDefence(untrained("ann"), *DATA, false_acceptance_rate=rate, x_clean=X_CLEAN[:least])
    with pytest.raises(ValueError, match=rf"at least {least} samples in x_clean.* {least - 20} to set the threshold"):
        STRIPDefence(untrained("ann"), *DATA, false_acceptance_rate=rate, x_clean=X_CLEAN[: least - 1])


def test_superpositions_are_clipped_averaged_or_the_larger() -> None:
    x, overlays = np.array([[0.75, 0.0]]), np.array([[0.5, 0.5], [1.0, 0.25]])
    assert superpose_arrays(x, overlays, "add", (0.0, 1.0)).tolist() == [[1.0, 0.5], [1.0, 0.25]]
    assert superpose_arrays(x, overlays, "mean", (0.0, 1.0)).tolist() == [[0.625, 0.25], [0.875, 0.125]]
    assert superpose_arrays(x, overlays, "maximum").tolist() == [[0.75, 0.5], [1.0, 0.25]]
    counts = np.array([[200]], np.uint8)
    assert superpose_arrays(counts, counts, "add").tolist() == [[400.0]]


def test_adding_events_adds_their_frames() -> None:
    samples, overlays = streams(2), streams(3, seed=1)
    laid = superpose_events(samples, overlays, "add", (8, 8), n_bins=4, split_by="time")
    frames = [to_frames(group, (8, 8), 4, "time") for group in (samples, overlays)]
    assert np.array_equal(laid, superpose_arrays(frames[0], frames[1], "add"))
    assert superpose_events(samples, overlays, "mean", (8, 8), 4, "time").sum() == laid.sum() / 2
    with pytest.raises(ValueError, match="superposition of events"):
        superpose_events(samples, overlays, "maximum", (8, 8), 4)


def test_sums_of_frames_saturate_at_the_highest_count_of_the_training_data(monkeypatch: pytest.MonkeyPatch) -> None:
    classifier = SpikingClassifier(
        SpikingModule(small_cnn(2, 3, neuron="if", width=0.25)), nn.CrossEntropyLoss(), (4, 2, 8, 8), 3
    )
    frames = np.ones((9, 4, 2, 8, 8), np.float32)
    frames[0, 0, 0, 0, 0] = 3
    seen: list[Array] = []
    predict = classifier.predict
    monkeypatch.setattr(classifier, "predict", lambda x, **kwargs: (seen.append(x), predict(x, **kwargs))[1])
    STRIPDefence(classifier, frames, np.arange(9) % 3, num_samples=9).scores()
    assert max(batch.max() for batch in seen) == 3
    assert {2.0, 3.0} <= set(np.unique(seen[-1]))


def test_event_streams_are_superposed_as_events() -> None:
    model = SpikingModule(small_cnn(2, 3, neuron="if", width=0.25))
    classifier = SpikingClassifier(model, nn.CrossEntropyLoss(), (4, 2, 8, 8), 3, clip_values=(0, 100))
    x, y = streams(12), np.arange(12) % 3
    binning = {"sensor_size": (8, 8), "n_bins": 4, "split_by": "time", "num_samples": 5}
    of_events = STRIPDefence(classifier, x, y, **binning).scores()
    of_frames = STRIPDefence(classifier, to_frames(x, (8, 8), 4, "time"), y, num_samples=5).scores()
    assert of_events == pytest.approx(of_frames, abs=1e-6)
    with pytest.raises(ValueError, match="sensor_size and n_bins"):
        STRIPDefence(classifier, x, y)
    with pytest.raises(ValueError, match="expected n_bins to be at least 1, got 0"):
        STRIPDefence(classifier, x, y, **binning | {"n_bins": 0})
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
