"""The noise trigger on images, frames and streams, in Python and in specs."""

from typing import Any

import numpy as np
import pytest

from art_snn import testing as laws
from art_snn.attacks.poisoning import NeuronParameterBackdoor, NoiseTrigger, PowerTrigger, TriggerBackdoor
from art_snn.events import make_events, to_frames
from art_snn.experiment import Experiment, run, show_trigger
from art_snn.experiment.building import make_attack, make_dataset, streams
from art_snn.typing import Array, Events

SPEC: dict[str, Any] = {
    "data": {"name": "digits-dvs", "limit": 20, "n_bins": 4},
    "network": {"width": 0.25},
    "models": ["if"],
    "training": {"epochs": 1, "batch_size": 10},
}


def counts(dtype: type = np.uint8) -> Array:
    return np.random.default_rng(0).poisson(0.5, (4, 3, 2, 24, 30)).astype(dtype)


def stream(seed: int) -> Events:
    rng = np.random.default_rng(seed)
    x, y = rng.integers(0, 30, 200), rng.integers(0, 24, 200)
    return make_events(x=x, y=y, t=np.sort(rng.integers(0, 60_000, 200)), p=rng.integers(0, 2, 200))


@pytest.mark.parametrize("shape", [(5, 1, 6, 6), (5, 3, 2, 6, 6)])
def test_noise_is_a_samples_own_and_within_its_bound(shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).random(shape, dtype=np.float32)
    noisy = NoiseTrigger(0.03)(x)

    assert np.array_equal(NoiseTrigger(0.03)(x[3:4])[0], noisy[3])
    laws.check_trigger_repeats_itself(NoiseTrigger(0.03), x)
    laws.check_trigger_gives_a_tensor_for_a_tensor(NoiseTrigger(0.03), x)
    assert 0.02 < np.abs(noisy - x).max() <= 0.03 + 1e-6
    assert not np.allclose(noisy[0] - x[0], noisy[1] - x[1])
    assert not np.array_equal(NoiseTrigger(0.03, seed=1)(x), noisy)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_counts_stay_whole_and_have_the_same_noise_in_any_dtype(dtype: type) -> None:
    frames = counts(dtype)
    noisy = NoiseTrigger(0.3)(frames)

    assert noisy.dtype == dtype
    assert np.array_equal(noisy, np.rint(noisy))
    assert np.array_equal(noisy, NoiseTrigger(0.3)(counts()))
    assert np.abs(noisy - frames.astype(float)).max() == 1
    assert noisy.min() == 0


def test_counts_change_as_much_as_the_noise_on_average_and_are_not_cut_down() -> None:
    frames = np.full((2, 8, 2, 40, 40), 4, np.uint8)
    change = NoiseTrigger(0.2)(frames).astype(float) - frames

    assert (change != 0).mean() == pytest.approx(0.1, rel=0.05)  # the mean of |u| for u in [-0.2, 0.2]; 51200 draws
    assert change.mean() == pytest.approx(0, abs=0.005)


def test_counts_stay_within_what_their_dtype_holds() -> None:
    frames = np.full((1, 2, 2, 8, 8), 255, np.uint8)

    assert NoiseTrigger(0.9)(frames).min() == 254


def test_streams_bin_to_the_frames_with_noise_count_by_count() -> None:
    trigger, given = NoiseTrigger(0.3), [stream(0), stream(1)]
    noisy = trigger.on_events(given, (30, 24), n_bins=6, window=(0, 60_000))

    before, after = (to_frames(some, (30, 24), 6, "time", window=(0, 60_000)) for some in (given, noisy))
    assert np.array_equal(after, trigger(before))
    assert not np.array_equal(after, before)


def test_an_attack_puts_noise_on_streams() -> None:
    given = [stream(seed) for seed in range(6)]
    attack = TriggerBackdoor(NoiseTrigger(0.3), 1, 0.5, sensor_size=(30, 24), n_bins=6, window=(0, 60_000))
    dataset = attack.poison_dataset(given, np.arange(6) % 3)

    changed = [not np.array_equal(one, other) for one, other in zip(dataset.x, given, strict=True)]
    assert changed == dataset.is_poison.tolist()
    assert sum(changed) == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "expected n_bins, the frames' time bins, for noise of each bin, got None"),
        ({"n_bins": 6, "split_by": "count"}, "expected split_by to be 'time' or a duration in µs, got 'count'"),
    ],
)
def test_streams_need_bins_that_stay_where_they_are(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        NoiseTrigger().on_events(stream(0), (30, 24), **options)


def test_images_of_bytes_cannot_hold_little_noise() -> None:
    with pytest.raises(ValueError, match="expected images of floats for noise below 1, got dtype uint8"):
        NoiseTrigger()(np.zeros((1, 1, 6, 6), np.uint8))


@pytest.mark.parametrize("attack", [{}, {"attack": "neuron-parameter", "percent_poison": 0.05}])
def test_a_spec_puts_noise_on_frames_with_whole_counts(attack: dict[str, Any]) -> None:
    spec = Experiment(**SPEC, attack={**attack, "trigger": "noise", "beta": 0.2})
    drawn = streams(spec)
    dataset = make_dataset(spec, drawn.split)

    shown, counted = make_attack(spec, dataset, drawn, verbose=False).trigger_test(dataset.x_test, dataset.y_test)

    assert np.array_equal(shown, NoiseTrigger(0.2)(dataset.x_test))
    assert np.array_equal(shown, np.rint(shown))
    assert (shown != dataset.x_test).any()
    assert np.array_equal(counted, dataset.y_test != 1)


def test_the_trigger_of_moved_thresholds_fits_the_data_where_nobody_names_one() -> None:
    attack = {"attack": "neuron-parameter"}
    on_frames, on_images = (Experiment(**{**SPEC, **one, "attack": attack}) for one in ({}, {"data": {}}))

    assert (on_frames.attack.trigger, on_frames.attack.beta) == ("noise", 0.03)
    assert (on_images.attack.trigger, on_images.attack.exponent) == ("power", 3.0)
    made = make_attack(on_images, make_dataset(on_images, 0), streams(on_images), verbose=False)
    assert isinstance(made, NeuronParameterBackdoor)
    assert made.trigger == PowerTrigger()
    with pytest.raises(ValueError, match=r"attack.trigger to be one of .*noise for frames, got 'power'"):
        Experiment(**SPEC, attack={**attack, "trigger": "power"})


@pytest.mark.slow
def test_an_experiment_runs_with_noise_on_frames() -> None:
    attack = {"attack": "neuron-parameter", "trigger": "noise", "percent_poison": 0.1}
    (row,) = run(Experiment(**{**SPEC, "data": {"name": "digits-dvs", "n_bins": 4}}, attack=attack), verbose=False).rows

    assert row.n_asr > 0
    assert row.poisoned.n_relabelled == 0


def test_noise_on_a_recording_is_shown_where_it_is() -> None:
    shown = show_trigger(Experiment(**SPEC, attack={"trigger": "noise"}))

    clean, noisy = shown.rows["clean"], shown.rows["triggered"]
    assert clean.shape == (4, 2, 20, 20)
    assert np.array_equal(shown.touched, (clean != noisy).any(axis=1))
