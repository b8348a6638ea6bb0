"""The base class of event filters, on frames and on streams."""

import abc
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from art.defences.preprocessor import Preprocessor
from art.estimators.classification import PyTorchClassifier

from art_snn._arrays import as_numbers, is_tensor, like_tensor
from art_snn._layouts import check_frames
from art_snn._parameters import Parameters
from art_snn.estimators.classification import rule_of
from art_snn.events import SensorSize, check_events, is_stream, streams_of
from art_snn.typing import Array, Events, Frames, Mask

_SAMPLES_AT_ONCE = 64  # so that no mask of the size of all frames is made


class EventFilter(Parameters, Preprocessor, abc.ABC):
    """Preprocessor of ART's that erases events from frames; each filter's `on_events` does so for streams.

    A classifier of ART's has at most one such filter. To apply several, call them on the frames one after the other.

    Args:
        apply_fit: Whether a classifier applies the filter in training.
        apply_predict: Whether a classifier applies the filter in prediction.
    """

    needs_frames = True
    _data = frozenset({"apply_fit", "apply_predict"})

    def __init__(self, apply_fit: bool = True, apply_predict: bool = True) -> None:
        super().__init__(is_fitted=True, apply_fit=apply_fit, apply_predict=apply_predict)

    def __call__(self, x: Frames, y: Any = None) -> tuple[Frames, Any]:
        """Filtered copies of frames, and the labels unchanged.

        Args:
            x: Frames (N, T, 2, H, W), an array or a tensor; the result is of the same type. NaN stays NaN.
            y: Labels, which may be anything.

        Raises:
            ValueError: If the frames have another layout.
            TypeError: If the frames are not numbers.
        """
        frames = as_numbers("frames", x)
        check_frames("frames", frames)
        filtered = self._filtered(frames)
        return like_tensor(filtered, x) if is_tensor(x) else filtered, y

    def _filtered(self, x: Frames) -> Frames:
        filtered = x.copy()
        for start in range(0, len(x), _SAMPLES_AT_ONCE):
            some = filtered[start : start + _SAMPLES_AT_ONCE]
            some *= self._keeps(some > 0)
        return filtered

    def on_classifier(self, classifier: PyTorchClassifier) -> PyTorchClassifier:
        """A copy of a classifier that filters its input.

        Args:
            classifier: Classifier of frames without a preprocessing defence; it is not changed.

        Raises:
            ValueError: If the classifier has a preprocessing defence already.
        """
        if classifier.preprocessing_defences:
            raise ValueError(f"expected no other preprocessing defence, got {classifier.preprocessing_defences}")
        filtering = rule_of(classifier).copied().classifier
        filtering.set_params(preprocessing_defences=[self])
        return filtering

    @abc.abstractmethod
    def _keeps(self, events: Mask) -> Mask:
        """Mask, which broadcasts to (N, T, 2, H, W), of the events to keep; `events` says where there are any."""


def recent(events: Mask, first: int, last: int) -> Mask:
    """Whether there were events `first` to `last` bins ago, both included; time is the second axis."""
    found = np.zeros_like(events)
    for lag in range(first, min(last, events.shape[1] - 1) + 1):
        found[:, lag:] |= events[:, : events.shape[1] - lag]
    return found


def filtered_streams(
    events: Events | Iterable[Events], keep: Callable[[Events], Array], sensor_size: SensorSize | None = None
) -> Events:
    """New streams of the events that `keep` selects.

    Args:
        events: One stream, or an object array (N,) of streams.
        keep: Function from a stream to a mask or to row numbers.
        sensor_size: Width and height in pixels, if known.

    Raises:
        TypeError: If `events` holds anything but streams.
        ValueError: If a stream breaks a rule of `check_events`.
    """
    streams = streams_of(events)
    for stream in streams:
        check_events(stream, sensor_size)
    filtered = np.empty(len(streams), object)
    for row, stream in enumerate(streams):
        filtered[row] = stream[keep(stream)] if len(stream) else stream.copy()
    return filtered[0] if is_stream(events) else filtered


def with_row_numbers(stream: Events, first_us: int) -> Events:
    """A stream for tonic's functions that begins at `first_us`, with the row numbers in the field `row`.

    >>> stream = np.zeros(2, [("t", "i8"), ("x", "i2"), ("y", "i2"), ("p", "?")])
    >>> with_row_numbers(stream, 5)["t"].tolist()
    [5, 5]
    """
    numbered = np.empty(len(stream), [(field, np.int64) for field in ("x", "y", "t", "row")])
    numbered["x"], numbered["y"], numbered["row"] = stream["x"], stream["y"], np.arange(len(stream))
    numbered["t"] = stream["t"].astype(np.int64) - int(stream["t"][0]) + first_us
    return numbered
