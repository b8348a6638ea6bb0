"""How far a trigger moves events in time bins: distances of the spike trains of each pixel and polarity."""

import math
from collections.abc import Callable
from functools import partial

import numpy as np

from art_snn._arrays import as_numbers
from art_snn._validation import check_counts, check_finite, check_positive
from art_snn.typing import Array, Frames


def bin_shift(x: Frames, x_triggered: Frames) -> float:
    """Number of time bins by which an event moves: earth mover's distance within each pixel and polarity.

    The distance compares where the events of a pixel and polarity lie, whatever their number, in the mean over the
    clean events of all pixels that have events on both sides; the mean over samples counts those that have such pixels.

    Args:
        x: Clean frames (N, T, 2, H, W), or any counts of shape (N, T, ...).
        x_triggered: The samples of `x` with the trigger.

    Returns:
        A number in [0, T - 1]; NaN if no sample has a pixel with events on both sides.

    Raises:
        ValueError: If the shapes differ, there is nothing to compare, or counts are not finite and from 0 up.

    Source: Rubner et al., 2000, https://doi.org/10.1023/A:1026543900054.

    >>> bin_shift(np.array([[[2], [0], [0]]]), np.array([[[1], [0], [1]]]))
    1.0
    """
    pair = _pair(x, x_triggered)
    for counts in pair:
        check_counts("x and x_triggered", counts)
    return _mean_over(bin_shifts, *pair)


def van_rossum_distance(x: Frames, x_triggered: Frames, tau: float = 1.0) -> float:
    """Distance of spike trains that a decaying exponential follows each event of.

    Of one train, D² = 1/τ ∫ (f - g)² dt, where f and g are the sums of exp(-(t - t_i)/τ) over the events t_i before t:
    1/2 for an event that is added or removed, up to 1 for one that moves. Of a sample it is the root of the sum of D²
    over all pixels and polarities; the mean over samples.

    Args:
        x: Clean frames (N, T, 2, H, W), or any counts of shape (N, T, ...); events lie at the start of their bins.
        x_triggered: The samples of `x` with the trigger.
        tau: Time constant τ in bins, above 0.

    Returns:
        A number from 0 up; 0 if the frames are equal.

    Raises:
        ValueError: If the shapes differ, there is nothing to compare, `tau` is out of range, or a value is not finite.

    Source: van Rossum, A novel spike distance, 2001, https://doi.org/10.1162/089976601300014321; over many trains as
    labelled lines, Houghton and Sen, 2008, https://doi.org/10.1162/neco.2007.10-06-350.

    >>> round(van_rossum_distance(np.array([[[1], [0]]]), np.array([[[0], [1]]])) ** 2, 4), round(1 - math.exp(-1), 4)
    (0.6321, 0.6321)
    """
    check_positive("tau", tau)
    pair = _pair(x, x_triggered)
    for values in pair:
        check_finite("x and x_triggered", values)
    return _mean_over(partial(van_rossum_distances, tau=tau), *pair)


def bin_shifts(clean: Array, triggered: Array) -> Array:
    """`bin_shift` of each sample, shape (N,); NaN where no pixel has events on both sides."""
    before, after = (np.moveaxis(part, 1, -1).reshape(-1, part.shape[1]) for part in (clean, triggered))
    n_before, n_after = (part.sum(axis=1, dtype=np.float64) for part in (before, after))
    trains = np.flatnonzero((n_before > 0) & (n_after > 0))
    n_before, n_after = n_before[trains, None], n_after[trains, None]
    ahead = np.cumsum(before[trains] * n_after - after[trains] * n_before, axis=1)  # whole numbers stay exact
    moved = np.abs(ahead).sum(axis=1) / n_after[:, 0]
    sample, n = trains // max(1, len(before) // len(clean)), len(clean)
    events, total = (np.bincount(sample, weights=part, minlength=n) for part in (n_before[:, 0], moved))
    shifts: Array = np.divide(total, events, out=np.full(n, math.nan), where=events > 0)
    return shifts


def van_rossum_distances(clean: Array, triggered: Array, tau: float) -> Array:
    """`van_rossum_distance` of each sample, shape (N,)."""
    n, n_bins = clean.shape[:2]
    before, after = (np.moveaxis(part, 1, -1).reshape(-1, n_bins) for part in (clean, triggered))
    trains = np.flatnonzero((before != after).any(axis=1))
    change = after[trains].astype(np.float64) - before[trains]
    bins = np.arange(n_bins)
    near = np.exp(-np.abs(bins[:, None] - bins) / tau) / 2  # the integral of two exponentials that far apart
    squares = np.einsum("nt,nt->n", change @ near, change).clip(min=0)  # rounding may step below 0
    found: Array = np.sqrt(np.bincount(trains // max(1, len(before) // n), weights=squares, minlength=n))
    return found


def _pair(x: Frames, x_triggered: Frames) -> tuple[Array, Array]:
    clean, triggered = as_numbers("x", x), as_numbers("x_triggered", x_triggered)
    if clean.shape != triggered.shape or clean.ndim < 2 or 0 in clean.shape:
        got = f"{clean.shape} and {triggered.shape}"
        raise ValueError(f"expected two arrays of one shape (N, T, ...) that are not empty, got shapes {got}")
    return clean, triggered


def _mean_over(distances: Callable[[Array, Array], Array], clean: Array, triggered: Array) -> float:
    """The mean over samples, one by one, which takes little memory however many there are."""
    found = [distances(clean[row : row + 1], triggered[row : row + 1]) for row in range(len(clean))]
    known = np.concatenate(found)
    known = known[~np.isnan(known)]
    return float(known.mean()) if len(known) else math.nan
