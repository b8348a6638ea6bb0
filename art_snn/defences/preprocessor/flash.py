"""Filter of flashes: in no scene do most pixels of a sensor fire at once."""

from collections.abc import Iterable

import numpy as np

from art_snn._declared import FractionAboveZero
from art_snn._validation import check_at_least
from art_snn.defences.preprocessor.event_filter import EventFilter, filtered_streams
from art_snn.events import SensorSize, check_sensor_size
from art_snn.typing import Events, Mask


class FlashFilter(EventFilter):
    """Erase all events of a time bin in which too many pixels fire in one polarity.

    Args:
        share: Share of the sensor's pixels, in (0, 1], above which a bin is a flash. (In N-MNIST with 8 bins, no digit
            makes more than 0.2 of them fire.)
        apply_fit: Whether a classifier applies the filter in training.
        apply_predict: Whether a classifier applies the filter in prediction.

    Source: ours, against Riaño et al., Flashy Backdoor, 2024, https://arxiv.org/abs/2411.03022.

    >>> frames = np.zeros((1, 2, 2, 2, 2), np.uint8)
    >>> frames[0, 0, 1], frames[0, 1, 1, 0, 0] = 1, 1
    >>> FlashFilter()(frames)[0].sum(axis=(2, 3, 4))
    array([[0, 1]], dtype=uint64)
    """

    def __init__(self, share: FractionAboveZero = 0.5, apply_fit: bool = True, apply_predict: bool = True) -> None:
        super().__init__(apply_fit, apply_predict)
        self.share = share
        self._check_params()

    def on_events(
        self, events: Events | Iterable[Events], sensor_size: SensorSize, *, duration_us: int = 10_000
    ) -> Events:
        """New streams without the events of flashes, in time bins of `duration_us` µs from the first event on.

        Args:
            events: One stream with fields x, y, t, p, sorted by time, or an object array (N,) of streams.
            sensor_size: Width and height in pixels, (W, H) or (W, H, 2).
            duration_us: Length of a time bin in microseconds, at least 1.
        """
        check_at_least("duration_us", duration_us, 1)
        width, height, _ = check_sensor_size(sensor_size)

        def keep(stream: Events) -> Mask:
            bins = (stream["t"].astype(np.int64) - int(stream["t"][0])) // duration_us
            cells = np.ravel_multi_index((stream["y"], stream["x"]), (height, width))
            seen = np.unique(np.stack([bins, stream["p"], cells]), axis=1)[:2]
            (flashes, _), counts = np.unique(seen, axis=1, return_counts=True)
            kept: Mask = ~np.isin(bins, flashes[counts > self.share * height * width])
            return kept

        return filtered_streams(events, keep, sensor_size)

    def _keeps(self, events: Mask) -> Mask:
        is_flash = (events.mean((3, 4), keepdims=True) > self.share).any(2, keepdims=True)
        kept: Mask = ~is_flash
        return kept
