"""Detection by space and time: the events of some places come earlier, or later, than in other samples of a class."""

import numpy as np
from art.estimators.classification import PyTorchClassifier

from art_snn._declared import Count, Seed
from art_snn.defences.detector._outlier_limits import FalseAlarmRate
from art_snn.defences.detector.event_profile import EventProfileDetector
from art_snn.events import SensorSize, SplitBy
from art_snn.typing import Array, Frames, Labels


class SpaceTimeDefence(EventProfileDetector):
    """Compare where events come early and where late with the other samples of the class.

    A profile holds, for each cell of a grid over the sensor and each polarity, the covariance between lying there and
    the time bin: the share of the sample's events in the cell times how much later than the sample's mean they come.
    That is 0 for a cell without events, needs neither images nor a network, and sees what keeps the events of each
    pixel and of each time bin ("exchange" of `RetimingTrigger`). By construction invisible is what moves all events by
    the same time, as `EventMassDefence` sees, and trades of times within a cell.

    Args:
        grid: Cells along each side of the sensor, at most its pixels. More cells see smaller regions, and each of them
            through more noise.

    Further arguments, and errors: `art_snn.defences.detector.event_profile.EventProfileDetector`.

    Source: ours.
    """

    def __init__(
        self,
        classifier: PyTorchClassifier,
        x_train: Array,
        y_train: Labels,
        x_reference: Array | None = None,
        y_reference: Labels | None = None,
        *,
        false_acceptance_rate: FalseAlarmRate = 0.01,
        significance: FalseAlarmRate = 0.01,
        grid: Count = 2,
        sensor_size: SensorSize | None = None,
        n_bins: int | None = None,
        split_by: SplitBy = "time",
        batch_size: Count = 128,
        seed: Seed = 0,
    ) -> None:
        self.grid = grid
        super().__init__(
            classifier,
            x_train,
            y_train,
            x_reference,
            y_reference,
            false_acceptance_rate=false_acceptance_rate,
            significance=significance,
            sensor_size=sensor_size,
            n_bins=n_bins,
            split_by=split_by,
            batch_size=batch_size,
            seed=seed,
        )

    def _profiles(self, frames: Frames) -> Array:
        cells = frames.astype(np.float64)
        for axis in (3, 4):
            borders = np.arange(self.grid) * frames.shape[axis] // self.grid
            cells = np.add.reduceat(cells, borders, axis=axis)
        shares = cells / np.maximum(cells.sum(axis=(1, 2, 3, 4), keepdims=True), 1)
        times = np.arange(frames.shape[1], dtype=np.float64)
        late = times - (shares.sum(axis=(2, 3, 4)) @ times)[:, None]
        covariances: Array = (shares * late[:, :, None, None, None]).sum(axis=1).reshape(len(frames), -1)
        return covariances

    def _check_params(self) -> None:
        super()._check_params()
        side = min(self.x_train.shape[-2:] if self._binning is None else self._binning[0][:2])
        if self.grid > side:
            raise ValueError(f"expected grid to be at most the {side} pixels of the sensor's side, got {self.grid}")
