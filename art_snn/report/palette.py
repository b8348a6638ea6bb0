"""Colours that have a contrast of 4.5 : 1 to their background, and differ in brightness where in meaning."""

import numpy as np

from art_snn.typing import Array

CONTRAST = 4.5  # to 1: what text and signs need, WCAG 2.1, 1.4.3
CLEAN, POISON = "#0072b2", "#d55e00"
_LINEAR_BELOW, _LUMINANCE = 0.04045, (0.2126, 0.7152, 0.0722)  # of sRGB


def _colour(code: str) -> Array:
    return np.array([int(code[start : start + 2], 16) / 255 for start in (1, 3, 5)])


BACKGROUND, LIGHT, OUTLINE = map(_colour, ("#000000", "#ffffff", "#00e0e0"))
# From a single event to many: whatever the counts are, OFF is darker than ON, and ON than both
OFF = _colour("#2f7fc1"), _colour("#5aa2e0")
ON = _colour("#f0a500"), _colour("#ffd35c")
BOTH = _colour("#f4e4f4"), LIGHT
CHANGE = _colour("#777777"), LIGHT  # of an image, from the smallest to the largest


def luminance(colours: Array) -> Array:
    """Relative luminance in [0, 1] of colours (..., 3) in [0, 1].

    Source: WCAG 2.1, https://www.w3.org/TR/WCAG21/#dfn-relative-luminance.

    >>> luminance(np.array([[0.0, 0, 0], [1, 1, 1]])).round(6).tolist()
    [0.0, 1.0]
    """
    colours = np.asarray(colours, np.float64)
    linear: Array = np.where(colours <= _LINEAR_BELOW, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    relative: Array = linear @ np.array(_LUMINANCE)
    return relative


def contrast(one: Array, other: Array) -> Array:
    """Contrast ratio, from 1 to 21, of colours (..., 3) in [0, 1]; it is the same both ways.

    Source: WCAG 2.1, https://www.w3.org/TR/WCAG21/#dfn-contrast-ratio.

    >>> round(float(contrast(BACKGROUND, LIGHT)), 6)
    21.0
    """
    pair = np.stack(np.broadcast_arrays(luminance(one), luminance(other))) + 0.05
    ratio: Array = pair.max(axis=0) / pair.min(axis=0)
    return ratio


def ramp(levels: Array, ends: tuple[Array, Array]) -> Array:
    """Colours (..., 3) between two, for levels (...) in [0, 1]; levels beyond take the nearer end."""
    share = np.clip(levels, 0, 1)[..., None]
    colours: Array = (1 - share) * ends[0] + share * ends[1]
    return colours
