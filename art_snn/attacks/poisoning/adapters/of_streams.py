"""How an attack on frames changes event streams: each gets exactly the counts that its frames are to have."""

from typing import Any, NamedTuple, Self

import numpy as np

from art_snn.attacks.poisoning._event_counts import check_keeps_bins, each_with_counts
from art_snn.attacks.poisoning.backdoor import TriggerBackdoor
from art_snn.events import SensorSize, SplitBy, Window, bin_borders, to_frames
from art_snn.typing import Array, Events, Frames


class Binning(NamedTuple):
    """How streams are binned, as in `TriggerBackdoor`."""

    sensor_size: SensorSize
    n_bins: int
    split_by: SplitBy
    window: Window | None

    @classmethod
    def of(cls, backdoor: Any) -> Self:
        """The binning for which a backdoor was made.

        Raises:
            TypeError: If it is no `TriggerBackdoor`.
            ValueError: If it does not say how, or cuts bins by "count", which events that come or go would move.
        """
        if not isinstance(backdoor, TriggerBackdoor):
            raise TypeError(f"expected a TriggerBackdoor as the backdoor of an attack on event streams, got {backdoor}")
        if backdoor.sensor_size is None or backdoor.n_bins is None:
            raise ValueError(
                f"expected a TriggerBackdoor with sensor_size and n_bins for event streams, got "
                f"sensor_size={backdoor.sensor_size}, n_bins={backdoor.n_bins}"
            )
        check_keeps_bins(backdoor.split_by)
        return cls(backdoor.sensor_size, backdoor.n_bins, backdoor.split_by, backdoor.window)

    def frames(self, streams: Events) -> Frames:
        """The counts of streams (N,), as (N, T, 2, H, W), float32."""
        frames = to_frames(streams, self.sensor_size, self.n_bins, self.split_by, window=self.window, dtype=np.int32)
        return frames.astype(np.float32)

    def recounted(self, streams: Events, frames: Frames) -> Events:
        """Streams (N,) that bin to other frames.

        Where bins are of each stream's own recording, its first and its last event stay, as these say where bins lie.
        """
        if self.window is None:
            frames = np.stack([self._with_ends(*one) for one in zip(streams, frames, strict=True)])
        return each_with_counts(streams, frames, self.sensor_size, self.split_by, self.window)

    def _with_ends(self, stream: Events, counts: Array) -> Array:
        """Counts with at least one event where the first and the last one lie."""
        borders, wanted = bin_borders(stream, self.n_bins, self.split_by), counts.copy()
        for number in {0, len(stream) - 1}:
            place = int(np.searchsorted(borders, number, side="right")) - 1
            if 0 <= place < self.n_bins:
                cell = (place, *(int(stream[name][number]) for name in "pyx"))
                wanted[cell] = max(wanted[cell], 1)
        return wanted
