"""Event streams and frames: every event in its bin, and nothing that breaks a rule gets in."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from art_snn._random import host_seed
from art_snn.events import (
    EVENT_DTYPE,
    bin_borders,
    bin_centres,
    check_events,
    check_sensor_size,
    make_events,
    recording_window,
    time_edges,
    to_frames,
)
from art_snn.typing import Events, Frames

W, H = 5, 3


@st.composite
def streams(draw: st.DrawFn, min_size: int = 0) -> Events:
    """Streams of a sensor of 5x3 pixels, some with many events in one µs."""
    n = draw(st.integers(min_size, 60))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    start, duration = draw(st.integers(-50, 1 << 40)), draw(st.sampled_from([1, 7, 1000, 300_000]))
    times = start + np.sort(rng.integers(0, duration, n))
    return make_events(rng.integers(0, W, n), rng.integers(0, H, n), times, rng.integers(0, 2, n))


def slow_frames(events: Events, n_bins: int, split_by: str | int, window: tuple[int, int] | None = None) -> Frames:
    """The definition of each binning, one event at a time, in exact numbers."""
    frames = np.zeros((n_bins, 2, H, W), int)
    start, stop = window or (recording_window(events) if len(events) else (0, 1))
    kept = [event for event in events.tolist() if start <= event[2] < stop]
    for number, (x, y, t, p) in enumerate(kept):
        if split_by == "count":
            a_bin = len(kept) // n_bins
            j = min(number // a_bin, n_bins - 1) if a_bin else n_bins - 1
        elif split_by == "time":
            j = (t - start) * n_bins // (stop - start)
        else:
            j = (t - start) // int(split_by)
        if j < n_bins:
            frames[j, p, y, x] += 1
    return frames


@given(events=streams(), n_bins=st.integers(1, 9), split_by=st.sampled_from(["count", "time", 1, 3, 500]))
def test_frames_count_each_event_in_its_bin(events, n_bins, split_by):
    frames = to_frames(events, (W, H), n_bins, split_by)

    assert frames.dtype == np.uint8
    assert np.array_equal(frames, slow_frames(events, n_bins, split_by))


@given(
    events=streams(min_size=1),
    n_bins=st.integers(1, 9),
    split_by=st.sampled_from(["count", "time", 1, 500]),
    before=st.integers(-400, 400),
    length=st.integers(1, 1000),
)
def test_a_window_leaves_out_what_lies_outside(events, n_bins, split_by, before, length):
    window = (int(events["t"][0]) - before, int(events["t"][0]) - before + length)

    frames = to_frames(events, (W, H), n_bins, split_by, window=window)

    assert np.array_equal(frames, slow_frames(events, n_bins, split_by, window))


def test_the_last_bin_of_a_count_takes_the_rest():
    events = make_events(x=[0] * 11, y=[0] * 11, t=range(11), p=[1] * 11)

    assert to_frames(events, (1, 1), 4).ravel().tolist() == [0, 2, 0, 2, 0, 2, 0, 5]
    assert bin_borders(events, 4).tolist() == [0, 2, 4, 6, 11]


def test_channel_zero_is_off_and_rows_come_before_columns():
    events = make_events(x=[4, 1], y=[2, 0], t=[0, 1], p=[False, True])

    frames = to_frames(events, (W, H), 1)

    assert np.argwhere(frames).tolist() == [[0, 0, 2, 4], [0, 1, 0, 1]]


def test_frames_agree_with_tonic_where_the_bins_divide_evenly():
    transforms = pytest.importorskip("tonic.transforms")
    rng = np.random.default_rng(0)
    events = make_events(rng.integers(0, W, 800), rng.integers(0, H, 800), np.arange(800), rng.integers(0, 2, 800))

    by_count = transforms.ToFrame((W, H, 2), n_event_bins=8)(events)

    assert np.array_equal(to_frames(events, (W, H, 2), 8, "count"), by_count)
    assert np.array_equal(to_frames(events, (W, H, 2), 8, "time"), by_count)


def test_tonics_transforms_keep_the_type_of_a_stream():
    transforms = pytest.importorskip("tonic.transforms")
    events = make_events(x=[0, 0, 4], y=[0, 0, 2], t=[0, 1, 900], p=[1, 0, 1])

    for transform in (
        transforms.Denoise(filter_time=10),
        transforms.RefractoryPeriod(delta=10),
        transforms.DropEvent(p=0.0),
    ):
        with host_seed(0):
            changed = transform(events.copy())
        check_events(changed, (W, H))
        assert changed.dtype == EVENT_DTYPE


@pytest.mark.parametrize("split_by", ["count", "time", 10])
def test_a_stream_without_events_gives_empty_frames(split_by):
    empty = make_events([], [], [], [])

    assert to_frames(empty, (W, H), 4, split_by).shape == (4, 2, H, W)
    assert not to_frames(empty, (W, H), 4, split_by).any()
    assert not to_frames(empty, (W, H), 4, split_by, window=(0, 9)).any()


@given(st.lists(streams(), max_size=4))
def test_many_streams_are_framed_one_by_one(many):
    events = np.empty(len(many), object)
    events[:] = many

    frames = to_frames(events, (W, H, 2), 3)

    assert frames.shape == (len(many), 3, 2, H, W)
    assert all(np.array_equal(row, to_frames(stream, (W, H), 3)) for row, stream in zip(frames, many, strict=True))


@pytest.mark.parametrize(
    "dtype",
    [
        [("p", bool), ("t", np.uint64), ("y", np.uint16), ("x", np.uint16)],
        [("t", np.int32), ("x", np.uint64), ("y", np.uint64), ("p", np.uint64)],
        [("x", int), ("y", int), ("t", int), ("p", int), ("camera", np.uint8)],
    ],
)
def test_fields_are_read_by_name_in_any_order_and_width(dtype):
    events = make_events(x=[4, 1, 1], y=[2, 0, 0], t=[3, 4, 9], p=[0, 1, 1])
    other = np.zeros(3, dtype)
    for field in events.dtype.names:
        other[field] = events[field]

    for split_by in ("count", "time", 2):
        assert np.array_equal(to_frames(other, (W, H), 2, split_by), to_frames(events, (W, H), 2, split_by))
        assert np.array_equal(bin_centres(other, 1, split_by), bin_centres(events, 1, split_by))


def test_a_count_beyond_the_type_is_an_error_or_saturates_or_gets_a_wider_type():
    events = make_events(x=[0] * 300, y=[0] * 300, t=range(300), p=[1] * 300)

    with pytest.raises(ValueError, match=r"at most 255 events.*got 300"):
        to_frames(events, (1, 1), 1)
    assert to_frames(events, (1, 1), 1, saturate=True).max() == 255
    assert to_frames(events, (1, 1), 1, dtype=np.uint16).max() == 300
    assert to_frames(events[:255], (1, 1), 1).max() == 255


def test_to_frames_leaves_its_input_alone():
    events = make_events(x=[0, 4], y=[0, 2], t=[0, 1], p=[1, 0])
    before = events.copy()

    to_frames(events, (W, H), 2)

    assert np.array_equal(events, before)


@given(start=st.integers(-1000, 1 << 50), duration=st.integers(1, 1 << 50), n_bins=st.integers(1, 40))
def test_time_edges_are_the_first_whole_microseconds_of_equal_parts(start, duration, n_bins):
    edges = time_edges((start, start + duration), n_bins).tolist()

    assert edges[0] == start
    assert edges[-1] == start + duration
    for j, edge in enumerate(edges[:-1]):
        assert (edge - start) * n_bins >= j * duration
        assert (edge - 1 - start) * n_bins < j * duration


@given(events=streams(min_size=1), n_bins=st.integers(1, 9), split_by=st.sampled_from(["count", "time", 1, 500]))
def test_a_centre_lies_within_its_bin(events, n_bins, split_by):
    try:
        centres = bin_centres(events, n_bins, split_by)
    except ValueError:
        assert split_by != "count"
        assert recording_window(events)[1] - recording_window(events)[0] < n_bins * (
            1 if split_by == "time" else split_by
        )
        return

    assert centres.shape == (n_bins,)
    assert (np.diff(centres) >= 0).all()
    if split_by == "count":
        borders = bin_borders(events, n_bins)
        for j in range(n_bins):
            inside = events["t"][borders[j] : borders[j + 1]]
            assert len(inside) == 0 or inside[0] <= centres[j] <= inside[-1]
        return
    markers = make_events([0] * n_bins, [0] * n_bins, centres, [1] * n_bins)
    assert (
        to_frames(markers, (1, 1), n_bins, split_by, window=recording_window(events))[:, 1].ravel().tolist()
        == [1] * n_bins
    )


def test_centres_need_a_recording_or_a_window():
    empty = make_events([], [], [], [])

    assert bin_centres(empty, 2, "time", window=(0, 10)).tolist() == [2, 7]
    with pytest.raises(ValueError, match="no window"):
        bin_centres(empty, 2, "time")
    with pytest.raises(ValueError, match="got none"):
        bin_centres(empty, 2, "count", window=(0, 10))


@pytest.mark.parametrize(
    ("field", "values", "complaint"),
    [
        ("x", [0, 5, 1], r"x in \[0, 5\), got 5 in event 1"),
        ("x", [0, 1, -1], r"x in \[0, 5\), got -1 in event 2"),
        ("y", [3, 0, 0], r"y in \[0, 3\), got 3 in event 0"),
        ("p", [0, 2, 0], r"p in \[0, 2\), got 2 in event 1"),
        ("p", [0, -1, 0], r"p in \[0, 2\), got -1 in event 1"),
        ("t", [7, 8, 6], "got 6 after 8 µs in event 2"),
    ],
)
def test_an_event_that_breaks_a_rule_is_named(field, values, complaint):
    events = np.zeros(3, [(name, np.int64) for name in "xytp"])
    events[field] = values

    with pytest.raises(ValueError, match=complaint):
        to_frames(events, (W, H), 2)
    if field in "tp":
        with pytest.raises(ValueError, match=complaint):
            make_events(*(events[name] for name in "xytp"))


def test_unsigned_times_do_not_run_backwards_unseen():
    events = np.zeros(2, [("x", int), ("y", int), ("t", np.uint64), ("p", int)])
    events["t"] = [5, 4]

    with pytest.raises(ValueError, match="got 4 after 5"):
        check_events(events, (W, H))
    events["t"] = [5, 2**63]
    with pytest.raises(ValueError, match="below"):
        check_events(events, (W, H))


def test_what_is_no_stream_is_refused():
    with pytest.raises(TypeError, match="fields x, y, t, p"):
        check_events(np.zeros((3, 4)), (W, H))
    with pytest.raises(TypeError, match="fields x, y, t, p"):
        to_frames(np.zeros((3, 4)), (W, H), 2)
    with pytest.raises(ValueError, match="shape"):
        check_events(np.zeros((2, 2), EVENT_DTYPE), (W, H))
    with pytest.raises(TypeError, match="t to hold whole numbers, got float64"):
        make_events([0], [0], [0.5], [0])
    with pytest.raises(ValueError, match="one shape"):
        make_events([0], [0, 1], [0], [0])
    with pytest.raises(ValueError, match=r"x in \[0, 32768\)"):
        make_events([40_000], [0], [0], [0])


@pytest.mark.parametrize("size", [(5,), (5, 3, 1), (5, 3, 2, 1), (0, 3), (5, -1)])
def test_a_wrong_sensor_size_is_refused(size):
    with pytest.raises(ValueError, match="sensor"):
        check_sensor_size(size)


@pytest.mark.parametrize("size", [34, None, (5.0, 3)])
def test_a_sensor_size_is_of_whole_numbers(size):
    with pytest.raises(TypeError, match=r"sensor_size to be \(width, height\)"):
        check_sensor_size(size)


@pytest.mark.parametrize("size", [(5, 3), (5, 3, 2), [5, 3]])
def test_a_sensor_size_may_leave_out_the_polarities(size):
    assert check_sensor_size(size) == (5, 3, 2)


@pytest.mark.parametrize("stream", [make_events([], [], [], []), make_events([0], [0], [0], [0])])
def test_a_binning_that_does_not_exist_is_refused(stream):
    with pytest.raises(ValueError, match="n_bins"):
        to_frames(stream, (W, H), 0)
    with pytest.raises(ValueError, match="split_by"):
        to_frames(stream, (W, H), 2, "number")
    with pytest.raises(ValueError, match="split_by"):
        to_frames(stream, (W, H), 2, 0)
    with pytest.raises(TypeError, match="split_by"):
        to_frames(stream, (W, H), 2, 0.5)
    with pytest.raises(ValueError, match="window"):
        to_frames(stream, (W, H), 2, "count", window=(3, 3))
    with pytest.raises(ValueError, match="window"):
        to_frames(stream, (W, H), 2, "time", window=(3, 2))
    for window in (5, (0.5, 9.5), "ab"):
        with pytest.raises(TypeError, match="window to be"):
            to_frames(stream, (W, H), 2, "time", window=window)
    with pytest.raises(TypeError, match="dtype to be one of whole numbers, got float32"):
        to_frames(stream, (W, H), 2, dtype=np.float32)
