"""Pictures of samples and triggers."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from art_snn.evaluations.answers import NONE
from art_snn.experiment import Examples, Shown
from art_snn.report.grid import Grid, Sign
from art_snn.report.palette import BOTH, OFF, ON
from art_snn.report.panels import LINE, Strip, sign_of, strips_of, zoom_for
from art_snn.report.trigger_words import trigger_in_words
from art_snn.typing import Indices, Mask

MAX_COLUMNS = 16
_WIDEST = 2600  # pixels of the panels of one row together


def triggered_figure(examples: Examples, doubts: str = "") -> Figure:
    """Clean samples, triggered ones and the difference, with what each backdoored model takes them for.

    Of frames each sample is shown in one time bin, the busiest in which the trigger writes.

    Args:
        examples: The samples.
        doubts: A line for beneath the title, which says of which models one should think twice.
    """
    samples = {"clean": examples.clean, "triggered": examples.triggered}
    mask, n, times = examples.mask, len(examples.labels), [""] * len(examples.labels)
    if mask.ndim == 4:
        bins, n_bins = _busiest_bins(examples), mask.shape[1]
        samples = {name: x[np.arange(n), bins] for name, x in samples.items()}
        mask, times = mask[np.arange(n), bins], [f"\nbin {frame} of {n_bins}" for frame in bins]
    strips = strips_of(samples, mask)
    return Grid(
        "\n".join(["Predictions of the backdoored models", *([doubts] if doubts else [])]),
        [[strip.panel(i) for i in range(n)] for strip in strips],
        [name_of(strip) for strip in strips],
        [f"true class {label}{time}" for label, time in zip(examples.labels, times, strict=True)],
        [_predictions(examples, 0), _predictions(examples, 1), []],
        key_of(strips),
    ).figure()


def _predictions(examples: Examples, state: int) -> list[str]:
    """What the models say of the clean (0) or the triggered samples (1)."""
    models = examples.predicted.items()
    return [
        "\n".join(f"{model}: {_said(classes[state, i])}" for model, classes in models)
        for i in range(len(examples.labels))
    ]


def _busiest_bins(examples: Examples) -> Indices:
    """Of each sample the time bin with the most events, of those in which the trigger writes where it does, (n,)."""
    is_written = np.asarray(examples.mask.any(axis=(2, 3)))
    is_written |= ~np.asarray(is_written.any(axis=1))[:, None]
    n_events = examples.clean.sum(axis=(2, 3, 4), dtype=np.int64)
    busiest: Indices = np.where(is_written, n_events, -1).argmax(axis=1)
    return busiest


def _said(label: int) -> str:
    """The class, or that there is none, where logits are not finite."""
    return "no class" if label == NONE else str(label)


def trigger_sheet(shown: Shown, most_columns: int = MAX_COLUMNS) -> Figure:
    """Samples without and with a trigger, a row each, time bins (or images) side by side.

    Of more time bins those are shown in which the trigger writes, at even distances where these are too many.

    Args:
        shown: What to draw.
        most_columns: Time bins (or images), at most; of sensors above 160 pixels fewer than sixteen.
    """
    strips = strips_of(shown.rows, shown.touched, shown.masks)
    width = shown.touched.shape[-1] * zoom_for(*shown.touched.shape[1:]) + 2 * LINE
    chosen = chosen_bins(shown.touched, min(most_columns, max(4, _WIDEST // width)))
    return Grid(
        title_of(shown, chosen),
        [[strip.panel(i) for i in chosen] for strip in strips],
        [name_of(strip) for strip in strips],
        [head_of(shown, i) for i in chosen],
        [_numbers(strip, chosen) if shown.is_over_time and not strip.is_change else [] for strip in strips],
        key_of(strips),
    ).figure()


def title_of(shown: Shown, chosen: Indices) -> str:
    """What was done to which data, in words, and which time bins or images these are where they are not all."""
    words, n_bins = trigger_in_words(shown.trigger), len(shown.touched)
    title = f"{words[0].upper()}{words[1:]}\non {shown.data}"
    if len(chosen) == n_bins:
        return title
    if not shown.is_over_time:
        return f"{title}\n{len(chosen)} of {n_bins} images"
    return f"{title}\n{len(chosen)} of {n_bins} time bins: {_reason(shown.touched, chosen)}"


def head_of(shown: Shown, index: int) -> str:
    """Which image this is, or which time bin and when that was."""
    if not shown.is_over_time:
        return f"image {index + 1}"
    return f"bin {index}" + (f"\n{_span(*shown.times[index])}" if shown.times is not None else "")


def name_of(strip: Strip) -> str:
    """Name of a row; of a difference, whose scale is its own, with that."""
    return f"{strip.name}\n({strip.scale})" if strip.is_change else strip.name


def key_of(strips: Sequence[Strip]) -> list[Sign]:
    """What colours mean."""
    outline = sign_of(None), "where the trigger writes"
    if not strips[0].is_of_events:
        return [outline]
    states = (OFF, "OFF events"), (ON, "ON events"), (BOTH, f"both ({strips[0].scale})")
    return [*((sign_of(ends), meaning) for ends, meaning in states), outline]


def chosen_bins(touched: Mask, n: int) -> Indices:
    """At most `n` time bins, in order: those in which a trigger writes, then others, evenly spaced if too many."""
    if len(touched) <= n:
        return np.arange(len(touched))
    is_written = touched.any(axis=(1, 2))
    written, others = np.flatnonzero(is_written), np.flatnonzero(~is_written)
    return np.sort(np.concatenate([first := _spread(written, n), _spread(others, n - len(first))]))


def _numbers(strip: Strip, bins: Indices) -> list[str]:
    """How many events lie in each of these time bins: a trigger may move, add or erase some."""
    numbers = [int(n) for n in strip.samples[bins].sum(axis=(1, 2, 3), dtype=np.int64)]
    return [f"{n:,} event{'' if n == 1 else 's'}" for n in numbers]


def _spread(bins: Indices, n: int) -> Indices:
    """All bins, or `n` of them at even distances."""
    return bins if len(bins) <= n else bins[np.linspace(0, len(bins) - 1, n).round().astype(int)]


def _reason(touched: Mask, chosen: Indices) -> str:
    n_written, n_shown = int(touched.any(axis=(1, 2)).sum()), int(touched[chosen].any(axis=(1, 2)).sum())
    if n_written == 0:
        return "at even distances; the trigger writes in none"
    return f"{'all' if n_shown == n_written else n_shown} of the {n_written} in which the trigger writes" + (
        ", and others" if n_shown < len(chosen) else ", at even distances"
    )


def _span(start: float, stop: float) -> str:
    """From when to when, µs, in milliseconds.

    >>> _span(0, 12500), _span(120, 340)
    ('0–12.5 ms', '0.12–0.34 ms')
    """
    return f"{_short(start / 1000)}–{_short(stop / 1000)} ms"


def _short(milliseconds: float) -> str:
    return f"{milliseconds:.0f}" if milliseconds >= 100 else f"{milliseconds:.3g}"
