"""A data set as every loader returns it: both splits, and the facts needed to use them."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from art_snn._arrays import as_numbers, is_stream
from art_snn._layouts import check_frames, check_image_batch
from art_snn._validation import check_same_length, class_indices
from art_snn.events import stack_streams
from art_snn.typing import Array, Indices


@dataclass(frozen=True, eq=False)
class Dataset:
    """Training and test samples of one data set with their class indices.

    It also takes tensors, lists of streams and one-hot labels, and keeps them as arrays and class indices.

    Args:
        x_train: Images (N, C, H, W), frames (N, T, 2, H, W), or an object array (N,) of event streams.
        y_train: Class indices (N,), int64.
        x_test: Test samples, in the form of `x_train`.
        y_test: Class indices of the test samples, (N,), int64.
        classes: Name of each class, in the order of the indices.
        clip_values: Lowest and highest value of an image; None for counts and events.
        sensor_size: Width and height in pixels and 2 polarities of an event camera; None for images.
        title: Name of the data in tables and pictures, which says so if they are simulated.

    Raises:
        TypeError: If samples are neither numbers nor event streams, or labels no numbers.
        ValueError: If samples have another layout, the two splits differ in the shape of a sample, or samples and
            labels do not fit each other or the classes.
    """

    x_train: Array
    y_train: Indices
    x_test: Array
    y_test: Indices
    classes: tuple[str, ...]
    clip_values: tuple[float, float] | None = None
    sensor_size: tuple[int, int, int] | None = None
    title: str = ""

    def __post_init__(self) -> None:
        for split in ("train", "test"):
            x, y = _samples(f"x_{split}", getattr(self, f"x_{split}")), getattr(self, f"y_{split}")
            check_same_length(f"x_{split}", x, f"y_{split}", y)
            object.__setattr__(self, f"x_{split}", x)
            object.__setattr__(self, f"y_{split}", class_indices(y, len(self.classes)))
        train, test = self.x_train, self.x_test
        if (train.dtype == object, train.shape[1:]) != (test.dtype == object, test.shape[1:]):
            raise ValueError(f"expected x_test like x_train, got shapes {test.shape} and {train.shape}")


def _samples(name: str, x: Any) -> Array:
    """Images, frames or streams as an array."""
    is_collection = isinstance(x, list | tuple) or (isinstance(x, np.ndarray) and x.dtype == object and x.ndim == 1)
    if is_collection and all(map(is_stream, x)):
        return stack_streams(x)
    samples = as_numbers(name, x)
    check = check_frames if samples.ndim == 5 else check_image_batch
    check(name, samples)
    return samples
