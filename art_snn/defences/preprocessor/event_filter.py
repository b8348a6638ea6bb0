"""What filters of events have in common, on frames and on streams."""

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
    """Erases events: an ART preprocessor for frames; on streams by `on_events`, which each filter has.

    ART lets a classifier have one such filter; frames can pass several one by one before.

    Args:
        apply_fit: Whether a classifier that has this filter applies it in training.
        apply_predict: Whether it applies it in prediction.
    """

    needs_frames = True
    _data = frozenset({"apply_fit", "apply_predict"})

    def __init__(self, apply_fit: bool = True, apply_predict: bool = True) -> None:
        super().__init__(is_fitted=True, apply_fit=apply_fit, apply_predict=apply_predict)

    def __call__(self, x: Frames, y: Any = None) -> tuple[Frames, Any]:
        """New frames with the same shape and dtype, and the labels as they are.

        Args:
            x: Frames (N, T, 2, H, W), an array or a tensor, as what they come back; left alone. NaN stays NaN.
            y: Anything.

        Raises:
            ValueError: If the frames have another layout.
            TypeError: If they are no numbers.
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
        """A copy of a classifier that filters what it is to predict, or to be trained on.

        Args:
            classifier: For frames, without another such defence; not changed.

        Raises:
            ValueError: If it has a preprocessing defence already.
        """
        if classifier.preprocessing_defences:
            raise ValueError(f"expected no other preprocessing defence, got {classifier.preprocessing_defences}")
        filtering = rule_of(classifier).copied().classifier
        filtering.set_params(preprocessing_defences=[self])
        return filtering

    @abc.abstractmethod
    def _keeps(self, events: Mask) -> Mask:
        """Where events stay, broadcasting to the shape of `events`: whether there are any, (N, T, 2, H, W)."""


def recent(events: Mask, first: int, last: int) -> Mask:
    """Whether there were events between `first` and `last` bins ago, both included; time is the second axis."""
    found = np.zeros_like(events)
    for lag in range(first, min(last, events.shape[1] - 1) + 1):
        found[:, lag:] |= events[:, : events.shape[1] - lag]
    return found


def filtered_streams(
    events: Events | Iterable[Events], keep: Callable[[Events], Array], sensor_size: SensorSize | None = None
) -> Events:
    """New streams of those events that a function of one stream finds worth keeping.

    Args:
        events: One stream, or an object array (N,) of streams.
        keep: From a stream to a mask or to row numbers.
        sensor_size: Width and height in pixels, where they are known.

    Raises:
        TypeError: If these are no streams.
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
    """A stream as tonic's functions take it, which begins at `first_us`, with a field that says which row is which.

    >>> stream = np.zeros(2, [("t", "i8"), ("x", "i2"), ("y", "i2"), ("p", "?")])
    >>> with_row_numbers(stream, 5)["t"].tolist()
    [5, 5]
    """
    numbered = np.empty(len(stream), [(field, np.int64) for field in ("x", "y", "t", "row")])
    numbered["x"], numbered["y"], numbered["row"] = stream["x"], stream["y"], np.arange(len(stream))
    numbered["t"] = stream["t"].astype(np.int64) - int(stream["t"][0]) + first_us
    return numbered
