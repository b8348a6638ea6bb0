"""Whether a trigger that was planted in frames of one binning works as events, in other binnings, and after filters."""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
import tonic.transforms
from art.estimators.classification import PyTorchClassifier

from art_snn._progress import progress
from art_snn._random import Rng, draw_seed, host_seed
from art_snn._validation import class_indices
from art_snn.attacks.poisoning import NeuromorphicTrigger, TriggerBackdoor
from art_snn.estimators.classification import TrainingData
from art_snn.evaluations.answers import Answers, Exam, Pair, ask
from art_snn.evaluations.doubts import (
    Doubt,
    Doubts,
    OnDoubt,
    check_on_doubt,
    fall_doubts,
    floor_doubts,
    heed,
    is_invalid,
    model_doubts,
    pair_doubts,
    poison_doubts,
    sample_doubts,
    united,
)
from art_snn.evaluations.figures import FIGURE
from art_snn.evaluations.samples import poisoned
from art_snn.evaluations.training import Seeds, TrainingPlan, check_fit_arguments, train_afresh
from art_snn.events import SensorSize, check_bins, check_sensor_size, to_frames
from art_snn.lazy_rows import is_mapped, lazy_rows
from art_snn.metrics import attack_success_rate
from art_snn.typing import Array, Events, Frames, Indices, Labels

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

    Those of a model about which a doubt is "invalid" are NaN, and so are those behind a filter that leaves the model
    nothing that it recognises: it takes noise for some class, which may be the target.

    Args:
        binnings: The binnings, B.
        accuracy: Accuracy of each model on clean samples, (B,).
        floor: Success of the frame trigger in a model that was trained on clean frames, (B,).
        frames: Success of the frame trigger, (B,).
        events: Success of inserted events, (B, B): rows are models, columns the binnings at whose bin centres the
            events were inserted.
        filtered: Success of events inserted at the model's own centres and then filtered, (B,) by filter.
        filtered_accuracy: Accuracy on clean samples that were filtered, (B,) by filter.
        doubts: Reasons not to take figures at their word; the texts name the binning, and the filter.
    """

    binnings: tuple[Binning, ...]
    accuracy: Array
    floor: Array = field(metadata=FIGURE)
    frames: Array = field(metadata=FIGURE)
    events: Array = field(metadata=FIGURE)
    filtered: dict[str, Array] = field(metadata=FIGURE)
    filtered_accuracy: dict[str, Array]
    doubts: Doubts = ()


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
    on_doubt: OnDoubt = "record",
    **fit_arguments: Any,
) -> TransferMatrix:
    """Train with a frame trigger at each binning; attack with events placed for each binning, and through filters.

    Args:
        attack: Attack whose trigger acts on frames and on events.
        make_classifier: An untrained classifier for frames of a binning.
        train: Event streams (N,) to train with, and their labels; memory-mapped ones are binned as they are read.
        test: Event streams (M,) to test with, and their labels.
        sensor_size: (W, H, 2), pixels.
        binnings: At least one; pairs (n_bins, split_by) will do.
        filters: Transforms of one stream, by name, such as tonic's.
        seed: Seed of weights, batches and filters that draw.
        verbose: Whether to show a progress bar.
        on_doubt: Whether to "record" an invalid row, or to "raise" a ValueError as soon as there is one.
        **fit_arguments: For every `fit`.

    Raises:
        ValueError: If there is no binning, or one is none; nothing has been trained then. Also on an invalid row with
            `on_doubt="raise"`.
        TypeError: If the trigger does not act on events, or a `fit` argument is unknown.

    Source: ours; the question is raised by triggers written into frames, as in Abad et al., Sneaky Spikes, NDSS 2024,
    https://arxiv.org/abs/2302.06279, which no camera can record.
    """
    check_on_doubt(on_doubt)
    binnings = [Binning(*binning) for binning in binnings]
    trigger = _checked(attack, binnings, fit_arguments)
    weights, batches, drawing, host = (draw_seed(stream) for stream in np.random.default_rng(seed).spawn(4))
    rows, doubts, seeds = [], list[Doubt](), Seeds(weights, batches)
    for binning in progress(binnings, verbose=verbose, desc="binnings"):
        x = _frames(train[0], sensor_size, binning, are_kept=True)
        dataset = poisoned(attack, x, train[1])
        steps = TrainingData(x, train[1]), TrainingData(dataset.x, dataset.y)
        with host_seed(host):  # ART's own class draws from the global streams even to predict
            harmless, model = (
                train_afresh(make_classifier(binning), steps[0], step, TrainingPlan(), seeds, fit_arguments).final
                for step in steps
            )
            y = class_indices(test[1])
            on_test = _OnTest(harmless, model, binning, trigger, attack, test[0], y, sensor_size)
            rows.append(on_test.row(binnings, filters, int(dataset.is_poison.sum()), drawing))
        name = f"{binning.n_bins} bins by {binning.split_by}"
        heed(on_doubt, name, rows[-1]["doubts"])
        doubts += [doubt._replace(text=f"{name}: {doubt.text}") for doubt in rows[-1].pop("doubts")]
    return _matrix(binnings, filters, rows, doubts)


def _matrix(
    binnings: Sequence[Binning], filters: Collection[str], rows: Sequence[dict[str, Any]], doubts: Sequence[Doubt]
) -> TransferMatrix:
    table = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    return TransferMatrix(
        binnings=tuple(binnings),
        **{name: table[name] for name in ("accuracy", "floor", "frames", "events")},
        filtered={name: table[f"attacked, {name}"] for name in filters},
        filtered_accuracy={name: table[f"clean, {name}"] for name in filters},
        doubts=tuple(doubts),
    )


def _checked(
    attack: TriggerBackdoor, binnings: Sequence[Binning], fit_arguments: Mapping[str, Any]
) -> NeuromorphicTrigger:
    """The attack's trigger, if it acts on events, and there is something to do."""
    check_fit_arguments("binning_transfer", fit_arguments)
    if not isinstance(attack.trigger, NeuromorphicTrigger):
        raise TypeError(f"expected a trigger that acts on frames and on events, got {attack.trigger}")
    if not binnings:
        raise ValueError("expected at least one binning, got none")
    for binning in binnings:
        check_bins(*binning)
    return attack.trigger


@dataclass(frozen=True)
class _OnTest:
    """A clean and a backdoored model of one binning, and the test streams that they are asked about."""

    harmless: PyTorchClassifier
    model: PyTorchClassifier
    binning: Binning
    trigger: NeuromorphicTrigger
    attack: TriggerBackdoor
    streams: Events
    y: Indices
    sensor_size: SensorSize

    def row(
        self, binnings: Sequence[Binning], filters: Mapping[str, EventTransform], n_poison: int, seed: int
    ) -> dict[str, Any]:
        """The models' numbers, by name, and "doubts" about them."""
        clean = _frames(self.streams, self.sensor_size, self.binning, are_kept=True)
        trigger = self.trigger.for_set(clean)
        triggered = lazy_rows(lambda rows: trigger(clean[rows]), clean.shape, clean.dtype)
        exam = Exam(clean, triggered, self.y, self.attack.target_class, self.attack.counted(self.y))
        pair = exam.ask_both(self.harmless, self.model)
        placed = [self.asked(self.with_trigger(trigger, other)).clean for other in binnings]
        own = self.with_trigger(trigger, self.binning)
        attacked = {name: self.asked(_filtered(own, change, seed)).clean for name, change in filters.items()}
        cleaned = {name: self.asked(_filtered(self.streams, change, seed)) for name, change in filters.items()}
        doubts = united(self.doubts(exam, pair, [*placed, *attacked.values()]), poison_doubts(n_poison))
        behind = {name: model_doubts(f"behind {name}, the model", self.y, said) for name, said in cleaned.items()}
        floor = self.success(pair.clean.triggered, doubts)
        return {
            "accuracy": pair.backdoored.accuracy(self.y),
            "floor": floor,
            "frames": self.success(pair.backdoored.triggered, doubts),
            "events": [self.success(logits, doubts) for logits in placed],
            **{f"attacked, {name}": self.success(attacked[name], doubts + behind[name]) for name in filters},
            **{f"clean, {name}": said.accuracy(self.y) for name, said in cleaned.items()},
            "doubts": united(doubts, floor_doubts(floor), *behind.values()),
        }

    def doubts(self, exam: Exam, pair: Pair, on_events: Sequence[Array]) -> Doubts:
        """About both models and the samples; the logits of triggered events are to be finite as well."""
        triggered = np.concatenate([pair.backdoored.triggered, *on_events])
        whole = pair._replace(backdoored=pair.backdoored._replace(triggered=triggered))
        return united(pair_doubts(self.y, whole), sample_doubts(exam), fall_doubts(self.y, *pair))

    def asked(self, streams: Events) -> Answers:
        """What the backdoored model makes of streams."""
        return ask(self.model, _frames(streams, self.sensor_size, self.binning, are_kept=False))

    def with_trigger(self, trigger: NeuromorphicTrigger, placed: Binning) -> Events:
        """The test streams with events inserted for frames of that binning."""
        return trigger.on_events(self.streams, self.sensor_size, n_bins=placed.n_bins, split_by=placed.split_by)

    def success(self, logits: Array, doubts: Doubts) -> float:
        rows, target = self.attack.counted(self.y), self.attack.target_class
        return math.nan if is_invalid(doubts) else attack_success_rate(self.y[rows], logits[rows], target)


def _frames(streams: Events, sensor_size: SensorSize, binning: Binning, *, are_kept: bool) -> Frames:
    """Frames of streams, binned as they are read where they are not kept, or the streams are memory-mapped."""
    if are_kept and not is_mapped(streams[0]):
        return to_frames(streams, sensor_size, *binning)
    width, height, _ = check_sensor_size(sensor_size)
    shape = (len(streams), binning.n_bins, 2, height, width)
    return lazy_rows(lambda rows: to_frames(streams[rows], sensor_size, *binning), shape, np.uint8)


def _filtered(streams: Events, transform: EventTransform, seed: int) -> Events:
    """Each stream filtered; what tonic's transforms draw comes from the seed."""
    filtered = np.empty(len(streams), object)
    with host_seed(seed):
        for row, stream in enumerate(streams):
            filtered[row] = transform(stream.copy())
    return filtered
