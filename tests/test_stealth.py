"""Stealth is the mean over samples of what each measure says of one."""

import math

import numpy as np
import pytest

from art_snn.attacks.poisoning import StaticTrigger
from art_snn.events import make_events
from art_snn.metrics import event_distance, mse, psnr, ssim, stealth

RNG = np.random.default_rng(0)
IMAGES = RNG.random((3, 2, 9, 8))
FRAMES = RNG.integers(0, 3, (3, 2, 2, 9, 8)).astype(np.uint8)


def streams() -> np.ndarray:
    found = np.empty(3, object)
    for row, n in enumerate((5, 8, 20)):
        times = np.sort(RNG.integers(0, 100, n))
        found[row] = make_events(*(RNG.integers(0, 4, n) for _ in range(2)), times, RNG.integers(0, 2, n))
    return found


@pytest.mark.parametrize(("x", "data_range"), [(IMAGES, 1.0), (IMAGES, None), (FRAMES, None)])
def test_of_arrays_it_is_a_loop_over_samples(x, data_range) -> None:
    triggered = x.copy()
    triggered[1:, ..., :2, :3] = 1
    pairs = list(zip(x, triggered, strict=True))

    found = stealth(x, triggered, data_range=data_range)

    assert (found.n, found.n_unchanged) == (3, 1)
    assert found.mse == pytest.approx(np.mean([mse(a, b) for a, b in pairs]))  # sums in another order
    assert found.psnr == pytest.approx(np.mean([psnr(a, b, data_range) for a, b in pairs[1:]]))
    assert found.ssim == pytest.approx(np.mean([ssim(a[None], b[None], data_range) for a, b in pairs]))
    assert found.changed == pytest.approx(np.mean(x != triggered))
    assert found.added == pytest.approx((triggered.astype(float).sum() - x.astype(float).sum()) / 3)
    assert all(math.isnan(value) for value in (found.event_edits, found.event_count, found.event_time))


def test_of_event_streams_it_is_a_loop_over_streams() -> None:
    x = streams()
    triggered = StaticTrigger(size=2, polarity="on").on_events(x, (4, 4), n_bins=4)
    triggered[2] = x[2]

    found = stealth(x, triggered)

    assert (found.n, found.n_unchanged) == (3, 1)
    for name in ("edits", "count", "time"):
        expected = np.mean([event_distance(a, b, name) for a, b in zip(x, triggered, strict=True)])
        assert getattr(found, f"event_{name}") == pytest.approx(expected)  # sums in another order
    assert math.isnan(found.mse)


def test_a_stream_that_was_emptied_has_no_distance_in_time() -> None:
    x = streams()
    triggered = x.copy()
    triggered[0] = x[0][:0]

    found = stealth(x, triggered)

    assert found.event_time == 0
    assert found.event_edits == 5 / 3


def test_what_does_not_change_has_no_ratio_to_noise() -> None:
    found = stealth(IMAGES, IMAGES)

    assert math.isnan(found.psnr)
    assert (found.mse, found.ssim, found.changed, found.n_unchanged) == (0, 1, 0, 3)


@pytest.mark.parametrize(("side", "window"), [(6, 5), (3, 3)])
def test_small_planes_get_the_largest_window_that_fits(side: int, window: int) -> None:
    x, triggered = RNG.random((2, 2, 1, side, side))

    assert stealth(x, triggered).ssim == pytest.approx(
        np.mean([ssim(a[None], b[None], window=window) for a, b in zip(x, triggered, strict=True)])  # sums reordered
    )
    assert math.isnan(stealth(x[..., :2], triggered[..., :2]).ssim)


def test_a_row_names_every_figure() -> None:
    row = stealth(IMAGES, IMAGES + 0.1).as_row()

    assert row["stealth_n"] == 3
    assert row["stealth_mse"] == pytest.approx(0.01)  # decimal fractions are not exact


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^expected at least one sample"):
        stealth(IMAGES[:0], IMAGES[:0])
    with pytest.raises(ValueError, match=r"^expected as many x_triggered as x"):
        stealth(IMAGES, IMAGES[:2])
    with pytest.raises(ValueError, match=r"^expected two arrays of one shape"):
        stealth(IMAGES, IMAGES[..., :5])
    with pytest.raises(TypeError, match=r"^expected event streams on both sides or on neither"):
        stealth(IMAGES, streams())
    with pytest.raises(ValueError, match=r"finite"):
        stealth(IMAGES, IMAGES + np.nan)


def test_samples_without_planes_have_no_structure() -> None:
    assert math.isnan(stealth(np.zeros((2, 9)), np.ones((2, 9))).ssim)
