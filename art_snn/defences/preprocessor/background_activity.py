"""Filter of background activity: an event without recent events in neighbouring pixels is noise."""

from collections.abc import Iterable

import numpy as np
from tonic.functional import denoise_numpy

from art_snn._declared import CountOrZero
from art_snn._validation import check_at_least
from art_snn.defences.preprocessor.event_filter import EventFilter, filtered_streams, recent, with_row_numbers
from art_snn.typing import Events, Indices, Mask


class BackgroundActivityFilter(EventFilter):
    """Erase events without a recent event, of either polarity, in one of the four neighbouring pixels.

    The filter erases noise and single hot pixels. Two or more adjacent pixels support each other and stay.

    Args:
        window: Earlier time bins that count as recent, from 0 up; the event's own bin always counts.
        apply_fit: Whether a classifier applies the filter in training.
        apply_predict: Whether a classifier applies the filter in prediction.

    Source: Delbruck, Frame-free dynamic digital vision, 2008 (the background activity filter); as a defence Marchisio
    et al., R-SNN, 2021, https://arxiv.org/abs/2109.00533.

    >>> frames = np.zeros((1, 1, 2, 1, 4), np.uint8)
    >>> frames[0, 0, 1, 0] = 3, 0, 1, 2
    >>> BackgroundActivityFilter()(frames)[0][0, 0, 1, 0]
    array([0, 0, 1, 2], dtype=uint8)
    """

    def __init__(self, window: CountOrZero = 1, apply_fit: bool = True, apply_predict: bool = True) -> None:
        super().__init__(apply_fit, apply_predict)
        self.window = window
        self._check_params()

    def on_events(self, events: Events | Iterable[Events], *, window_us: int = 10_000) -> Events:
        """New streams without events whose neighbouring pixels had none within the last `window_us` µs.

        Args:
            events: One stream with fields x, y, t, p, sorted by time, or an object array (N,) of streams.
            window_us: Microseconds that count as recent, at least 1.
        """
        check_at_least("window_us", window_us, 1)

        def keep(stream: Events) -> Indices:
            # tonic counts each pixel as active until window_us, so no event may be earlier
            rows: Indices = denoise_numpy(with_row_numbers(stream, first_us=window_us), window_us)["row"]
            return rows

        return filtered_streams(events, keep)

    def _keeps(self, events: Mask) -> Mask:
        fired: Mask = np.any(events, axis=2)
        active = recent(fired, 0, self.window)
        supported = np.zeros_like(active)
        supported[..., 1:, :] |= active[..., :-1, :]
        supported[..., :-1, :] |= active[..., 1:, :]
        supported[..., 1:] |= active[..., :-1]
        supported[..., :-1] |= active[..., 1:]
        return supported[:, :, None]
