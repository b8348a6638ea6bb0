"""What a trigger does to a sample: pictures, without any training."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from art_snn.attacks.poisoning import NeuromorphicTrigger
from art_snn.data import Dataset
from art_snn.events import bin_borders, bin_times, recording_window, to_frames
from art_snn.experiment.building import fit_trigger, make_dataset, make_trigger, streams
from art_snn.experiment.spec import Experiment
from art_snn.experiment.touched import touched
from art_snn.typing import Array, Events, Mask, Trigger

N_IMAGES = 8
_MARK = "of the recording"  # name of a field


@dataclass(frozen=True, eq=False)
class Shown:
    """Samples of a data set without and with a trigger.

    Args:
        data: Name of the data set.
        trigger: The trigger, fitted where it needs that.
        rows: By what was done to them, first nothing: the T time bins of one recording, (T, 2, H, W), or N images,
            (N, C, H, W).
        touched: Pixels that the trigger writes, (T, H, W) or (N, H, W).
        times: When each time bin begins and ends, (T, 2), in µs after the recording's first event; None where nobody
            knows.
        masks: By row, the pixels that the trigger writes where these are others than in the triggered samples.
    """

    data: str
    trigger: Trigger
    rows: dict[str, Array]
    touched: Mask
    times: Array | None = None
    masks: dict[str, Mask] = field(default_factory=dict)

    @property
    def is_over_time(self) -> bool:
        """Whether these are time bins of one recording."""
        return self.times is not None or bool(next(iter(self.rows.values())).shape[1] == 2)


def show_trigger(spec: Experiment) -> Shown:
    """Clean and triggered samples, and for event data the trigger inserted into the events, then binned.

    Of recordings the training set is read only where the trigger is fitted on it, with a classifier of its
    own where it needs one.

    Args:
        spec: Experiment, of which data and trigger count.

    Raises:
        ValueError: If the trigger does not fit the data.
        FileNotFoundError: If a file of the data set is missing.
    """
    trigger: Any = make_trigger(spec)
    if trigger.needs_fitting:
        trigger = fit_trigger(spec, _load(spec), streams(spec))
    if not isinstance(trigger, NeuromorphicTrigger):
        return _without_events(spec, trigger)
    dataset = _load(spec, form="events", limit=1)
    sensor_size: Any = dataset.sensor_size
    options = spec.data.parameters("name")
    stream, binning = dataset.x_test[0], {name: options[name] for name in ("n_bins", "split_by")}
    is_saturated, window = bool(options.get("saturate")), recording_window(stream) if len(stream) else None
    marked = trigger.on_events(_marked(stream), sensor_size, window=window, **binning)
    clean, as_events = (
        to_frames(events, sensor_size, saturate=is_saturated, window=window, **binning) for events in (stream, marked)
    )
    triggered = trigger(clean)
    mask, rows = touched(trigger, clean, triggered), {"clean": clean, "triggered": triggered, "as events": as_events}
    masks = {"as events": _inserted(marked, mask, window=window, **binning)}
    return Shown(dataset.title, trigger, rows, mask, bin_times(stream, **binning), masks)


def _without_events(spec: Experiment, trigger: Trigger) -> Shown:
    """Images, or the frames of one recording, as triggers take them that write no events of their own."""
    is_recording = spec.data.is_neuromorphic
    dataset = _load(spec, **({"limit": 1} if is_recording else {}))
    clean = dataset.x_test[: 1 if is_recording else N_IMAGES]
    triggered = trigger(clean)
    mask = touched(trigger, clean, triggered)
    if is_recording:
        clean, triggered, mask = clean[0], triggered[0], mask[0]
    return Shown(dataset.title, trigger, {"clean": clean, "triggered": triggered}, mask)


def _marked(stream: Events) -> Events:
    """With a field that says of each event that it is of the recording; of inserted ones it is 0."""
    marked = np.ones(len(stream), [*((name, stream.dtype[name]) for name in ("x", "y", "t", "p")), (_MARK, np.uint8)])
    for name in ("x", "y", "t", "p"):
        marked[name] = stream[name]
    return marked


def _inserted(marked: Events, touched: Mask, **binning: Any) -> Mask:
    """Where new events lie, (T, H, W): bins of a count have moved by them. Without any, where events were erased."""
    new = np.flatnonzero(marked[_MARK] == 0)
    if not len(new):
        return touched
    mask = np.zeros_like(touched)
    bins = np.searchsorted(bin_borders(marked, **binning), new, side="right") - 1
    mask[bins.clip(0, len(mask) - 1), marked["y"][new], marked["x"][new]] = True
    return mask


def _load(spec: Experiment, **options: Any) -> Dataset:
    """The data with the split of every other run of this spec."""
    return make_dataset(spec, streams(spec).split, **options)
