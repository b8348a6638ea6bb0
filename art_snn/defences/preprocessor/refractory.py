"""Filter of the refractory period: a pixel that has just had an event has none."""

from collections.abc import Iterable

import numpy as np
from tonic.functional import refractory_period_numpy

from art_snn._validation import check_at_least
from art_snn.defences.preprocessor.event_filter import EventFilter, filtered_streams, recent, with_row_numbers
from art_snn.typing import Events, Indices, Mask


class RefractoryFilter(EventFilter):
    """Erase events at pixels that had one, of either polarity, shortly before, whether that was erased or not.

    So a pixel that fires all the time, as a static trigger's do, is left its first event.

    Args:
        period: Time bins, from 1 up, that count as shortly before. Events of one bin, whose order is not known, do not
            erase each other.
        apply_fit: Whether a classifier that has this filter applies it in training.
        apply_predict: Whether it applies it in prediction.

    Source: as tonic's `RefractoryPeriod`, https://tonic.readthedocs.io; as a defence Marchisio et al., DVS-Attacks,
    2021, https://arxiv.org/abs/2107.00415.

    >>> frames = np.array([1, 2, 0, 1], np.uint8).reshape(1, 4, 1, 1, 1).repeat(2, axis=2)
    >>> RefractoryFilter()(frames)[0][0, :, 0, 0, 0]
    array([1, 0, 0, 1], dtype=uint8)
    """

    def __init__(self, period: int = 1, apply_fit: bool = True, apply_predict: bool = True) -> None:
        super().__init__(apply_fit, apply_predict)
        self.period = period
        self._check_params()

    def on_events(self, events: Events | Iterable[Events], *, period_us: int = 1_000) -> Events:
        """New streams without the events at pixels that had one within the last `period_us` µs.

        Args:
            events: One stream with fields x, y, t, p, in order of time, or an object array (N,) of streams.
            period_us: At least 1.
        """
        check_at_least("period_us", period_us, 1)

        def keep(stream: Events) -> Indices:
            # tonic takes each pixel to have fired at -period_us: no event may be as early as 0
            rows: Indices = refractory_period_numpy(with_row_numbers(stream, first_us=1), period_us)["row"]
            return rows

        return filtered_streams(events, keep)

    def _keeps(self, events: Mask) -> Mask:
        fired: Mask = np.any(events, axis=2, keepdims=True)
        kept: Mask = ~recent(fired, 1, self.period)
        return kept

    def _check_params(self) -> None:
        check_at_least("period", self.period, 1)
