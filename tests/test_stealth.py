"""Stealth is the mean over samples of what each measure says of one."""

import math
import sys

import numpy as np
import pytest
from skimage.metrics import structural_similarity

from art_snn.attacks.poisoning import StaticTrigger
from art_snn.events import make_events
from art_snn.lazy_rows import lazy_rows
from art_snn.metrics import (
    bin_shift,
    event_changes,
    event_distance,
    mse,
    psnr,
    ssim,
    stealth,
    van_rossum_distance,
)

RNG = np.random.default_rng(0)
IMAGES = RNG.random((3, 2, 9, 8))
FRAMES = RNG.integers(0, 3, (3, 2, 2, 9, 8)).astype(np.uint8)


def psnr_of_frames(clean: np.ndarray, triggered: np.ndarray, data_range: float | None) -> float:
    """The mean over time bins that changed, with one peak for all of a sample; an image is one of them."""
    peak = data_range or max(clean.max(), triggered.max())
    bins = [(clean, triggered)] if clean.ndim == 3 else zip(clean, triggered, strict=True)
    return float(np.mean([psnr(a, b, peak) for a, b in bins if (a != b).any()]))


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
    triggered[1, 0] = x[1, 0]
    pairs = list(zip(x, triggered, strict=True))

    found = stealth(x, triggered, data_range=data_range)

    assert (found.n, found.n_unchanged) == (3, 1)
    assert found.mse == pytest.approx(np.mean([mse(a, b) for a, b in pairs]))  # sums in another order
    assert found.psnr == pytest.approx(np.mean([psnr_of_frames(a, b, data_range) for a, b in pairs[1:]]))
    assert found.ssim == pytest.approx(np.mean([ssim(a[None], b[None], data_range) for a, b in pairs]))
    assert found.ssim_unit == pytest.approx(np.mean([ssim(a[None], b[None], 1.0) for a, b in pairs]))
    assert found.linf == pytest.approx(np.mean([abs(b.astype(float) - a).max() for a, b in pairs]))
    assert found.changed == pytest.approx(np.mean(x != triggered))
    assert found.added - found.removed == pytest.approx((triggered.astype(float).sum() - x.astype(float).sum()) / 3)
    assert found.added == pytest.approx(np.maximum(triggered.astype(float) - x, 0).sum() / 3)
    if x.ndim == 5:
        shifts, distances = ([of(a[None], b[None]) for a, b in pairs] for of in (bin_shift, van_rossum_distance))
        assert found.bin_shift == pytest.approx(np.mean(shifts))
        assert found.van_rossum == pytest.approx(np.mean(distances))
        assert found.recordable == 1
    else:
        assert all(math.isnan(value) for value in (found.bin_shift, found.van_rossum, found.recordable))
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
    assert found.event_shift == pytest.approx(np.mean([event_distance(a, b, "shift") for a, b in known(x, triggered)]))
    changes = np.array([event_changes(a, b) for a, b in zip(x, triggered, strict=True)])
    assert [found.added, found.removed] == pytest.approx(changes.mean(axis=0).tolist())
    assert found.recordable == 1
    assert stealth(x, triggered, sensor_size=(2, 2)).recordable < 1


def known(x: np.ndarray, triggered: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """The pairs of streams that have a shift."""
    pairs = zip(x, triggered, strict=True)
    return [pair for pair in pairs if not math.isnan(event_distance(*pair, "shift"))]


@pytest.mark.parametrize("kind", ["a part of a row", "everything", "two corners"])
def test_the_structure_of_a_part_is_that_of_whole_planes(kind: str) -> None:
    x = RNG.poisson(0.3, (3, 4, 2, 19, 24)).astype(np.float32)
    triggered = x.copy()
    parts = {
        "a part of a row": [np.s_[9:10, 10:15]],
        "everything": [np.s_[:, :]],
        "two corners": [np.s_[0, 0], np.s_[-1, -1]],
    }
    for part in parts[kind]:
        triggered[0, 1:3, :, *part] += 1
        triggered[2, :, 1, *part] += 2
    found, planes = stealth(x, triggered), [part.reshape(3, 8, 19, 24) for part in (x, triggered)]
    for value, ranges in (
        (found.ssim, [max(a.max(), b.max()) for a, b in zip(x, triggered, strict=True)]),
        (found.ssim_unit, [1] * 3),
    ):
        pairs = zip(*planes, ranges, strict=True)
        expected = [structural_similarity(a, b, data_range=one, channel_axis=0) for a, b, one in pairs]
        assert value == pytest.approx(np.mean(expected), abs=1e-5)  # scikit-image keeps 32 bits of these


def test_fractions_and_counts_below_0_are_seen_and_have_no_shift() -> None:
    triggered = FRAMES.astype(np.float32)
    triggered[0, 0, 0, 0, 0] -= 5
    triggered[1] += 0.5
    found = stealth(FRAMES, triggered)
    assert found.recordable == 1 / 3
    assert found.bin_shift == pytest.approx(np.mean([0, bin_shift(FRAMES[1:2], triggered[1:2])]))
    assert found.removed == pytest.approx(5 / 3)
    assert found.linf == pytest.approx(5.5 / 3)


def test_samples_are_compared_few_at_a_time_whether_in_memory_or_mapped(tmp_path, monkeypatch) -> None:
    np.save(tmp_path / "x.npy", FRAMES)
    mapped, triggered = np.load(tmp_path / "x.npy", mmap_mode="r"), StaticTrigger(2)(FRAMES)
    read, whole = list[int](), stealth(FRAMES, triggered)

    def rows(numbers: np.ndarray) -> np.ndarray:
        read.append(len(numbers))
        return StaticTrigger(2)(mapped[numbers])

    monkeypatch.setattr(sys.modules["art_snn.metrics.stealth"], "_AT_ONCE", FRAMES[:2].size)
    assert stealth(mapped, lazy_rows(rows, FRAMES.shape, FRAMES.dtype)) == whole
    assert read == [2, 1]


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
