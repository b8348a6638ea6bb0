"""What every loader returns: both splits of one data set, and what one needs to know to use them."""

from dataclasses import dataclass

from art_snn.typing import Array, Indices


@dataclass(frozen=True, eq=False)
class Dataset:
    """Training and test samples of one data set with their class indices.

    Args:
        x_train: Images (N, C, H, W), frames (N, T, 2, H, W), or an object array (N,) of event streams.
        y_train: Class indices (N,), int64.
        x_test: As `x_train`.
        y_test: As `y_train`.
        classes: Name of each class, in the order of the indices.
        clip_values: Lowest and highest value of an image; None for counts and events.
        sensor_size: Width and height in pixels and 2 polarities of an event camera; None for images.
        title: What the data are, for tables and pictures; it says so where they are simulated.
    """

    x_train: Array
    y_train: Indices
    x_test: Array
    y_test: Indices
    classes: tuple[str, ...]
    clip_values: tuple[float, float] | None = None
    sensor_size: tuple[int, int, int] | None = None
    title: str = ""
