"""What a trigger does to a sample: pictures, without any training."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from art_snn.attacks.poisoning import FrameTrigger
from art_snn.data import Dataset
from art_snn.events import to_frames
from art_snn.experiment.building import make_dataset, make_trigger, streams
from art_snn.experiment.spec import Experiment
from art_snn.typing import Array

N_IMAGES = 8


@dataclass(frozen=True)
class Shown:
    """Samples of a data set with and without a trigger.

    Args:
        title: Names of data set and trigger.
        rows: By what was done to them: the T time bins of one recording, (T, 2, H, W), or N images, (N, C, H, W).
    """

    title: str
    rows: dict[str, Array]


def show_trigger(spec: Experiment) -> Shown:
    """Clean, triggered, their difference, and for event data the trigger inserted into the events, then binned.

    Of recordings the training set is read only where the trigger is fitted on it.

    Args:
        spec: Experiment, of which data and trigger count.

    Raises:
        ValueError: If the trigger does not fit the data.
        FileNotFoundError: If a file of the data set is missing.
    """
    trigger: Any = make_trigger(spec)
    if trigger.needs_fitting:
        trigger = trigger.fit(_load(spec).x_train)
    dataset = _load(spec, **({"form": "events", "limit": 1} if spec.data.is_neuromorphic else {}))
    if dataset.sensor_size is None or not isinstance(trigger, FrameTrigger):
        clean = dataset.x_test[:N_IMAGES]
        return Shown(f"{dataset.title}, {trigger}", _beside(clean, trigger(clean)))
    options = spec.data.parameters("name")
    stream, binning = dataset.x_test[0], {name: options[name] for name in ("n_bins", "split_by")}
    is_saturated = bool(options.get("saturate"))
    inserted = trigger.on_events(stream, dataset.sensor_size, **binning)
    clean, as_events = (
        to_frames(events, dataset.sensor_size, saturate=is_saturated, **binning) for events in (stream, inserted)
    )
    return Shown(f"{dataset.title}, {trigger}", _beside(clean, trigger(clean)) | {"as events": as_events})


def _load(spec: Experiment, **options: Any) -> Dataset:
    """The data with the split of every other run of this spec."""
    return make_dataset(spec, streams(spec).split, **options)


def _beside(clean: Array, triggered: Array) -> dict[str, Array]:
    difference = np.abs(triggered.astype(np.float32) - clean)
    return {"clean": clean, "triggered": triggered, "difference": difference}
