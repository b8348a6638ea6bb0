"""A trigger on raw events is the trigger on frames: binned by time, the triggered streams give the triggered frames."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from art_snn import testing as laws
from art_snn.attacks.poisoning import FlashTrigger, MovingTrigger, SmartTrigger, StaticTrigger
from art_snn.attacks.poisoning.frame_trigger import FrameTrigger
from art_snn.events import EVENT_DTYPE, bin_centres, check_events, make_events, to_frames
from art_snn.typing import Events

WIDTH, HEIGHT = SENSOR = (9, 7)
POLARITIES = ("none", "on", "off", "both")
SILENT = pytest.mark.filterwarnings("ignore:.* writes nothing into:UserWarning")


@st.composite
def streams(draw: st.DrawFn, min_size: int = 0) -> Events:
    """Short streams, often with several events at one moment or pixel."""
    n, rng = draw(st.integers(min_size, 25)), np.random.default_rng(draw(st.integers(0, 999)))
    x, y, t, p = (rng.integers(0, limit, n) for limit in (WIDTH, HEIGHT, 60, 2))
    return make_events(x, y, np.sort(t), p)


@st.composite
def triggers(draw: st.DrawFn, n_bins: int) -> FrameTrigger:
    """Any trigger that fits the sensor; some write nothing into `n_bins` time bins, and say so."""
    polarity = draw(st.sampled_from(POLARITIES))
    frames = draw(st.none() | st.lists(st.integers(0, n_bins - 1)))
    position = draw(st.sampled_from(["top-left", "bottom-right", "middle", "random", (2, 5)]))
    return draw(
        st.sampled_from(
            [
                StaticTrigger(2, position, polarity, frames),
                MovingTrigger(3, position, polarity, draw(st.sampled_from(["reference", "smooth"])), frames),
                SmartTrigger(1, n_masks=0, mask=0, fitted_polarity=polarity, frames=frames),
                FlashTrigger(polarity, start=draw(st.integers(0, n_bins - 1)), length=3, gap=1),
            ]
        )
    )


@SILENT
@given(data=st.data(), events=streams(), n_bins=st.integers(1, 6), events_per_bin=st.integers(1, 3))
def test_binned_by_time_the_triggered_stream_is_lit_where_the_triggered_frames_are(
    data: st.DataObject, events: Events, n_bins: int, events_per_bin: int
) -> None:
    trigger = data.draw(triggers(n_bins))
    start = data.draw(st.integers(-10, 60))
    window = (start, start + data.draw(st.integers(3 * n_bins, 80)))

    laws.check_trigger_agrees_on_events(trigger, events, SENSOR, n_bins, window)
    triggered = trigger.on_events(events, SENSOR, n_bins=n_bins, window=window, events_per_bin=events_per_bin)

    frames = trigger(to_frames(events, SENSOR, n_bins, "time", window=window))
    binned = to_frames(triggered, SENSOR, n_bins, "time", window=window)
    assert np.array_equal(binned > 0, frames > 0)
    if events_per_bin == 1:
        assert np.array_equal(binned, frames)


@SILENT
@given(
    data=st.data(),
    events=streams(min_size=1),
    n_bins=st.integers(1, 6),
    split_by=st.sampled_from(["time", "count", 9]),
    events_per_bin=st.integers(1, 3),
    spacing_us=st.sampled_from([1, 20]),
)
def test_a_triggered_stream_keeps_the_rules_of_streams(
    data: st.DataObject, events: Events, n_bins: int, split_by, events_per_bin: int, spacing_us: int
) -> None:
    trigger, before = data.draw(triggers(n_bins)), events.copy()
    window = data.draw(st.sampled_from([(0, 61), (-5, 70)]))

    try:
        triggered = trigger.on_events(
            events,
            SENSOR,
            n_bins=n_bins,
            split_by=split_by,
            window=window,
            events_per_bin=events_per_bin,
            spacing_us=spacing_us,
        )
    except ValueError as refusal:
        if events_per_bin > 1 and "new events to fit" in str(refusal):
            return
        raise

    check_events(triggered, SENSOR)
    assert triggered.dtype == events.dtype
    assert ((triggered["t"] >= window[0]) & (triggered["t"] < window[1])).all()
    assert np.array_equal(events, before)
    assert not np.may_share_memory(triggered, events)


@pytest.mark.parametrize("window", [None, (0, 1000)])
@pytest.mark.parametrize("split_by", ["time", "count", 250])
def test_no_new_event_leaves_the_recording(split_by, window) -> None:
    events = make_events([8] * 4, [6] * 4, [0, 200, 600, 999], [1] * 4)

    with pytest.raises(ValueError, match="9 new events to fit into each bin, got a span of 800 µs for 4 bins"):
        StaticTrigger(size=1).on_events(
            events, SENSOR, n_bins=4, split_by=split_by, window=window, events_per_bin=9, spacing_us=100
        )


def test_events_outside_the_stamps_stay_as_they_are() -> None:
    rng, n = np.random.default_rng(0), 400
    x, y, t = rng.integers(0, WIDTH, n), rng.integers(0, HEIGHT, n), np.sort(rng.integers(0, 1000, n))
    x[[0, -1]], t[[0, -1]] = WIDTH - 1, (0, 999)
    events = make_events(x, y, t, rng.integers(0, 2, n))

    triggered = StaticTrigger(size=3, frames=[1]).on_events(events, SENSOR, n_bins=4)

    def outside(stream: Events) -> Events:
        stamped = (stream["x"] < 3) & (stream["y"] < 3) & (stream["t"] >= 250) & (stream["t"] < 500)
        return stream[~stamped]

    assert len(outside(events)) < n
    assert np.array_equal(outside(triggered), outside(events))


class Forgetful(StaticTrigger):
    """Acts on frames alone."""

    def on_events(self, events: Events, *arguments, **keywords) -> Events:
        return events.copy()


class Careless(StaticTrigger):
    """Works in place."""

    def on_events(self, events: Events, *arguments, **keywords) -> Events:
        events["t"] = 0
        return events


@pytest.mark.parametrize("kind", [Forgetful, Careless])
def test_the_law_of_the_two_views_catches_one_that_breaks_it(kind: type) -> None:
    with pytest.raises(AssertionError):
        laws.check_trigger_agrees_on_events(kind(), make_events([8], [6], [5], [1]), SENSOR, 2, (0, 10))


@pytest.mark.parametrize("polarity", POLARITIES)
@pytest.mark.parametrize("trigger", [StaticTrigger, MovingTrigger])
def test_a_stream_keeps_its_first_and_last_timestamp(trigger: type, polarity: str) -> None:
    n = 400
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, WIDTH, n), rng.integers(0, HEIGHT, n)
    x[[0, -1]] = y[[0, -1]] = 0  # both ends lie in the patch
    events = make_events(x, y, np.sort(rng.integers(100, 5000, n)), rng.integers(0, 2, n))

    triggered = trigger(size=3, polarity=polarity).on_events(events, SENSOR, n_bins=8)

    assert triggered["t"][[0, -1]].tolist() == events["t"][[0, -1]].tolist()
    frames = trigger(size=3, polarity=polarity)(to_frames(events, SENSOR, 8, "time"))
    assert np.array_equal(to_frames(triggered, SENSOR, 8, "time"), frames)


@pytest.mark.parametrize(("x", "left"), [([0, 8, 8], [50, 90]), ([8, 8, 0], [10, 50])])
def test_a_stream_that_loses_an_end_warns_and_says_which_window_to_give(x: list[int], left: list[int]) -> None:
    events = make_events(x, [column // 2 for column in x], [10, 50, 90], [1, 1, 1])
    trigger = StaticTrigger(size=2, polarity="none")

    with pytest.warns(UserWarning, match=r"give window=\(10, 91\)") as caught:
        triggered = trigger.on_events(events, SENSOR, n_bins=4)

    assert caught[0].filename == __file__
    assert triggered["t"].tolist() == left
    assert len(trigger.on_events(events, SENSOR, n_bins=4, window=(10, 91))) == 2  # told, hence no warning


def test_events_are_inserted_at_the_centres_of_the_bins() -> None:
    events = make_events([8, 8], [6, 6], [0, 999], [1, 1])

    for split_by in ("time", "count", 200):
        triggered = StaticTrigger(size=1).on_events(events, SENSOR, n_bins=4, split_by=split_by, window=(0, 1000))

        inserted = triggered[triggered["x"] == 0]
        assert inserted["t"].tolist() == bin_centres(events, 4, split_by, window=(0, 1000)).tolist()
        assert (inserted["p"] == 1).all()


def test_the_rate_and_the_spacing_of_inserted_events_are_parameters() -> None:
    events = make_events([8, 8], [6, 6], [0, 999], [1, 1])

    triggered = StaticTrigger(size=1).on_events(events, SENSOR, n_bins=2, events_per_bin=3, spacing_us=100)

    assert triggered["t"].tolist() == [0, 150, 250, 350, 650, 750, 850, 999]


def test_a_still_trigger_needs_no_bins_and_shows_in_any_number_of_them() -> None:
    events = make_events([8, 8], [6, 6], [0, 9999], [1, 1])

    triggered = StaticTrigger(size=2).on_events(events, SENSOR)

    for n_bins in (1, 7, 16, 64):
        assert (to_frames(triggered, SENSOR, n_bins, "time")[:, 1, :2, :2] > 0).all()


def test_a_published_recording_length_is_binned_by_count_nearly_as_the_frames_are() -> None:
    rng = np.random.default_rng(0)
    n = 20_000
    events = make_events(
        rng.integers(0, 34, n), rng.integers(0, 34, n), np.sort(rng.integers(0, 300_000, n)), rng.integers(0, 2, n)
    )
    trigger = StaticTrigger()

    triggered = trigger.on_events(events, (34, 34), n_bins=8, split_by="count")

    lit = to_frames(triggered, (34, 34), 8, "count", dtype=np.uint16)[:, 1, :3, :3] > 0
    assert lit.mean() > 0.9  # a border may pass over the nine events of a bin


def test_streams_come_back_one_for_one() -> None:
    events = np.empty(3, object)
    events[:] = [make_events([8, 8], [6, 6], [0, last], [1, 1]) for last in (500, 700, 900)]

    triggered = StaticTrigger(size=2).on_events(events, (*SENSOR, 2), n_bins=4)

    assert triggered.shape == (3,)
    assert [stream["t"][-1] for stream in triggered] == [500, 700, 900]
    assert all(
        np.array_equal(alone, StaticTrigger(size=2).on_events(one, SENSOR, n_bins=4))
        for alone, one in zip(triggered, events, strict=True)
    )


def test_fields_may_come_in_any_order_and_number() -> None:
    dtype = np.dtype({"names": ["t", "p", "y", "x", "id"], "formats": ["<u4", "?", "<u2", "<u2", "<i4"]}, align=True)
    events = np.zeros(2, dtype)
    events["t"], events["x"], events["id"] = [0, 99], 8, 7

    triggered = StaticTrigger(size=1).on_events(events, SENSOR, n_bins=2)

    assert triggered.dtype == dtype
    assert triggered["id"].tolist() == [7, 0, 0, 7]
    assert triggered["p"].tolist() == [False, True, True, False]


@pytest.mark.parametrize(
    ("field", "width", "window", "message"),
    [
        ({"x": np.uint8}, 346, (0, 1000), "a field x that holds the new events' 344 to 345, got dtype uint8; widen it"),
        ({"t": np.int32}, 346, (0, 2**33), "a field t that holds .* got dtype int32"),
    ],
)
def test_fields_too_narrow_for_the_new_events_are_an_error(field: dict, width: int, window, message: str) -> None:
    kinds = {"x": np.int16, "y": np.int16, "t": np.int64, "p": bool} | field
    events = np.zeros(2, list(kinds.items()))
    events["t"] = [0, 999]

    with pytest.raises(ValueError, match=message):
        StaticTrigger(2, "top-right").on_events(events, (width, 260), n_bins=2, window=window)


def test_the_smart_trigger_fits_on_frames_and_acts_on_their_events() -> None:
    rng = np.random.default_rng(0)
    events = make_events(
        rng.integers(0, 4, 50), rng.integers(4, 7, 50), np.sort(rng.integers(0, 800, 50)), np.ones(50, int)
    )
    frames = to_frames([events], SENSOR, 4, "time")
    trigger = SmartTrigger(size=1, n_masks=1).fit(frames)

    triggered = trigger.on_events(events, SENSOR, n_bins=4)

    assert np.array_equal(to_frames(triggered, SENSOR, 4, "time"), trigger(frames)[0])


@pytest.mark.parametrize(
    ("trigger", "events", "keywords", "error", "message"),
    [
        (MovingTrigger(size=2), [0, 90], {}, ValueError, "expected n_bins, the frames' time bins"),
        (StaticTrigger(size=2, frames=[0]), [0, 90], {}, ValueError, "expected n_bins"),
        (FlashTrigger(), [0, 90], {}, ValueError, "expected n_bins"),
        (StaticTrigger(size=2), [0, 90], {"n_bins": 100}, ValueError, "100 bins of at least 1 µs"),
        (StaticTrigger(size=2), [], {"n_bins": 4}, ValueError, "expected a stream with events, or a window"),
        (
            StaticTrigger(size=2),
            [0, 90],
            {"events_per_bin": 0.5},
            TypeError,
            "events_per_bin to be a whole number, got 0.5: a camera sends an event whole or not at all",
        ),
        (StaticTrigger(size=2), [0, 90], {"events_per_bin": 0}, ValueError, "events_per_bin to be at least 1"),
        (StaticTrigger(size=2), [0, 90], {"spacing_us": -1}, ValueError, "spacing_us to be at least 0"),
        (StaticTrigger(size=2), [0, 90], {"n_bins": 0}, ValueError, "n_bins to be at least 1"),
        (
            StaticTrigger(size=2),
            [0, 90],
            {"n_bins": 9, "events_per_bin": 4, "spacing_us": 5},
            ValueError,
            r"4 new events to fit into each bin, got a span of 15 µs for 9 bins of \(0, 91\) µs",
        ),
    ],
)
def test_what_cannot_be_inserted_is_an_error(
    trigger: FrameTrigger, events: list[int], keywords: dict, error: type, message: str
) -> None:
    n = len(events)
    stream = make_events([8] * n, [6] * n, events, [1] * n)

    with pytest.raises(error, match=message):
        trigger.on_events(stream, SENSOR, **keywords)


def test_a_stream_that_breaks_the_rules_is_an_error() -> None:
    off_sensor = np.array([(9, 0, 5, 1)], EVENT_DTYPE)

    with pytest.raises(ValueError, match=r"expected x in \[0, 9\), got 9"):
        StaticTrigger(size=2).on_events(off_sensor, SENSOR, n_bins=1)


def test_a_trigger_that_inserts_nothing_warns_where_it_was_called() -> None:
    events = make_events([8, 8], [6, 6], [0, 90], [1, 1])

    with pytest.warns(UserWarning, match="writes nothing into 1 time bins") as caught:
        triggered = MovingTrigger(size=2).on_events(events, SENSOR, n_bins=1)

    assert caught[0].filename == __file__
    assert np.array_equal(triggered, events)


@pytest.mark.data
def test_a_real_recording_keeps_the_match(real_data) -> None:
    raw = np.fromfile(next((real_data / "event_format_samples").glob("tonic_sample_nmnist.bin")), np.uint8).reshape(
        -1, 5
    )
    times = (raw[:, 2].astype(int) & 127) << 16 | raw[:, 3].astype(int) << 8 | raw[:, 4]
    events = make_events(raw[:, 0], raw[:, 1], times, raw[:, 2] >> 7)
    trigger = MovingTrigger()

    triggered = trigger.on_events(events, (34, 34), n_bins=16)

    assert all(a <= b for a, b in pairwise(triggered["t"]))
    assert np.array_equal(to_frames(triggered, (34, 34), 16, "time"), trigger(to_frames(events, (34, 34), 16, "time")))
