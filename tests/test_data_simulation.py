"""The simulated event camera: every event has its cause in a pixel's brightness, or is counted as noise."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import shift

from art_snn.data import load_dataset
from art_snn.data.simulated_sensor import DARK, DURATION_US, STEP_US, STEPS, SimulatedSensor
from art_snn.events import check_events, to_frames
from art_snn.typing import Array

QUIET = SimulatedSensor(noise_rate=0)


def images(n: int = 3, height: int = 8, width: int = 12, seed: int = 0) -> Array:
    return np.random.default_rng(seed).random((n, 1, height, width)).astype(np.float32)


def slow_events(image: Array, threshold: float, refractory_us: int) -> list[tuple[int, int, int, int]]:
    """One pixel after another, one step after another, exactly as the sensor is described."""
    height, width = image.shape
    big = np.pad(image, ((0, height // 4), (0, width // 4)))
    corners = [(0, 0), (width // 4 / 2, height // 4), (width // 4, 0), (0, 0)]
    way = [
        tuple(np.array(start) + (np.array(stop) - start) * step / STEPS)
        for start, stop in pairwise(corners)
        for step in range(STEPS)
    ]
    views = [np.log(DARK + (1 - DARK) * shift(big, (y, x), order=1, mode="grid-constant")) for x, y in [*way, (0, 0)]]
    events = []
    for y, x in np.ndindex(big.shape):
        reference, release = views[0][y, x], None
        for step in range(3 * STEPS):
            start, before, now = step * STEP_US, views[step][y, x], views[step + 1][y, x]
            slope = (now - before) / STEP_US
            if release is not None and release >= start + STEP_US:
                continue
            if release is not None:
                reference, release = before + slope * (release - start), None
            if abs(now - reference) >= threshold:
                sign = 1 if now > reference else -1
                t = int(start + (reference + sign * threshold - before) / slope)
                events.append((x, y, t, int(sign > 0)))
                release = t + refractory_us
    return events


@pytest.mark.parametrize(("threshold", "refractory_us"), [(0.3, STEP_US), (0.11, 4_000)])
def test_the_events_are_those_of_one_pixel_after_another(threshold, refractory_us):
    image = np.kron(np.random.default_rng(0).random((2, 3)) > 0.4, np.ones((4, 4)))

    ours = SimulatedSensor(threshold=threshold, refractory_us=refractory_us, noise_rate=0)(image[None, None])[0]

    slow = np.array(sorted(slow_events(image, threshold, refractory_us))).T
    order = np.lexsort((ours["t"], ours["y"], ours["x"]))
    assert len(order) == slow.shape[1]
    for field, column in zip("xytp", slow, strict=True):
        assert ours[field][order] == pytest.approx(column, abs=2 if field == "t" else 0)  # single precision


def test_streams_keep_the_rules_on_a_sensor_a_quarter_larger():
    for events in SimulatedSensor()(images()):
        check_events(events, (15, 10))
        assert len(events) > 100
        assert events["t"][-1] < DURATION_US


def test_what_does_not_change_makes_no_event():
    assert len(QUIET(np.zeros((1, 1, 8, 8)))[0]) == 0


def test_a_white_square_goes_down_then_up_then_left():
    square = np.zeros((1, 1, 16, 16))
    square[..., 4:12, 4:12] = 1

    events = QUIET(square)[0]

    def net(saccade: int, axis: str) -> float:
        """Where it becomes brighter less where it becomes darker."""
        a_third = events[events["t"] // (DURATION_US // 3) == saccade]
        on, off = (a_third[axis][a_third["p"] == p].mean() for p in (1, 0))
        return float(on - off)

    assert net(0, "y") > 2
    assert net(1, "y") < -2
    assert net(2, "x") < -2
    assert abs(net(2, "y")) < 1


@settings(deadline=2000, max_examples=10)
@given(threshold=st.floats(0.05, 1), refractory_us=st.integers(STEP_US, 50_000))
def test_a_pixel_is_blind_after_each_event(threshold, refractory_us):
    sensor = SimulatedSensor(threshold=threshold, refractory_us=refractory_us, noise_rate=0)

    for events in sensor(images()):
        places = events["y"].astype(int) * 15 + events["x"]
        for place in np.unique(places):
            assert (np.diff(events["t"][places == place]) >= refractory_us).all()


def test_a_less_sensitive_sensor_sees_fewer_events():
    numbers = [len(SimulatedSensor(threshold=threshold, noise_rate=0)(images())[0]) for threshold in (0.1, 0.3, 0.9)]

    assert numbers == sorted(numbers, reverse=True)
    assert numbers[0] > 2 * numbers[2]


def test_noise_comes_at_its_rate_and_of_both_polarities():
    events = np.concatenate(list(SimulatedSensor(noise_rate=20.0)(np.zeros((20, 1, 16, 16)))))

    expected = 20.0 * 20 * 20 * 20 * DURATION_US / 1e6
    assert len(events) == pytest.approx(expected, abs=5 * expected**0.5)  # five standard deviations
    assert events["p"].mean() == pytest.approx(0.5, abs=0.02)
    assert events["t"].mean() == pytest.approx(DURATION_US / 2, rel=0.02)


def test_one_seed_gives_one_stream_and_another_seed_another():
    first, again, other = (SimulatedSensor(seed=seed)(images()) for seed in (0, 0, 1))

    assert all(np.array_equal(one, two) for one, two in zip(first, again, strict=True))
    assert not any(np.array_equal(one, two) for one, two in zip(first, other, strict=True))


def test_every_image_has_noise_of_its_own():
    streams = SimulatedSensor(noise_rate=20.0)(np.zeros((130, 1, 4, 4)))

    assert len({events.tobytes() for events in streams}) == 130


def test_a_stream_does_not_depend_on_what_comes_after_it():
    many = SimulatedSensor()(images(70))
    few = SimulatedSensor()(images(70)[:66])

    assert all(np.array_equal(one, two) for one, two in zip(few, many[:66], strict=True))


def test_no_images_make_no_streams():
    assert SimulatedSensor()(np.zeros((0, 1, 8, 8))).shape == (0,)


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: SimulatedSensor(threshold=0.0), "threshold"),
        (lambda: SimulatedSensor(refractory_us=100), "refractory_us"),
        (lambda: SimulatedSensor(noise_rate=-1.0), "noise_rate"),
        (lambda: SimulatedSensor(seed=-1), "seed"),
        (lambda: SimulatedSensor()(np.zeros((1, 3, 8, 8))), r"\(N, 1, H, W\)"),
        (lambda: SimulatedSensor()(np.full((1, 1, 8, 8), 255)), r"brightness in \[0, 1\]"),
    ],
)
def test_a_value_out_of_its_range_is_refused(make, complaint):
    with pytest.raises(ValueError, match=complaint):
        make()


def test_digits_dvs_are_the_digits_in_the_same_split_and_called_a_simulation():
    frames = load_dataset("digits-dvs", n_bins=4, limit=30)
    events = load_dataset("digits-dvs", limit=30, form="events")
    digits = load_dataset("digits")

    assert frames.x_train.shape == (30, 4, 2, 20, 20)
    assert frames.x_train.dtype == np.uint8
    assert np.array_equal(frames.x_train, to_frames(events.x_train, frames.sensor_size, 4))
    assert np.array_equal(frames.x_test, to_frames(events.x_test, frames.sensor_size, 4))
    assert np.bincount(frames.y_train).tolist() == [3] * 10
    assert (frames.clip_values, frames.sensor_size, frames.classes) == (None, (20, 20, 2), digits.classes)
    assert "simulated" in frames.title
    rows = [int(np.argmax(digits.y_train == digit)) for digit in range(10)]
    assert set(frames.y_train[:10]) <= set(digits.y_train[rows])


def test_digits_dvs_tell_the_digits_apart():
    dataset = load_dataset("digits-dvs", n_bins=4, limit=150)
    x_train, x_test = (x.reshape(len(x), -1).astype(float) for x in (dataset.x_train, dataset.x_test))

    nearest = np.argmin(-2 * x_test @ x_train.T + (x_train**2).sum(axis=1), axis=1)

    assert np.mean(dataset.y_train[nearest] == dataset.y_test) > 0.8


def test_digits_dvs_take_no_folder_and_nothing_out_of_range():
    with pytest.raises(TypeError, match="root"):
        load_dataset("digits-dvs", "somewhere")
    with pytest.raises(ValueError, match="limit"):
        load_dataset("digits-dvs", limit=0)
    with pytest.raises(ValueError, match="form"):
        load_dataset("digits-dvs", form="images")
