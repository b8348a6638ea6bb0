"""Whether a trigger that was planted in frames of one binning works as events, in other binnings, and after filters."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import tonic.transforms
from art.estimators.classification import PyTorchClassifier

from art_snn._progress import progress
from art_snn._random import Rng, draw_seed, host_seed
from art_snn.attacks.poisoning import FrameTrigger, TriggerBackdoor
from art_snn.evaluations.combination import PoisonCombination
from art_snn.evaluations.training import Seeds, Step, check_fit_arguments, train_afresh
from art_snn.events import SensorSize, check_bins, to_frames
from art_snn.metrics import accuracy, attack_success_rate
from art_snn.typing import Array, Events, Frames, Labels

EventTransform = Callable[[Events], Events]

FILTERS: dict[str, EventTransform] = {
    "none": lambda events: events,
    "denoise, 10 ms": tonic.transforms.Denoise(filter_time=10_000),
    "refractory period, 1 ms": tonic.transforms.RefractoryPeriod(delta=1_000),
    "refractory period, 10 ms": tonic.transforms.RefractoryPeriod(delta=10_000),
    "drop half of the events": tonic.transforms.DropEvent(p=0.5),
    "time jitter, 5 ms": tonic.transforms.TimeJitter(std=5_000, clip_negative=True, sort_timestamps=True),
}


class Binning(NamedTuple):
    """How events become frames: T bins of equal count of events or of equal time."""

    n_bins: int
    split_by: Literal["count", "time"]


@dataclass(frozen=True, kw_only=True)
class TransferMatrix:
    """Attack success rates, in [0, 1], of models trained at B binnings; samples of the target class are left out.

    Args:
        binnings: The binnings, B.
        accuracy: Of each model on clean samples, (B,).
        floor: Of a model trained on clean frames, with the frame trigger, (B,).
        frames: With the frame trigger, (B,).
        events: Row: the model; column: the binning at whose bin centres the trigger's events were inserted, (B, B).
        filtered: By filter: success with events inserted at the model's own centres, then filtered, (B,).
        filtered_accuracy: By filter: accuracy on clean samples that were filtered, (B,).
    """

    binnings: tuple[Binning, ...]
    accuracy: Array
    floor: Array
    frames: Array
    events: Array
    filtered: dict[str, Array]
    filtered_accuracy: dict[str, Array]


def binning_transfer(
    attack: TriggerBackdoor,
    make_classifier: Callable[[Binning], PyTorchClassifier],
    train: tuple[Events, Labels],
    test: tuple[Events, Labels],
    sensor_size: SensorSize,
    binnings: Sequence[Binning],
    *,
    filters: Mapping[str, EventTransform] = FILTERS,
    seed: Rng = 0,
    verbose: bool = True,
    **fit_arguments: Any,
) -> TransferMatrix:
    """Train with a frame trigger at each binning; attack with events placed for each binning, and through filters.

    Args:
        attack: With a trigger that acts on frames and on events.
        make_classifier: An untrained classifier for frames of a binning.
        train: Event streams (N,) and their labels.
        test: Likewise.
        sensor_size: (W, H, 2), pixels.
        binnings: At least one; pairs (n_bins, split_by) will do.
        filters: Transforms of one stream, by name, such as tonic's.
        seed: Of weights, batches and filters that draw.
        verbose: Whether to show a progress bar.
        **fit_arguments: For every `fit`.

    Raises:
        ValueError: If there is no binning, or one is none; nothing has been trained then.
        TypeError: If the trigger acts not on events, or a `fit` argument is unknown.

    Source: ours; the question is raised by triggers written into frames, as in Abad et al., Sneaky Spikes, NDSS 2024,
    https://arxiv.org/abs/2302.06279, which no camera can record.
    """
    binnings = [Binning(*binning) for binning in binnings]
    trigger = _checked(attack, binnings, fit_arguments)
    weights, batches, drawing, host = (draw_seed(stream) for stream in np.random.default_rng(seed).spawn(4))
    rows = []
    for binning in progress(binnings, verbose=verbose, desc="binnings"):
        x = to_frames(train[0], sensor_size, *binning)
        poisoned = attack.poison_dataset(x, train[1])
        steps = Step(x, train[1]), Step(poisoned.x, poisoned.y)
        with host_seed(host):  # ART's own class draws from the global streams even to predict
            harmless, model = (
                _trained(make_classifier(binning), steps[0], step, Seeds(weights, batches), fit_arguments)
                for step in steps
            )
            on_test = _OnTest(model, binning, trigger, attack.target_class, *test, sensor_size)
            rows.append(on_test.row(harmless, binnings, filters, drawing))
    table = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    return TransferMatrix(
        binnings=tuple(binnings),
        **{name: table[name] for name in ("accuracy", "floor", "frames", "events")},
        filtered={name: table[f"attacked, {name}"] for name in filters},
        filtered_accuracy={name: table[f"clean, {name}"] for name in filters},
    )


def _checked(attack: TriggerBackdoor, binnings: Sequence[Binning], fit_arguments: Mapping[str, Any]) -> FrameTrigger:
    """The attack's trigger, if it acts on events, and there is something to do."""
    check_fit_arguments("binning_transfer", fit_arguments)
    if not isinstance(attack.trigger, FrameTrigger):
        raise TypeError(f"expected a trigger that acts on frames and on events, got {attack.trigger}")
    if not binnings:
        raise ValueError("expected at least one binning, got none")
    for binning in binnings:
        check_bins(*binning)
    return attack.trigger


def _trained(
    classifier: PyTorchClassifier, clean: Step, step: Step, seeds: Seeds, fit_arguments: Mapping[str, Any]
) -> PyTorchClassifier:
    return train_afresh(classifier, clean, step, PoisonCombination(), seeds, fit_arguments).final


@dataclass(frozen=True)
class _OnTest:
    """A model of one binning, and the test streams that it is asked about."""

    model: PyTorchClassifier
    binning: Binning
    trigger: FrameTrigger
    target_class: int
    streams: Events
    y: Labels
    sensor_size: SensorSize

    def row(
        self,
        harmless: PyTorchClassifier,
        binnings: Sequence[Binning],
        filters: Mapping[str, EventTransform],
        seed: int,
    ) -> dict[str, Any]:
        """The model's numbers, by name."""
        clean = self.binned(self.streams)
        trigger = self.trigger.for_set(clean)
        framed = trigger(clean)
        row: dict[str, Any] = {
            "accuracy": accuracy(self.y, self.model.predict(clean)),
            "floor": self.success(framed, harmless),
            "frames": self.success(framed),
            "events": [self.success(self.binned(self.with_trigger(trigger, placed))) for placed in binnings],
        }
        for name, transform in filters.items():
            attacked = _filtered(self.with_trigger(trigger, self.binning), transform, seed)
            row[f"attacked, {name}"] = self.success(self.binned(attacked))
            clean = self.binned(_filtered(self.streams, transform, seed))
            row[f"clean, {name}"] = accuracy(self.y, self.model.predict(clean))
        return row

    def binned(self, streams: Events) -> Frames:
        return to_frames(streams, self.sensor_size, *self.binning)

    def with_trigger(self, trigger: FrameTrigger, placed: Binning) -> Events:
        """The test streams with events inserted for frames of that binning."""
        return trigger.on_events(self.streams, self.sensor_size, n_bins=placed.n_bins, split_by=placed.split_by)

    def success(self, frames: Frames, model: PyTorchClassifier | None = None) -> float:
        return attack_success_rate(self.y, (model or self.model).predict(frames), self.target_class)


def _filtered(streams: Events, transform: EventTransform, seed: int) -> Events:
    """Each stream filtered; what tonic's transforms draw comes from the seed."""
    filtered = np.empty(len(streams), object)
    with host_seed(seed):
        for row, stream in enumerate(streams):
            filtered[row] = transform(stream.copy())
    return filtered
