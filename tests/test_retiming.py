"""Retiming: no count changes, budgets hold, and frames and streams of events come out alike."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from art_snn import testing as laws
from art_snn.attacks.poisoning import RetimingTrigger, TriggerBackdoor
from art_snn.events import EVENT_DTYPE, bin_borders, make_events, stack_streams, to_frames
from art_snn.typing import Array, Events, Frames

SHAPES = ("delay", "warp", "gather", "exchange")
WIDTH, HEIGHT = SENSOR = (5, 3)
EXCHANGE = RetimingTrigger("exchange", max_shift=1)


def counts(seed: int = 0, n: int = 4, n_bins: int = 8, busy: float = 0.7) -> Frames:
    return np.random.default_rng(seed).poisson(busy, (n, n_bins, 2, HEIGHT, WIDTH)).astype(np.uint8)


def places(frames: Frames) -> list[list[int]]:
    """Of each value (OFF or ON, row, column) the time bins of its events, rising."""
    n_bins = len(frames)
    return [np.repeat(np.arange(n_bins), column).tolist() for column in frames.reshape(n_bins, -1).T]


def times_after(trigger: RetimingTrigger) -> Array:
    """The time of each of 100 events, one a µs and ten a bin, of which event n was at n µs."""
    rng = np.random.default_rng(0)
    tagged = np.zeros(100, [*EVENT_DTYPE.descr, ("number", np.int64)])
    tagged["x"], tagged["y"] = rng.integers(0, WIDTH, 100), rng.integers(0, HEIGHT, 100)
    tagged["t"] = tagged["number"] = np.arange(100)
    triggered = trigger.on_events(tagged, SENSOR, n_bins=10, window=(0, 100))
    return triggered["t"][np.argsort(triggered["number"])]


@st.composite
def triggers(draw: st.DrawFn, n_bins: int) -> RetimingTrigger:
    """Any, also within some time bins."""
    return RetimingTrigger(
        draw(st.sampled_from(SHAPES)),
        draw(st.integers(1, 9)),
        draw(st.sampled_from([0.0, 0.29, 0.5, 1.0])),
        draw(st.none() | st.lists(st.integers(0, n_bins - 1))),
        draw(st.integers(0, 9)),
    )


def stream(n: int, seed: int) -> Events:
    """With several events at one moment or pixel, from 0 to 69 µs."""
    rng = np.random.default_rng(seed)
    x, y, t, p = (rng.integers(0, limit, n) for limit in (WIDTH, HEIGHT, 70, 2))
    return make_events(x, y, np.sort(t), p)


@st.composite
def streams(draw: st.DrawFn, min_size: int = 0) -> Events:
    """Short ones."""
    return stream(draw(st.integers(min_size, 60)), draw(st.integers(0, 999)))


# --- what stays -----------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:.* moves nothing in:UserWarning")
@given(data=st.data(), n_bins=st.integers(1, 9), seed=st.integers(0, 99), dtype=st.sampled_from(["u1", "i8", "f4"]))
def test_each_pixel_and_polarity_keeps_its_events(data: st.DataObject, n_bins: int, seed: int, dtype: str) -> None:
    trigger, x = data.draw(triggers(n_bins)), counts(seed, n_bins=n_bins).astype(dtype)

    laws.check_trigger_keeps_counts(trigger, x)


@pytest.mark.filterwarnings("ignore:.* moves nothing in:UserWarning")
@given(data=st.data(), n_bins=st.integers(1, 9), seed=st.integers(0, 99))
def test_an_exchange_keeps_the_events_of_each_time_bin(data: st.DataObject, n_bins: int, seed: int) -> None:
    trigger, x = data.draw(triggers(n_bins)), counts(seed, n_bins=n_bins)
    exchange = RetimingTrigger("exchange", trigger.max_shift, trigger.fraction, trigger.frames, trigger.seed)

    assert np.array_equal(exchange(x).sum(axis=(2, 3, 4)), x.sum(axis=(2, 3, 4)))


@pytest.mark.parametrize("shape", SHAPES)
def test_it_obeys_the_laws_of_triggers(shape: Any) -> None:
    for x in (counts(busy=0.8), counts(busy=3).astype(np.float32), counts(busy=2).astype(np.int16)):
        for trigger in (RetimingTrigger(shape), RetimingTrigger(shape, 1, 0.3, range(1, 7), 5)):
            laws.check_trigger_keeps_shape_and_dtype(trigger, x)
            laws.check_trigger_leaves_input_alone(trigger, x)
            laws.check_trigger_repeats_itself(trigger, x)
            laws.check_trigger_treats_samples_alone(trigger, x)
            laws.check_trigger_changes_something(trigger, x)
            laws.check_trigger_is_a_value(trigger, x)
            laws.check_trigger_ignores_memory(trigger, x)
            laws.check_trigger_gives_a_tensor_for_a_tensor(trigger, x)
    for off in (RetimingTrigger(shape, fraction=0), RetimingTrigger(shape, frames=())):
        laws.check_trigger_changes_nothing(off, counts())


@pytest.mark.parametrize("shape", SHAPES)
def test_a_set_larger_than_what_is_moved_at_once_is_retimed_like_its_samples(
    shape: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, trigger = counts(n=7), RetimingTrigger(shape, fraction=0.4)
    whole = trigger(x)

    monkeypatch.setattr("art_snn.attacks.poisoning._retimed_samples._CELLS_AT_ONCE", 3 * x[0].size)

    assert np.array_equal(trigger(x), whole)


# --- where events go ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "max_shift", "expected"),
    [
        ("delay", 2, [2, 3, 4, 5, 6, 7, 7, 7]),
        ("delay", 9, [7, 7, 7, 7, 7, 7, 7, 7]),
        ("warp", 1, [0, 2, 3, 4, 5, 6, 7, 7]),
        ("warp", 9, [0, 2, 4, 6, 7, 7, 7, 7]),
        ("gather", 1, [1, 1, 1, 4, 4, 4, 7, 7]),
        ("gather", 3, [3, 3, 3, 3, 3, 3, 3, 7]),
    ],
)
def test_all_events_of_a_bin_go_to_one_bin(shape: Any, max_shift: int, expected: list[int]) -> None:
    x = counts(n=1)[0]
    by_hand = np.zeros_like(x)
    for frame, target in enumerate(expected):
        by_hand[target] += x[frame]

    assert np.array_equal(RetimingTrigger(shape, max_shift)(x), by_hand)


def test_an_exchange_takes_left_events_back_and_right_ones_forth() -> None:
    frames = np.zeros((4, 2, 1, 4), np.uint8)
    frames[3, 0, 0, :2] = 2, 1
    frames[1, 1, 0, 2] = 2
    frames[0, 1, 0, 0] = frames[0, 0, 0, 3] = frames[3, 1, 0, 3] = 1  # nobody to trade with
    triggered = RetimingTrigger("exchange", max_shift=2)(frames)

    changes = triggered.astype(int) - frames
    assert (changes[3, 1, 0, 2], changes[1, 1, 0, 2]) == (2, -2)
    assert (changes[3, 0].sum(), changes[1, 0].sum()) == (-2, 2)
    assert not changes[[0, 2]].any()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("max_shift", [1, 2, 5])
def test_no_event_moves_farther_than_allowed(shape: Any, max_shift: int) -> None:
    for x in counts(n=3, busy=2):
        triggered = RetimingTrigger(shape, max_shift)(x)
        pairs = zip(places(x), places(triggered), strict=True)
        distances = [abs(a - b) for before, after in pairs for a, b in zip(before, after, strict=True)]
        assert 0 < max(distances) <= max_shift


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("fraction", [0.1, 0.29, 0.5])
def test_no_more_events_move_than_allowed_and_no_fewer_where_there_are_enough(shape: Any, fraction: float) -> None:
    times = times_after(RetimingTrigger(shape, 2, fraction))
    n_moved = int((times // 10 != np.arange(100) // 10).sum())
    assert n_moved == round(100 * fraction) - (shape == "exchange" and round(100 * fraction) % 2)


def test_the_seed_decides_which_events_move() -> None:
    x = counts()
    some = [RetimingTrigger(fraction=0.3, seed=seed)(x) for seed in (0, 1)]

    assert not np.array_equal(*some)
    assert np.array_equal(RetimingTrigger(seed=0)(x), RetimingTrigger(seed=1)(x)), "all move"


@pytest.mark.parametrize("shape", SHAPES)
def test_other_time_bins_stay_as_they_are(shape: Any) -> None:
    x = counts(busy=3)
    triggered = RetimingTrigger(shape).during(2, 4)(x)

    changed = (triggered != x).any(axis=(0, 2, 3, 4))
    assert not changed[[0, 1, 6, 7]].any()
    assert changed[2:6].any()
    apart = RetimingTrigger(shape)(x[:, 2:6])
    assert shape == "exchange" or np.array_equal(triggered[:, 2:6], apart), "like a recording of its own"


def test_each_run_of_time_bins_is_like_a_recording_of_its_own() -> None:
    x = counts(n=1, busy=2)[0]
    triggered = RetimingTrigger("delay", 1, frames=[7, 0, 1, 2, 5, 6])(x)

    assert np.array_equal(triggered[:3], RetimingTrigger("delay", 1)(x[:3]))
    assert np.array_equal(triggered[3:5], x[3:5])
    assert np.array_equal(triggered[5:], RetimingTrigger("delay", 1)(x[5:]))


# --- events ---------------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:.* moves nothing in:UserWarning")
@given(data=st.data(), events=streams(), n_bins=st.integers(1, 9))
def test_binned_by_time_the_retimed_stream_gives_the_retimed_frames(
    data: st.DataObject, events: Events, n_bins: int
) -> None:
    trigger, start = data.draw(triggers(n_bins)), data.draw(st.integers(-10, 60))
    window = (start, start + data.draw(st.integers(n_bins, 90)))

    laws.check_trigger_agrees_on_events(trigger, events, SENSOR, n_bins, window)


@pytest.mark.filterwarnings("ignore:.* moves nothing in:UserWarning")
@given(data=st.data(), events=streams(), n_bins=st.integers(1, 8), split_by=st.sampled_from(["time", "count", 7]))
def test_events_are_what_they_were_but_for_their_times(
    data: st.DataObject, events: Events, n_bins: int, split_by: Any
) -> None:
    trigger, window = data.draw(triggers(n_bins)), (10, 60)

    triggered = trigger.on_events(events, SENSOR, n_bins=n_bins, split_by=split_by, window=window)

    fields = ["x", "y", "p"]
    assert np.array_equal(np.sort(triggered[fields]), np.sort(events[fields]))
    for outside in (lambda t: t < window[0], lambda t: t >= window[1]):
        assert np.array_equal(triggered[outside(triggered["t"])], events[outside(events["t"])])


@given(events=streams(min_size=2), n_bins=st.integers(2, 9), split_by=st.sampled_from(["time", "count"]))
def test_an_exchange_trades_timestamps(events: Events, n_bins: int, split_by: Any) -> None:
    triggered = EXCHANGE.on_events(events, SENSOR, n_bins=n_bins, split_by=split_by)

    assert np.array_equal(triggered["t"], events["t"])


def test_events_that_trade_times_have_each_others_and_the_rest_their_own() -> None:
    times = times_after(RetimingTrigger("exchange", 2, 0.4))

    assert np.array_equal(times[times], np.arange(100))
    assert (times != np.arange(100)).sum() == 40


@pytest.mark.parametrize("shape", SHAPES)
def test_events_that_stay_keep_their_times(shape: Any) -> None:
    times = times_after(RetimingTrigger(shape, 2, 0.3))

    assert (times == np.arange(100)).sum() == 70


def test_bins_of_a_fixed_duration_are_those_of_the_frames() -> None:
    rng = np.random.default_rng(0)
    events = make_events(
        rng.integers(0, WIDTH, 80),
        rng.integers(0, HEIGHT, 80),
        np.sort(rng.integers(0, 70, 80)),
        rng.integers(0, 2, 80),
    )
    for trigger in (RetimingTrigger(shape, 2, 0.6) for shape in SHAPES):
        triggered = trigger.on_events(events, SENSOR, n_bins=6, split_by=10, window=(3, 70))
        frames = [to_frames(one, SENSOR, 6, 10, window=(3, 70)) for one in (events, triggered)]
        assert np.array_equal(frames[1], trigger(frames[0]))


def test_events_keep_their_place_within_the_bin() -> None:
    events = make_events([0, 1, 2], [0, 0, 0], [3, 17, 25], [1, 1, 1])

    triggered = RetimingTrigger(max_shift=1).on_events(events, SENSOR, n_bins=4, window=(0, 40))

    assert triggered["t"].tolist() == [13, 27, 35]


def test_bins_of_a_count_are_retimed_and_then_others() -> None:
    events = make_events([0] * 8, [0] * 8, [0, 1, 2, 3, 10, 20, 30, 40], [1] * 8)

    triggered = RetimingTrigger("gather", 1).on_events(events, SENSOR, n_bins=4, split_by="count", window=(0, 41))

    assert triggered["t"].tolist() == [2, 2, 2, 3, 6, 6, 30, 40], "two bins have come into the one from 2 to 10 µs"
    assert bin_borders(triggered, 4).tolist() == [0, 2, 4, 6, 8]


def test_a_set_of_streams_is_retimed_one_by_one_and_keeps_other_fields() -> None:
    one = make_events([0, 4, 4], [0, 1, 1], [5, 15, 35], [1, 0, 1])
    set_of_two = stack_streams([one, make_events([], [], [], [])])

    triggered = EXCHANGE.on_events(set_of_two, SENSOR, n_bins=4, window=(0, 40))

    alone = EXCHANGE.on_events(one, SENSOR, n_bins=4, window=(0, 40))
    assert np.array_equal(triggered[0], alone)
    assert len(triggered[1]) == 0


def test_a_recording_that_begins_later_warns_where_it_was_called() -> None:
    events = make_events([0, 1], [0, 0], [0, 90], [1, 1])

    with pytest.warns(UserWarning, match=r"give window=\(0, 91\) here and where it is binned") as caught:
        RetimingTrigger().on_events(events, SENSOR, n_bins=8)

    assert caught[0].filename == __file__


# --- attacks --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES)
def test_clean_label_poison_of_frames_and_of_events_is_the_same(shape: Any) -> None:
    rng = np.random.default_rng(0)
    window, y = (0, 80), np.arange(12) % 3
    made = [
        make_events(
            rng.integers(0, WIDTH, 50), rng.integers(0, HEIGHT, 50), np.sort(rng.integers(0, 80, 50)), [0, 1] * 25
        )
        for _ in y
    ]
    bins: dict[str, Any] = {"n_bins": 8, "split_by": "time", "window": window}
    attack = TriggerBackdoor(RetimingTrigger(shape), 1, 0.25, clean_label=True, sensor_size=SENSOR, **bins)
    frames = to_frames(made, SENSOR, **bins)

    on_events, on_frames = attack.poison_dataset(made, y), attack.poison_dataset(frames, y)

    assert np.array_equal(to_frames(on_events.x, SENSOR, **bins), on_frames.x)
    assert (
        np.flatnonzero((on_frames.x != frames).any(axis=(1, 2, 3, 4))).tolist()
        == np.flatnonzero(on_frames.is_poison).tolist()
    )
    assert set(y[on_frames.is_poison]) == {1}
    assert np.array_equal(on_events.y, y)


def test_samples_on_disk_are_poisoned_as_in_memory(tmp_path: Any) -> None:
    x, y = counts(n=8), np.arange(8) % 2
    np.save(tmp_path / "x.npy", x)
    attack = TriggerBackdoor(RetimingTrigger("exchange"), 1, 0.5, clean_label=True)

    lazy = attack.poison_lazily(np.load(tmp_path / "x.npy", mmap_mode="r"), y)

    assert np.array_equal(np.asarray(lazy.samples), attack.poison_dataset(x, y).x)
