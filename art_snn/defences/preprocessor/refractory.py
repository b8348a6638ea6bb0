"""Filter of the refractory period: a pixel that has just fired cannot fire again."""

from collections.abc import Iterable

import numpy as np
from tonic.functional import refractory_period_numpy

from art_snn._declared import Count
from art_snn._validation import check_at_least
from art_snn.defences.preprocessor.event_filter import EventFilter, filtered_streams, recent, with_row_numbers
from art_snn.typing import Events, Indices, Mask


class RefractoryFilter(EventFilter):
    """Erase events at pixels with a recent event of either polarity, even if that event was erased too.

    A pixel that fires in every bin, as those of a static trigger do, keeps its first event only.

    Args:
        period: Earlier time bins that count as recent, at least 1. Events of one bin do not erase each other, because
            their order is unknown.
        apply_fit: Whether a classifier applies the filter in training.
        apply_predict: Whether a classifier applies the filter in prediction.

    Source: as tonic's `RefractoryPeriod`, https://tonic.readthedocs.io; as a defence Marchisio et al., DVS-Attacks,
    2021, https://arxiv.org/abs/2107.00415.

    >>> frames = np.array([1, 2, 0, 1], np.uint8).reshape(1, 4, 1, 1, 1).repeat(2, axis=2)
    >>> RefractoryFilter()(frames)[0][0, :, 0, 0, 0]
    array([1, 0, 0, 1], dtype=uint8)
    """

    def __init__(self, period: Count = 1, apply_fit: bool = True, apply_predict: bool = True) -> None:
        super().__init__(apply_fit, apply_predict)
        self.period = period
        self._check_params()

    def on_events(self, events: Events | Iterable[Events], *, period_us: int = 1_000) -> Events:
        """New streams without events at pixels that had one within the last `period_us` µs.

        Args:
            events: One stream with fields x, y, t, p, sorted by time, or an object array (N,) of streams.
            period_us: Refractory period in microseconds, at least 1.
        """
        check_at_least("period_us", period_us, 1)

        def keep(stream: Events) -> Indices:
            # tonic counts each pixel as having fired at -period_us, so no event may be at 0
            rows: Indices = refractory_period_numpy(with_row_numbers(stream, first_us=1), period_us)["row"]
            return rows

        return filtered_streams(events, keep)

    def _keeps(self, events: Mask) -> Mask:
        fired: Mask = np.any(events, axis=2, keepdims=True)
        kept: Mask = ~recent(fired, 1, self.period)
        return kept
