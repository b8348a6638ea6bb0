"""Filter of background activity: an event that nothing happens beside is noise."""

from collections.abc import Iterable

import numpy as np
from tonic.functional import denoise_numpy

from art_snn._validation import check_at_least
from art_snn.defences.preprocessor.event_filter import EventFilter, filtered_streams, recent, with_row_numbers
from art_snn.typing import Events, Indices, Mask


class BackgroundActivityFilter(EventFilter):
    """Erase events of which none of the four pixels beside had one shortly before, of either polarity.

    It takes single hot pixels and noise. A patch of two pixels or more supports itself and stays.

    Args:
        window: Time bins, from 0 up, that count as shortly before; the event's own bin counts in any case.
        apply_fit: Whether a classifier that has this filter applies it in training.
        apply_predict: Whether it applies it in prediction.

    Source: Delbruck, Frame-free dynamic digital vision, 2008 (the background activity filter); as a defence Marchisio
    et al., R-SNN, 2021, https://arxiv.org/abs/2109.00533.

    >>> frames = np.zeros((1, 1, 2, 1, 4), np.uint8)
    >>> frames[0, 0, 1, 0] = 3, 0, 1, 2
    >>> BackgroundActivityFilter()(frames)[0][0, 0, 1, 0]
    array([0, 0, 1, 2], dtype=uint8)
    """

    def __init__(self, window: int = 1, apply_fit: bool = True, apply_predict: bool = True) -> None:
        super().__init__(apply_fit, apply_predict)
        self.window = window
        self._check_params()

    def on_events(self, events: Events | Iterable[Events], *, window_us: int = 10_000) -> Events:
        """New streams without the events that nothing happened beside within the last `window_us` µs.

        Args:
            events: One stream with fields x, y, t, p, in order of time, or an object array (N,) of streams.
            window_us: At least 1.
        """
        check_at_least("window_us", window_us, 1)

        def keep(stream: Events) -> Indices:
            # tonic takes each pixel for active until window_us: no event may be as early as that
            rows: Indices = denoise_numpy(with_row_numbers(stream, first_us=window_us), window_us)["row"]
            return rows

        return filtered_streams(events, keep)

    def _keeps(self, events: Mask) -> Mask:
        fired: Mask = np.any(events, axis=2)
        active = recent(fired, 0, self.window)
        beside = np.zeros_like(active)
        beside[..., 1:, :] |= active[..., :-1, :]
        beside[..., :-1, :] |= active[..., 1:, :]
        beside[..., 1:] |= active[..., :-1]
        beside[..., :-1] |= active[..., 1:]
        return beside[:, :, None]

    def _check_params(self) -> None:
        check_at_least("window", self.window, 0)
