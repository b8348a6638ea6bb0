"""How visible a trigger is in images and frames: the distance between clean and triggered arrays."""

import math

import numpy as np
from skimage.metrics import mean_squared_error, structural_similarity

from art_snn._arrays import as_numbers
from art_snn._layouts import is_channels_last
from art_snn._validation import check_at_least, check_finite, check_positive
from art_snn.typing import Array


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
    error = mse(x, x_triggered)
    if error == 0:
        return math.inf
    return 10 * math.log10((data_range or _range(*_pair(x, x_triggered))) ** 2 / error)


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
    return float(np.mean([_ssim(a, b, data_range, window) for a, b in zip(clean, triggered, strict=True)]))


def _ssim(clean: Array, triggered: Array, data_range: float | None, window: int) -> float:
    """The mean over the planes of one pair of samples."""
    spread = data_range or _range(clean, triggered)
    planes = clean.reshape(-1, *clean.shape[-2:]), triggered.reshape(-1, *triggered.shape[-2:])
    return float(structural_similarity(*planes, data_range=spread, win_size=window, channel_axis=0))


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


def _range(clean: Array, triggered: Array) -> float:
    highest = max(0.0, clean.max(), triggered.max())
    lowest = min(0.0, clean.min(), triggered.min())
    return float(highest - lowest) or 1.0  # all zero: any range gives the same result
