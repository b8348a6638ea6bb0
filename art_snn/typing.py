"""Names for the arrays that cross the package's borders."""

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Images = npt.NDArray[Any]  # (N, C, H, W), float32 or uint8
Frames = npt.NDArray[Any]  # (N, T, 2, H, W): channel 0 OFF, 1 ON; counts
Events = npt.NDArray[Any]  # (N,) objects: one structured array with fields x, y, t, p a sample; or one such array
Labels = npt.NDArray[Any]  # class indices (N,), or one-hot (N, K)
Indices = npt.NDArray[np.int64]  # class indices or row numbers, (N,)
Mask = npt.NDArray[np.bool_]  # (N,)


class Trigger(Protocol):
    """A function from clean samples to triggered ones: new arrays of the same shape and dtype."""

    def __call__(self, x: Array) -> Array: ...
