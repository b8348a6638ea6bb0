"""How visible a trigger is in images and frames: the distance between clean and triggered arrays."""

import math

import numpy as np
from skimage.metrics import mean_squared_error, structural_similarity

from art_snn._arrays import as_numbers
from art_snn._layouts import is_channels_last
from art_snn._validation import check_at_least, check_finite, check_positive
from art_snn.typing import Array, Mask

_AT_ONCE = 2**16  # elements in scikit-image's hands: a dozen numbers for each stay in the processor's cache


def mse(x: Array, x_triggered: Array) -> float:
    """Mean squared difference of all elements, in squared units of the arrays; 0 if they are equal.

    Args:
        x: Clean images or frames, any shape that is not empty.
        x_triggered: The samples of `x` with the trigger.

    Raises:
        ValueError: If the shapes differ, there is nothing to compare, or a value is not finite.

    Source: the definition.

    >>> mse(np.zeros((1, 1, 2, 2)), np.array([[[[0.0, 0.0], [0.0, 2.0]]]]))
    1.0
    """
    return float(mean_squared_error(*_pair(x, x_triggered)))


def psnr(x: Array, x_triggered: Array, data_range: float | None = None) -> float:
    """Peak signal-to-noise ratio in decibel, 10 log10(data_range² / mse): higher is less visible.

    Args:
        x: Clean images or frames, any shape that is not empty.
        x_triggered: The samples of `x` with the trigger.
        data_range: Difference of the highest and the lowest possible value; None takes those that occur in the two
            arrays, and 0.

    Returns:
        Any number; infinite if the arrays are equal.

    Raises:
        ValueError: If the shapes differ, there is nothing to compare, or a value is not finite.

    Source: the definition, https://en.wikipedia.org/wiki/Peak_signal-to-noise_ratio.

    >>> psnr(np.zeros((1, 1, 2, 2)), np.full((1, 1, 2, 2), 0.1), data_range=1.0)
    20.0
    """
    _check_data_range(data_range)
    clean, triggered = _pair(x, x_triggered)
    error = float(mean_squared_error(clean, triggered))
    if error == 0:
        return math.inf
    spread = data_range or float(value_ranges(clean[None], triggered[None])[0])
    return 10 * math.log10(spread**2 / error)


def ssim(x: Array, x_triggered: Array, data_range: float | None = None, window: int = 7) -> float:
    """Structural similarity, averaged over all planes (H, W) of all samples; 1 if the arrays are equal.

    Each channel of each time bin is a plane, compared in uniform windows (scikit-image's default).

    Args:
        x: Clean images or frames, samples first, the last two axes (H, W).
        x_triggered: The samples of `x` with the trigger.
        data_range: Difference of the highest and the lowest possible value; None takes those that occur in the pair of
            samples, and 0 (the published figures do not say which they used).
        window: Side of the window in pixels, odd, at most the shorter side of a plane.

    Returns:
        A number in [-1, 1].

    Raises:
        ValueError: If the shapes differ, there is nothing to compare, a value is not finite, the window does not fit,
            or the channels seem to come last.

    Source: Wang et al., 2004, https://doi.org/10.1109/TIP.2003.819861; over frames: Abad et al., Sneaky Spikes,
    NDSS 2024, https://arxiv.org/abs/2302.06279.

    >>> ssim(np.ones((1, 2, 8, 8)), np.ones((1, 2, 8, 8)))
    1.0
    """
    _check_data_range(data_range)
    clean, triggered = _pair(x, x_triggered)
    if clean.ndim < 3:
        raise ValueError(f"expected samples of planes, shape (N, ..., H, W), got shape {clean.shape}")
    if clean.ndim > 3 and is_channels_last(clean.shape):
        cure = "which looks like channels last; np.moveaxis(x, -1, -3) puts them before the rows"
        raise ValueError(f"expected samples of planes, shape (N, ..., H, W), got shape {clean.shape}, {cure}")
    _check_window(window, min(clean.shape[-2:]))
    spread = np.full(len(clean), data_range) if data_range is not None else value_ranges(clean, triggered)
    return float(np.mean(structures(clean, triggered, spread, window)))


def value_ranges(clean: Array, triggered: Array) -> Array:
    """Of each pair of samples the difference of the highest and the lowest of its values and 0, shape (N,)."""
    axes = tuple(range(1, clean.ndim))
    highest = np.maximum(clean.max(axes), triggered.max(axes)).clip(min=0).astype(np.float64)
    spread: Array = highest - np.minimum(clean.min(axes), triggered.min(axes)).clip(max=0)
    spread[spread == 0] = 1.0  # all zero: any range gives the same result
    return spread


def structures(clean: Array, triggered: Array, data_ranges: Array, window: int) -> Array:
    """Structural similarity of each pair of samples, shape (N,), at a data range for each, shape (N,).

    Windows without a change have 1. All others lie in one box; the boxes of many planes, brought to the range 1, which
    changes no similarity, go through scikit-image at once.
    """
    plane = clean.shape[-2:]
    losses = np.zeros((len(clean), math.prod(clean.shape[1:-2])))
    before, after = (samples.reshape(*losses.shape, *plane) for samples in (clean, triggered))
    differ = before != after
    rows, planes = np.nonzero(differ.any(axis=(2, 3)))
    if len(rows):
        box = tuple(_seen(differ.any(axis=axes), window) for axes in ((0, 1, 3), (0, 1, 2)))
        before, after = (samples[:, :, box[0], box[1]] for samples in (before, after))
    n_at_once = max(1, _AT_ONCE // math.prod(before.shape[2:]))
    for start in range(0, len(rows), n_at_once):
        some = rows[start : start + n_at_once], planes[start : start + n_at_once]
        spread = data_ranges[some[0], None, None]
        losses[some] = _losses(before[some] / spread, after[some] / spread, window)
    means: Array = 1 - losses.mean(axis=1) / math.prod(side - window + 1 for side in plane)
    return means


def _seen(is_changed: Mask, window: int) -> slice:
    """The part of an axis that windows with a change see."""
    first, last = np.flatnonzero(is_changed)[[0, -1]]
    return slice(max(0, int(first) - window + 1), int(last) + window)


def _losses(clean: Array, triggered: Array, window: int) -> Array:
    """What the windows of each pair of planes (n, H, W) lack of 1, in all, shape (n,).

    The planes lie one below the other, and no window that counts reaches into the next.
    """
    n, height, width = clean.shape
    pair = (planes.reshape(n * height, width) for planes in (clean, triggered))
    _, local = structural_similarity(*pair, data_range=1.0, win_size=window, full=True)
    margin = window // 2
    inside = local.reshape(n, height, width)[:, margin : height - margin, margin : width - margin]
    losses: Array = (1 - inside).sum(axis=(1, 2))
    return losses


def _check_data_range(data_range: float | None) -> None:
    if data_range is not None:
        check_positive("data_range", data_range)


def _check_window(window: int, side: int) -> None:
    check_at_least("window", window, 3)
    if window % 2 == 0 or window > side:
        raise ValueError(f"expected window to be odd and at most the planes' shorter side of {side}, got {window}")


def _pair(x: Array, x_triggered: Array) -> tuple[Array, Array]:
    """Read both as float64, in which counts neither overflow nor lose digits."""
    clean, triggered = (as_numbers("x and x_triggered", array).astype(np.float64) for array in (x, x_triggered))
    if clean.shape != triggered.shape or clean.size == 0:
        got = f"{clean.shape} and {triggered.shape}"
        raise ValueError(f"expected two arrays of one shape with at least one element, got shapes {got}")
    for array in (clean, triggered):
        check_finite("x and x_triggered", np.atleast_1d(array))
    return clean, triggered
