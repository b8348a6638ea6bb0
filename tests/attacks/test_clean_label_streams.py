"""ART's clean-label attack on event streams: they bin to exactly the frames that it makes of their frames."""

from functools import cache
from typing import Any

import numpy as np
import pytest
from art.attacks.poisoning import HiddenTriggerBackdoor, PoisoningAttackCleanLabelBackdoor
from torch import nn

from art_snn._random import host_seed
from art_snn.attacks.poisoning import DataAttack, MovingTrigger, PatchTrigger, StaticTrigger, TriggerBackdoor, adapted
from art_snn.attacks.poisoning.adapters.of_streams import Binning
from art_snn.estimators.classification import SpikingClassifier, SpikingModule
from art_snn.events import make_events, to_frames
from art_snn.models import small_cnn
from art_snn.typing import Array, Events

SIDE, N_BINS, TARGET = 8, 3, 1
BINNING: dict[str, Any] = {"sensor_size": (SIDE, SIDE), "n_bins": N_BINS}
WINDOW = (0, 9_000)
Y = np.arange(24) % 2


def stream(seed: int, n: int = 150, span: int = 8_000) -> Events:
    rng = np.random.default_rng(seed)
    x, y = rng.integers(0, SIDE, (2, n))
    return make_events(x=x, y=y, t=np.sort(rng.integers(500, span, n)), p=rng.integers(0, 2, n))


STREAMS = [stream(seed) for seed in range(24)]


@cache
def proxy() -> SpikingClassifier:
    with host_seed(0):
        module = SpikingModule(small_cnn(2, 2, neuron="lif", width=0.25))
    return SpikingClassifier(module, nn.CrossEntropyLoss(), (N_BINS, 2, SIDE, SIDE), 2)


def clean_label(backdoor: Any = None, trigger: Any = None, eps: float = 2, **binning: Any) -> DataAttack:
    trigger = trigger or StaticTrigger(size=2, polarity="on")
    backdoor = backdoor or TriggerBackdoor(trigger, TARGET, **BINNING | {"window": WINDOW} | binning)
    target = np.eye(2)[TARGET]
    return adapted(PoisoningAttackCleanLabelBackdoor(backdoor, proxy(), target, 0.5, eps=eps, eps_step=1, max_iter=2))


def binned(streams: Any, window: Any = WINDOW, split_by: Any = "time") -> Array:
    return to_frames(list(streams), (SIDE, SIDE), N_BINS, split_by, window=window)


@pytest.mark.parametrize("trigger", [StaticTrigger(size=2, polarity="on"), MovingTrigger(size=2, polarity="off")])
@pytest.mark.parametrize("split_by", ["time", 2_500])
def test_every_poisoned_stream_bins_to_the_frames_that_the_attack_makes(trigger: Any, split_by: Any) -> None:
    frames = binned(STREAMS, split_by=split_by)
    attack = clean_label(trigger=trigger, split_by=split_by)

    of_streams, of_frames = attack.poison_dataset(STREAMS, Y), attack.poison_dataset(frames, Y)

    assert np.array_equal(of_streams.is_poison, of_frames.is_poison)
    assert of_streams.is_poison.sum() > 3
    assert np.array_equal(binned(of_streams.x, split_by=split_by), of_frames.x)
    away = (binned(of_streams.x, split_by=split_by).astype(int) - frames)[of_streams.is_poison][..., :5, :5]
    assert {-1, 1} <= set(np.unique(away))


def test_only_streams_of_the_target_change_and_no_label() -> None:
    dataset = clean_label().poison_dataset(STREAMS, Y)

    changed = np.array([not np.array_equal(*pair) for pair in zip(dataset.x, STREAMS, strict=True)])
    assert np.array_equal(changed, dataset.is_poison)
    assert (Y[changed] == TARGET).all()
    assert np.array_equal(dataset.y, Y)
    assert all(one.dtype == STREAMS[0].dtype for one in dataset.x)


def test_streams_that_the_perturbation_leaves_as_they_are_get_the_trigger_alone() -> None:
    dataset = clean_label(eps=0.4).poison_dataset(STREAMS, Y)

    (rows,) = np.nonzero(dataset.is_poison)
    assert len(rows) > 3
    expected = StaticTrigger(size=2, polarity="on")(binned(STREAMS))
    assert np.array_equal(binned(dataset.x)[rows], expected[rows])


def test_the_ends_of_a_recording_stay_where_its_bins_follow_from_them() -> None:
    binning = Binning((SIDE, SIDE), N_BINS, "time", None)

    (emptied,) = binning.recounted([STREAMS[0]], 0 * binning.frames(STREAMS[:1]))

    assert emptied["t"].tolist() == STREAMS[0]["t"][[0, -1]].tolist()


def test_bins_by_count_are_refused_before_anything_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(PoisoningAttackCleanLabelBackdoor, "poison")

    with pytest.raises(ValueError, match=r"expected split_by to be 'time' .*, got 'count'"):
        clean_label(split_by="count").poison_dataset(STREAMS, Y)


def test_test_streams_are_shown_with_the_trigger() -> None:
    shown, counted = clean_label().trigger_test(STREAMS, Y)

    assert np.array_equal(binned(shown), StaticTrigger(size=2, polarity="on")(binned(STREAMS)))
    assert np.array_equal(counted, Y != TARGET)


@pytest.mark.parametrize(
    ("attack", "error", "message"),
    [
        (lambda: clean_label(n_bins=None), ValueError, "sensor_size and n_bins for event streams, got sensor_size="),
        (lambda: clean_label(sensor_size=None), ValueError, "for event streams, got sensor_size=None"),
        (lambda: clean_label(trigger=PatchTrigger(2)), TypeError, "expected a trigger that acts on events"),
        (
            lambda: adapted(
                HiddenTriggerBackdoor(proxy(), np.eye(2)[1], np.eye(2)[0], 1, TriggerBackdoor(PatchTrigger(2), 1))
            ),
            TypeError,
            "expected images or frames .*, got event streams",
        ),
    ],
)
def test_what_streams_cannot_have_is_one_clear_error(attack: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        attack().poison_dataset(STREAMS, Y)
