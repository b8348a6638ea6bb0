"""What a trigger does to a sample: pictures, without any training."""

from dataclasses import dataclass

import numpy as np

from art_snn.attacks.poisoning import FrameTrigger
from art_snn.events import to_frames
from art_snn.experiment.parts import make_attack, make_dataset
from art_snn.experiment.spec import Experiment
from art_snn.typing import Array

N_IMAGES = 8


@dataclass(frozen=True)
class Shown:
    """Samples of a data set with and without a trigger.

    Args:
        title: Of data set and trigger.
        rows: By what was done to them: the T time bins of one recording, (T, 2, H, W), or N images, (N, C, H, W).
    """

    title: str
    rows: dict[str, Array]


def show_trigger(spec: Experiment) -> Shown:
    """Clean, triggered, their difference, and for event data the trigger inserted into the events, then binned.

    Args:
        spec: Of its fields those of data and trigger count.

    Raises:
        ValueError: If the trigger does not fit the data.
        FileNotFoundError: If a file of the data set is missing.
    """
    rng, rows = np.random.default_rng(spec.seed).spawn(2)
    dataset = make_dataset(spec, rng, **({"form": "events"} if spec.is_neuromorphic else {}))
    if dataset.sensor_size is None:
        clean = dataset.x_test[:N_IMAGES]
        trigger = make_attack(spec, dataset.x_train, rows).trigger
        return Shown(f"{dataset.title}, {trigger}", _beside(clean, trigger(clean)))
    sensor_size = dataset.sensor_size
    frames = to_frames(dataset.x_train, sensor_size, spec.n_bins, spec.split_by)
    trigger = make_attack(spec, frames, rows).trigger
    stream = dataset.x_test[0]
    clean = to_frames(stream, sensor_size, spec.n_bins, spec.split_by)
    shown = _beside(clean, trigger(clean))
    if isinstance(trigger, FrameTrigger):
        inserted = trigger.on_events(stream, sensor_size, n_bins=spec.n_bins, split_by=spec.split_by)
        shown["as events"] = to_frames(inserted, sensor_size, spec.n_bins, spec.split_by)
    return Shown(f"{dataset.title}, {trigger}", shown)


def _beside(clean: Array, triggered: Array) -> dict[str, Array]:
    difference = np.abs(triggered.astype(np.float32) - clean)
    return {"clean": clean, "triggered": triggered, "difference": difference}
