"""Filters erase the events that they are meant for, on frames and on streams, and nothing else."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from art.defences.preprocessor import Preprocessor
from hypothesis import given
from hypothesis import strategies as st
from spikingjelly.activation_based import functional, layer, neuron
from torch import nn

from art_snn import testing as laws
from art_snn._random import host_seed
from art_snn.attacks.poisoning import FlashTrigger, StaticTrigger
from art_snn.defences.detector import MembranePotentialDefence, NeuralCleanse
from art_snn.defences.preprocessor import BackgroundActivityFilter, FlashFilter, RefractoryFilter
from art_snn.defences.preprocessor.event_filter import EventFilter
from art_snn.defences.transformer import DendriteClamping
from art_snn.estimators.classification import SpikingClassifier, SpikingModule
from art_snn.estimators.classification.class_potentials import ClassPotentials
from art_snn.estimators.classification.differentiable import logits
from art_snn.events import make_events, to_frames
from art_snn.models import small_cnn
from art_snn.typing import Array, Events, Frames

T, SIDE = 4, 6
FILTERS: list[EventFilter] = [BackgroundActivityFilter(), RefractoryFilter(), FlashFilter()]
ALL = pytest.mark.parametrize("event_filter", FILTERS, ids=lambda f: type(f).__name__)


def noise(dtype: str = "uint8", share: float = 0.2, n: int = 70) -> Frames:
    """Counts of 0 to 3, more samples than the filters take at once."""
    rng = np.random.default_rng(0)
    counts = rng.integers(1, 4, (n, T, 2, SIDE, SIDE)) * (rng.random((n, T, 2, SIDE, SIDE)) < share)
    return counts.astype(dtype)


def on_events(event_filter: EventFilter, events: Events) -> Events:
    given_size = ((SIDE, SIDE),) if isinstance(event_filter, FlashFilter) else ()
    filtered: Events = event_filter.on_events(events, *given_size)
    return filtered


# --- laws -----------------------------------------------------------------------------------------------------------


@ALL
@pytest.mark.parametrize("dtype", ["uint8", "float32", "int64"])
def test_frames_lose_events_and_nothing_else(event_filter: EventFilter, dtype: str) -> None:
    x = noise(dtype, share=0.45)
    before = x.copy()
    y = np.arange(len(x))
    filtered, labels = event_filter(x, y)
    assert np.array_equal(x, before)
    assert labels is y
    assert (filtered.shape, filtered.dtype) == (x.shape, x.dtype)
    assert ((filtered == x) | (filtered == 0)).all()
    assert filtered.any()
    assert (filtered != x).any()


@ALL
def test_samples_are_filtered_one_by_one(event_filter: EventFilter) -> None:
    x = noise()
    alone = np.concatenate([event_filter(x[i : i + 1])[0] for i in range(len(x))])
    assert np.array_equal(event_filter(x)[0], alone)


@ALL
def test_images_are_refused(event_filter: EventFilter) -> None:
    with pytest.raises(ValueError, match=r"expected frames of shape \(N, T, 2, H, W\), got shape \(3, 1, 8, 8\)"):
        event_filter(np.zeros((3, 1, 8, 8)))


@ALL
def test_it_is_one_of_arts_preprocessors(event_filter: EventFilter) -> None:
    assert isinstance(event_filter, Preprocessor)
    assert (event_filter.is_fitted, event_filter.apply_fit, event_filter.apply_predict) == (True, True, True)
    only_training = type(event_filter)(apply_predict=False)
    assert (only_training.apply_fit, only_training.apply_predict) == (True, False)


@ALL
def test_misspelt_parameters_are_errors(event_filter: EventFilter) -> None:
    for call in (type(event_filter), event_filter.set_params):
        with pytest.raises(TypeError, match="no_such_argument"):
            call(no_such_argument=1)


@ALL
def test_a_classifier_filters_what_it_is_given(event_filter: EventFilter) -> None:
    with host_seed(0):
        net = nn.Sequential(layer.Flatten(), neuron.IFNode(), layer.Linear(2 * SIDE * SIDE, 2))
    functional.set_step_mode(net, "m")
    shape = (T, 2, SIDE, SIDE)
    plain, filtering = (
        SpikingClassifier(SpikingModule(net), nn.CrossEntropyLoss(), shape, 2, preprocessing_defences=defences)
        for defences in (None, [event_filter])
    )
    x = noise("float32", share=0.45)
    laws.check_tells_samples_apart(filtering, x)
    assert np.allclose(filtering.predict(x), plain.predict(event_filter(x)[0]), atol=1e-6)


@pytest.mark.filterwarnings("ignore:only")  # two steps reach no class
@ALL
@pytest.mark.parametrize("make", [MembranePotentialDefence, NeuralCleanse, DendriteClamping])
def test_defences_see_a_classifier_with_a_filter_as_it_predicts(
    make: Callable[..., Any], event_filter: EventFilter
) -> None:
    with host_seed(0):
        net = small_cnn(2, 3, neuron="if", width=0.25)
    x, y, given = noise("float32", share=0.45, n=12), np.arange(12) % 3, (nn.CrossEntropyLoss(), (T, 2, SIDE, SIDE), 3)
    filtering = SpikingClassifier(SpikingModule(net), *given, preprocessing_defences=[event_filter])
    filtering.model.eval()
    inputs = torch.tensor(x, requires_grad=True)
    seen = ClassPotentials(filtering)(inputs)
    plain = ClassPotentials(SpikingClassifier(SpikingModule(net), *given))(torch.tensor(event_filter(x)[0]))
    assert torch.equal(seen, plain)
    assert torch.autograd.grad(seen.sum(), inputs)[0].any()
    assert logits(filtering, torch.tensor(x)).detach().numpy() == pytest.approx(filtering.predict(x), abs=1e-6)
    if make is DendriteClamping:
        (kept,) = DendriteClamping(filtering, nb_epochs=1)(x).preprocessing_defences
        assert type(kept) is type(event_filter)
    else:
        make(filtering, steps=2).detect_backdoor(x, y)


@ALL
def test_a_classifier_gets_a_filter_once_and_stays_as_it_was(event_filter: EventFilter) -> None:
    with host_seed(0):
        net = small_cnn(2, 3, neuron="if", width=0.25)
    given, x = SpikingClassifier(SpikingModule(net), nn.CrossEntropyLoss(), (T, 2, SIDE, SIDE), 3), noise(n=8)
    filtering = event_filter.on_classifier(given)
    assert np.array_equal(filtering.predict(x), given.predict(event_filter(x)[0]))
    assert not given.preprocessing_defences
    with pytest.raises(ValueError, match="expected no other preprocessing defence"):
        event_filter.on_classifier(filtering)


@st.composite
def streams(draw: st.DrawFn) -> Events:
    n = draw(st.integers(0, 30))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    start = draw(st.sampled_from([0, 1, 10**6]))
    t = start + np.sort(rng.integers(0, draw(st.sampled_from([10, 40_000])), n))
    return make_events(rng.integers(0, 3, n), rng.integers(0, 3, n), t, rng.integers(0, 2, n))


@pytest.mark.parametrize("index", range(len(FILTERS)))
@given(events=streams())
def test_streams_lose_events_and_nothing_else(index: int, events: Events) -> None:
    before = events.copy()
    filtered = on_events(FILTERS[index], events)
    assert np.array_equal(events, before)
    assert filtered.dtype == events.dtype
    rows = iter(events.tolist())
    assert all(event in rows for event in filtered.tolist())  # a subsequence


@ALL
def test_many_streams_are_filtered_one_by_one_and_an_empty_one_stays_empty(event_filter: EventFilter) -> None:
    many = np.empty(2, object)
    many[0] = make_events([1, 1, 2], [1, 2, 2], [0, 5, 9], [0, 1, 1])
    many[1] = many[0][:0]
    filtered = on_events(event_filter, many)
    assert np.array_equal(filtered[0], on_events(event_filter, many[0]))
    assert len(filtered[1]) == 0


@pytest.mark.parametrize("start", [0, 5, 10**9])
@ALL
def test_a_stream_is_filtered_alike_whenever_it_begins(event_filter: EventFilter, start: int) -> None:
    rng = np.random.default_rng(0)
    t = np.sort(rng.integers(0, 60_000, 200))
    x, y, p = (rng.integers(0, top, 200) for top in (SIDE, SIDE, 2))
    early, late = (on_events(event_filter, make_events(x, y, t + s, p)) for s in (0, start))
    assert np.array_equal(early["t"] + start, late["t"])


# --- background activity --------------------------------------------------------------------------------------------


def naive_background(x: Frames, window: int) -> Frames:
    kept = np.zeros_like(x)
    n, bins, _, height, width = x.shape
    for i, t, h, w in np.ndindex(n, bins, height, width):
        beside = [(h - 1, w), (h + 1, w), (h, w - 1), (h, w + 1)]
        beside = [(r, c) for r, c in beside if 0 <= r < height and 0 <= c < width]
        if any(x[i, s, :, r, c].any() for s in range(max(0, t - window), t + 1) for r, c in beside):
            kept[i, t, :, h, w] = x[i, t, :, h, w]
    return kept


@pytest.mark.parametrize("window", [0, 1, 2, 9])
def test_background_activity_on_frames_is_the_naive_loops(window: int) -> None:
    x = noise(share=0.06, n=5)
    assert np.array_equal(BackgroundActivityFilter(window)(x)[0], naive_background(x, window))


def naive_background_on_events(events: Events, window_us: int) -> list[int]:
    kept = []
    for row, event in enumerate(events):
        for other in events[:row]:
            beside = abs(int(other["x"]) - event["x"]) + abs(int(other["y"]) - event["y"]) == 1
            if beside and event["t"] - other["t"] < window_us:
                kept.append(row)
                break
    return kept


@given(events=streams())
def test_background_activity_on_streams_is_the_naive_loops(events: Events) -> None:
    """Also for the first events, which tonic itself takes to have had neighbours before the recording began."""
    rows = naive_background_on_events(events, 10_000)
    assert np.array_equal(BackgroundActivityFilter().on_events(events), events[rows])


# --- refractory period ----------------------------------------------------------------------------------------------


def naive_refractory(x: Frames, period: int) -> Frames:
    kept = x.copy()
    for i, t, h, w in np.ndindex(len(x), x.shape[1], *x.shape[3:]):
        if x[i, max(0, t - period) : t, :, h, w].any():
            kept[i, t, :, h, w] = 0
    return kept


@pytest.mark.parametrize("period", [1, 2, 9])
def test_the_refractory_period_on_frames_is_the_naive_loops(period: int) -> None:
    x = noise(n=5)
    assert np.array_equal(RefractoryFilter(period)(x)[0], naive_refractory(x, period))


@given(events=streams())
def test_the_refractory_period_on_streams_is_the_naive_loops(events: Events) -> None:
    """Also for the very first event, which tonic itself drops if it comes at 0 µs."""
    seen: dict[tuple[int, int], int] = {}
    rows = []
    for row, event in enumerate(events):
        pixel = int(event["x"]), int(event["y"])
        if event["t"] - seen.get(pixel, -(10**12)) > 1_000:
            rows.append(row)
        seen[pixel] = int(event["t"])
    assert np.array_equal(RefractoryFilter().on_events(events), events[rows])


def test_a_static_trigger_is_left_its_first_bin() -> None:
    x = StaticTrigger(size=2)(np.zeros((1, T, 2, SIDE, SIDE), np.uint8))
    filtered, _ = RefractoryFilter()(x)
    assert np.array_equal(filtered[:, 0], x[:, 0])
    assert not filtered[:, 1:].any()


# --- flashes --------------------------------------------------------------------------------------------------------


def test_flashed_bins_are_erased_and_no_others() -> None:
    x = noise(share=0.2)
    filtered, _ = FlashFilter()(FlashTrigger(start=1, length=2)(x))
    assert not filtered[:, 1:3].any()
    assert np.array_equal(filtered[:, [0, 3]], x[:, [0, 3]])


@pytest.mark.parametrize(("share", "is_flash"), [(0.49, True), (0.5, False)])
def test_a_flash_is_more_than_the_share(share: float, is_flash: bool) -> None:
    x = np.zeros((1, 1, 2, 2, 2), np.uint8)
    x[0, 0, 1, 0] = 3  # half of the pixels, in one polarity
    assert FlashFilter(share)(x)[0].any() != is_flash


def test_a_flash_is_found_among_events() -> None:
    quiet = make_events([0, 1, 2], [0, 0, 3], [0, 15_000, 30_000], [1, 0, 1])
    xs, ys = np.meshgrid(np.arange(SIDE), np.arange(SIDE))
    flash = make_events(xs.ravel(), ys.ravel(), np.full(SIDE**2, 22_000), np.ones(SIDE**2, int))
    events = np.concatenate([quiet[:2], flash, quiet[2:]])
    assert np.array_equal(FlashFilter().on_events(events, (SIDE, SIDE)), quiet)


def test_on_events_agrees_with_on_frames_where_the_bins_are_the_same() -> None:
    rng = np.random.default_rng(0)
    n = 400
    t = np.sort(np.concatenate([rng.integers(0, 40_000, n), rng.integers(10_000, 20_000, n)]))
    events = make_events(*(rng.integers(0, SIDE, 2 * n) for _ in "xy"), t - t[0], rng.integers(0, 2, 2 * n))
    frames = to_frames(events, (SIDE, SIDE), T, split_by=10_000)
    filtered = FlashFilter(0.98).on_events(events, (SIDE, SIDE), duration_us=10_000)
    binned = to_frames(filtered, (SIDE, SIDE), T, split_by=10_000, window=(0, 40_000))
    assert binned.any()
    assert not binned.all(axis=(1, 2, 3)).any()
    assert np.array_equal(binned, FlashFilter(0.98)(frames[None])[0][0])


# --- edges ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: BackgroundActivityFilter(-1), "expected window to be at least 0"),
        (lambda: RefractoryFilter(0), "expected period to be at least 1"),
        (lambda: FlashFilter(0.0), "expected share to be a fraction"),
        (lambda: BackgroundActivityFilter().on_events(make_events([], [], [], []), window_us=0), "expected window_us"),
        (lambda: RefractoryFilter().on_events(make_events([], [], [], []), period_us=0), "expected period_us"),
        (lambda: FlashFilter().on_events(make_events([], [], [], []), (2, 2), duration_us=0), "expected duration_us"),
    ],
)
def test_values_out_of_range_are_refused(make: Callable[[], Array], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
