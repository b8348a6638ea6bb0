"""Backdoor attacks on frames and on event streams."""

import numpy as np
import pytest

from art_snn import testing as laws
from art_snn.attacks.poisoning import (
    MovingTrigger,
    PatchTrigger,
    SmartTrigger,
    StaticTrigger,
    TriggerBackdoor,
)
from art_snn.typing import Events, Labels
from tests.attacks import K, N


def test_frames_are_poisoned_as_images_are(y: Labels) -> None:
    frames = np.random.default_rng(0).integers(0, 3, (N, 3, 2, 7, 9), dtype=np.uint8)
    trigger = MovingTrigger(size=2)

    data = TriggerBackdoor(trigger, 1, percent_poison=0.25).poison_dataset(frames, y)

    assert data.x.dtype == np.uint8
    assert np.array_equal(data.x[data.is_poison], trigger(frames[data.is_poison]))
    assert np.array_equal(data.x[~data.is_poison], frames[~data.is_poison])


def test_a_trigger_that_refits_looks_at_all_of_the_set_that_is_poisoned() -> None:
    frames = np.random.default_rng(0).integers(0, 2, (N, 3, 2, 9, 9), dtype=np.uint8)
    frames[:, :, 1, 6:, :3] = 1  # busiest in the lower left ninth
    trigger, classes = SmartTrigger(size=1, refit=True), np.arange(N) % K
    attack, fitted = TriggerBackdoor(trigger, 1, percent_poison=0.25), trigger.fit(frames)

    eager, lazy = attack.poison_dataset(frames, classes), attack.poison_lazily(frames, classes)

    assert trigger.fit(frames[eager.is_poison]) != fitted
    assert np.array_equal(eager.x[eager.is_poison], fitted(frames[eager.is_poison]))
    assert np.array_equal(np.stack([sample for sample, _ in lazy]), eager.x)
    assert np.array_equal(attack.poison(frames[:20])[0], trigger.fit(frames[:20])(frames[:20]))


def test_event_streams_obey_the_laws_of_attacks(streams: Events) -> None:
    attack = TriggerBackdoor(MovingTrigger(size=2), 1, sensor_size=(9, 7), n_bins=4)
    classes = np.arange(8) % 4

    laws.check_attack_keeps_rows(attack, streams, classes)
    laws.check_attack_labels(attack, streams, classes)
    laws.check_attack_leaves_data_alone(attack, streams, classes)


def test_event_streams_of_one_length_stay_streams(streams: Events) -> None:
    twins = np.empty(2, object)
    twins[:] = [streams[0], streams[0]]

    poisoned, _ = TriggerBackdoor(StaticTrigger(size=2), 1, sensor_size=(9, 7)).poison(twins)

    assert poisoned.shape == (2,)
    assert poisoned[0].dtype.names == streams[0].dtype.names


def test_a_set_of_event_streams_is_poisoned_in_its_poisoned_rows(streams: Events) -> None:
    trigger = StaticTrigger(size=2)

    data = TriggerBackdoor(trigger, 1, 0.5, sensor_size=(9, 7, 2)).poison_dataset(streams, np.arange(8) % 4)

    assert data.is_poison.sum() == 4
    for clean, poisoned, is_poison in zip(streams, data.x, data.is_poison, strict=True):
        assert np.array_equal(poisoned, trigger.on_events(clean, (9, 7)) if is_poison else clean)


@pytest.mark.parametrize("keywords", [{"split_by": "count"}, {"split_by": 50}, {"window": (100, 900)}], ids=repr)
def test_event_streams_are_poisoned_in_the_bins_that_the_attack_states(keywords: dict, streams: Events) -> None:
    trigger = MovingTrigger(size=2)
    attack = TriggerBackdoor(trigger, 1, sensor_size=(9, 7), n_bins=4, **keywords)

    poisoned, _ = attack.poison(streams)

    for stream, clean in zip(poisoned, streams, strict=True):
        assert np.array_equal(stream, trigger.on_events(clean, (9, 7), n_bins=4, **keywords))
        assert not np.array_equal(stream, trigger.on_events(clean, (9, 7), n_bins=4))


@pytest.mark.parametrize(
    ("keywords", "error", "message"),
    [
        ({"trigger": StaticTrigger()}, ValueError, "sensor_size"),
        (
            {"trigger": PatchTrigger(), "sensor_size": (9, 7)},
            TypeError,
            "a trigger that acts on events, got PatchTrigger",
        ),
        ({"trigger": MovingTrigger(), "sensor_size": (9, 7)}, ValueError, "expected n_bins"),
    ],
)
def test_event_streams_need_an_event_trigger_and_its_sensor(keywords: dict, error: type, message: str, streams) -> None:
    with pytest.raises(error, match=message):
        TriggerBackdoor(target_class=1, **keywords).poison(streams)
