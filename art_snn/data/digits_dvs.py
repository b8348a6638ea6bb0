"""Digits seen by a simulated event camera: neuromorphic data without a download."""

from typing import Literal

import numpy as np

from art_snn.data._recordings import balanced_rows, check_request
from art_snn.data.dataset import Dataset
from art_snn.data.digits import load_digits
from art_snn.data.simulated_sensor import SimulatedSensor
from art_snn.events import SplitBy, to_frames

SENSOR_SIZE = (20, 20, 2)  # 16x16 pixels that move over another 4


def load_digits_dvs(
    *,
    seed: int,
    n_bins: int = 16,
    split_by: SplitBy = "count",
    form: Literal["frames", "events"] = "frames",
    limit: int | None = None,
) -> Dataset:
    """Simulate scikit-learn's digits on a screen before a `SimulatedSensor` that moves three times in 315 ms.

    Args:
        seed: Seed of the split, which is that of the digits, and of the sensor's noise.
        n_bins: Number T of frames a sample.
        split_by: Rule that cuts the frames, see `events.to_frames`.
        form: "frames" for uint8 counts (N, T, 2, 20, 20), "events" for streams.
        limit: Most samples of each split, taken in turn from each class; None is all 1,347 and 450.

    Source: `load_digits` for the images, `SimulatedSensor` for the rest; in the manner of Orchard et al., Converting
    static image datasets to spiking neuromorphic datasets using saccades, 2015, https://doi.org/10.3389/fnins.2015.00437.
    """
    check_request(n_bins, split_by, form, limit, SENSOR_SIZE)
    digits = load_digits(seed=seed)
    train, test = balanced_rows(digits.y_train, limit), balanced_rows(digits.y_test, limit)
    streams = SimulatedSensor(seed=seed)(np.concatenate([digits.x_train[train], digits.x_test[test]]))
    x = streams if form == "events" else to_frames(streams, SENSOR_SIZE, n_bins, split_by)
    return Dataset(
        x[: len(train)],
        digits.y_train[train],
        x[len(train) :],
        digits.y_test[test],
        digits.classes,
        sensor_size=SENSOR_SIZE,
        title="digits before a simulated event camera",
    )
