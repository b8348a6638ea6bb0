"""Success over time steps, and by begin and length of a trigger, is what single evaluations give."""

import functools
import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from art.estimators.classification import PyTorchClassifier
from torch import nn

from art_snn._random import host_seed
from art_snn.attacks.poisoning import FlashTrigger, PatchTrigger, SmartTrigger, StaticTrigger, TriggerBackdoor
from art_snn.attacks.poisoning.frame_trigger import FrameTrigger
from art_snn.estimators.classification import SpikingClassifier, SpikingModule
from art_snn.evaluations import TrainedPair, onset_length, over_time
from art_snn.lazy_rows import lazy_rows
from art_snn.metrics import accuracy, attack_success_rate
from art_snn.models import OverTime, build
from art_snn.testing import check_global_streams_stand_still
from tests.backdoored import SHAPE, TARGET, K, bars, trained
from tests.backdoored import TRIGGER as PATCH

T, FRAMES = 4, (4, 2, 8, 8)
IMAGES_ATTACK = TriggerBackdoor(PATCH, TARGET, percent_poison=0.15)
X_IMAGES, Y = bars(60, seed=1)


def recordings(n: int = 120, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Frames (n, T, 2, 8, 8) of a bar that is there in every time bin, and whose column is the class."""
    x, y = bars(n, seed)
    frames = np.zeros((n, *FRAMES), np.uint8)
    frames[:, :, 1] = x > 0.5
    return frames, y


ATTACK = TriggerBackdoor(StaticTrigger(size=3, position="top-right", frames=(0, 1)), TARGET, percent_poison=0.2)
X, _ = recordings(60, seed=1)


@functools.cache
def pair() -> TrainedPair:
    """A backdoored classifier of frames and its clean twin: nobody may change them."""
    twins = []
    x, y = recordings()
    poisoned = ATTACK.poison_dataset(x, y)
    for data in ((x, y), (poisoned.x, poisoned.y)):
        net = build("small_cnn", in_channels=2, nb_classes=K, neuron="if", width=0.25)
        model = SpikingModule(net)
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
        twins.append(SpikingClassifier(model, nn.CrossEntropyLoss(), FRAMES, K, optimizer=optimizer))
        twins[-1].fit(*data, batch_size=20, nb_epochs=6, seed=0)
    return TrainedPair(*twins)


def at(classifier: SpikingClassifier, timesteps: int, shape: tuple[int, ...]) -> SpikingClassifier:
    """The same network with another number of time steps."""
    model = SpikingModule(classifier.model.net, timesteps)
    return SpikingClassifier(model, nn.CrossEntropyLoss(), shape, K)


def test_figures_after_t_frames_are_those_of_recordings_that_end_there() -> None:
    found = over_time(ATTACK, pair(), X, Y, [4, 1, 2])

    triggered = ATTACK.poison(X)[0]
    for place, t in enumerate(found.timesteps):
        clean, backdoored = (at(one, t, (t, *FRAMES[1:])) for one in pair())
        assert found.accuracy[place] == accuracy(Y, backdoored.predict(X[:, :t]))
        assert found.accuracy_clean[place] == accuracy(Y, clean.predict(X[:, :t]))
        assert found.asr[place] == attack_success_rate(Y, backdoored.predict(triggered[:, :t]), TARGET)
        assert found.floor[place] == attack_success_rate(Y, clean.predict(triggered[:, :t]), TARGET)
    assert found.asr[0] > found.floor[0] + 0.5
    assert (found.n, found.n_asr) == (60, 45)


@pytest.mark.parametrize("kind", ["lif", "converted", "hybrid"])
def test_every_spiking_rule_has_a_curve(kind: str) -> None:
    backdoored = trained(kind)

    with check_global_streams_stand_still():
        found = over_time(IMAGES_ATTACK, backdoored, X_IMAGES, Y, [1, 3, 16, 20])

    own = found.timesteps.index(backdoored.model.timesteps)
    assert found.accuracy[own] == accuracy(Y, backdoored.predict(X_IMAGES))
    assert all(map(math.isnan, found.floor))
    assert len(found.doubts) == 4


def test_a_classifier_that_means_nothing_yet_has_no_success() -> None:
    silent = SpikingClassifier(
        SpikingModule(build("small_cnn", in_channels=1, nb_classes=K, neuron="lif", seed=3), 8),
        nn.CrossEntropyLoss(),
        SHAPE,
        K,
    )

    found = over_time(IMAGES_ATTACK, TrainedPair(trained("lif", False), silent), X_IMAGES, Y, [1, 8])

    assert all(map(math.isnan, found.asr + found.floor))
    assert {doubt.grade for some in found.doubts for doubt in some} >= {"invalid"}
    assert found.accuracy[1] < 0.6


def test_samples_that_are_made_as_they_are_read_give_the_same_curve() -> None:
    lazy = lazy_rows(lambda rows: X[rows], X.shape, X.dtype)

    assert over_time(ATTACK, pair(), lazy, Y, [1, 4]) == over_time(ATTACK, pair(), X, Y, [1, 4])
    assert onset_length(ATTACK, pair(), lazy, Y, [1], [2]) == onset_length(ATTACK, pair(), X, Y, [1], [2])


def test_what_has_no_time_has_no_curve() -> None:
    with pytest.raises(TypeError, match=r"^expected a classifier around a SpikingModule"):
        over_time(IMAGES_ATTACK, trained("ann"), X_IMAGES, Y, [1])
    with pytest.raises(ValueError, match=r"^expected test samples of other classes than 1, got none"):
        over_time(IMAGES_ATTACK, trained("lif"), X_IMAGES, np.full(60, TARGET), [1])
    with pytest.raises(ValueError, match=r"^expected timesteps"):
        over_time(IMAGES_ATTACK, trained("lif"), X_IMAGES, Y, [])


def test_a_heat_map_is_its_loop_over_single_triggers() -> None:
    with check_global_streams_stand_still():
        found = onset_length(ATTACK, pair(), X, Y, [0, 1, 3], [1, 2, 4], verbose=False)

    for o, onset in enumerate(found.onsets):
        for n, length in enumerate(found.lengths):
            if onset + length > T:
                assert math.isnan(found.asr[o][n])
                assert math.isnan(found.floor[o][n])
                continue
            triggered = X.copy()
            triggered[:, onset : onset + length, 1, :3, 5:] = 1
            triggered[:, onset : onset + length, 0, :3, 5:] = 0
            assert found.asr[o][n] == attack_success_rate(Y, pair().backdoored.predict(triggered), TARGET)
            assert found.floor[o][n] == attack_success_rate(Y, pair().clean.predict(triggered), TARGET)
    assert (found.n_asr, found.n_bins) == (45, T)
    assert found.asr[0][1] > found.floor[0][1] + 0.5  # as it was planted
    assert len({rate for row in found.asr for rate in row if not math.isnan(rate)}) > 1


def test_a_heat_map_of_one_classifier_has_no_floor() -> None:
    with host_seed(0):
        net = OverTime(build("small_cnn", in_channels=2, nb_classes=K, width=0.25))
        ann = PyTorchClassifier(net, nn.CrossEntropyLoss(), FRAMES, K, torch.optim.Adam(net.parameters(), lr=1e-2))
        ann.fit(X.astype(np.float32), Y, batch_size=20, nb_epochs=6)

    with check_global_streams_stand_still():  # though ART's class draws to predict
        found = onset_length(ATTACK, ann, X, Y, [0], [2], verbose=False)

    assert math.isnan(found.floor[0][0])
    assert not math.isnan(found.asr[0][0])


class Chosen(StaticTrigger):
    """A trigger that is another for each set."""

    def for_set(self, x: np.ndarray) -> StaticTrigger:
        return ATTACK.trigger if len(x) == len(X) else self


def test_a_trigger_that_chooses_anew_for_each_set_chooses_for_all_samples() -> None:
    attack = TriggerBackdoor(Chosen(size=1), TARGET)

    found, expected = (onset_length(one, pair(), X, Y, [0], [2], verbose=False) for one in (attack, ATTACK))

    assert found == expected


def test_a_heat_map_of_what_means_nothing_is_empty() -> None:
    lost = SpikingClassifier(
        SpikingModule(build("small_cnn", in_channels=2, nb_classes=K, neuron="lif")), nn.CrossEntropyLoss(), FRAMES, K
    )

    found = onset_length(ATTACK, TrainedPair(pair().clean, lost), X, Y, [0], [1, 2], verbose=False)

    assert all(math.isnan(rate) for row in found.asr + found.floor for rate in row)
    assert any(doubt.grade == "invalid" and doubt.text.startswith("backdoored model") for doubt in found.doubts)


@pytest.mark.parametrize(
    ("trigger", "bins"),
    [
        (StaticTrigger(size=2, frames=(3,)), [1, 2]),
        (FlashTrigger(length=4, on=3), [1, 2]),
        (FlashTrigger(length=4, gap=1), [1]),
        (SmartTrigger(size=1, n_masks=1, frames=(0,)).fit(X), [1, 2]),
    ],
)
def test_a_trigger_in_other_time_bins_changes_those_alone(trigger: FrameTrigger, bins: list[int]) -> None:
    x = np.full((1, *FRAMES), 9, np.uint8)

    changed = (trigger.during(1, 2)(x) != x).any(axis=(0, 2, 3, 4))

    assert np.flatnonzero(changed).tolist() == bins


@dataclass(frozen=True)
class Everywhere(FrameTrigger):
    """A trigger that knows no time."""

    state = "on"

    def rectangles(self, n_bins: int, height: int, width: int) -> list:
        return []


@pytest.mark.parametrize(
    ("trigger", "onsets", "lengths", "error", "text"),
    [
        (ATTACK.trigger, [4], [1], ValueError, r"^expected onsets from 0 to 3, as frames have 4 time bins, got \(4,\)"),
        (ATTACK.trigger, [-1], [1], ValueError, r"^expected onsets from 0 to 3"),
        (ATTACK.trigger, [0], [0], ValueError, r"^expected lengths from 1 to 4"),
        (ATTACK.trigger, [0], [5], ValueError, r"^expected lengths from 1 to 4"),
        (ATTACK.trigger, [], [1], ValueError, r"^expected onsets from 0 to 3"),
        (ATTACK.trigger, [0.5], [1], TypeError, r"^expected onsets to be time bins in whole numbers"),
        (Everywhere(), [0], [1], TypeError, r"^expected a trigger that takes frames"),
        (PatchTrigger(2), [0], [1], TypeError, r"^expected a trigger of frames"),
    ],
)
def test_times_and_triggers_that_do_not_fit_are_refused(trigger, onsets, lengths, error, text) -> None:
    unasked = SpikingClassifier(pair().clean.model, nn.CrossEntropyLoss(), FRAMES, K)
    unasked.predict = lambda *_, **__: pytest.fail("it was asked before the times were checked")

    with pytest.raises(error, match=text):
        onset_length(TriggerBackdoor(trigger, TARGET), unasked, X, Y, onsets, lengths)


def test_images_have_no_onset() -> None:
    with pytest.raises(ValueError, match=r"^expected frames \(N, T, 2, H, W\), got shape \(60, 1, 8, 8\)"):
        onset_length(IMAGES_ATTACK, trained("lif"), X_IMAGES, Y, [0], [1])
    with pytest.raises(ValueError, match=r"^expected test samples of other classes than 1"):
        onset_length(ATTACK, pair(), X, np.full(60, TARGET), [0], [1])
