"""How the success of a backdoor depends on when its trigger begins in a recording, and on how long it lasts."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from art.estimators.classification import PyTorchClassifier

from art_snn._progress import progress
from art_snn._random import host_seed
from art_snn._validation import check_same_length, class_indices, whole_numbers
from art_snn.attacks.poisoning import NeuromorphicTrigger, TriggerBackdoor
from art_snn.evaluations.answers import ask, decided
from art_snn.evaluations.backdoor import TrainedPair
from art_snn.evaluations.doubts import Doubts, is_invalid, model_doubts, united
from art_snn.evaluations.figures import FIGURE
from art_snn.evaluations.samples import samples_for_all
from art_snn.typing import Frames, Indices, Labels, Trigger

_AT_ONCE = 256  # samples that are triggered at once
Rates = tuple[tuple[float, ...], ...]


@dataclass(frozen=True, kw_only=True)
class OnsetLength:
    """Attack success rate (ASR) by the trigger's first time bin and its number of time bins; a share each, in [0, 1].

    NaN where a trigger would reach beyond the recording, and everywhere if a doubt is "invalid".

    Args:
        onsets: First time bins of the trigger, (O,), from 0.
        lengths: Numbers of time bins for which it lasts, (L,).
        n_bins: Time bins of the recordings.
        asr: ASR of the backdoored classifier, samples of the target class left out, (O, L).
        floor: Share of the same samples that the clean twin takes for the target, (O, L); NaN where there is none.
        n_asr: Number of samples of which each share is one.
        doubts: Reasons not to take the figures at their word.
    """

    onsets: tuple[int, ...]
    lengths: tuple[int, ...]
    n_bins: int
    asr: Rates = field(metadata=FIGURE)
    floor: Rates = field(metadata=FIGURE)
    n_asr: int
    doubts: Doubts


def onset_length(
    attack: TriggerBackdoor,
    trained: TrainedPair | PyTorchClassifier,
    x: Frames,
    y: Labels,
    onsets: Sequence[int],
    lengths: Sequence[int],
    *,
    verbose: bool = True,
) -> OnsetLength:
    """Show a backdoored classifier the trigger in other time bins than those that it was trained with.

    Args:
        attack: Whose trigger and target it is; the trigger must take `frames`, or be a flash.
        trained: A backdoored classifier, or the pair of it and its clean twin, trained as they were.
        x: Clean test frames, (N, T, 2, H, W).
        y: Labels of the samples, indices (N,) or one-hot (N, K).
        onsets: First time bins, each from 0 to T - 1.
        lengths: Numbers of time bins, each from 1 to T.
        verbose: Whether to show a progress bar.

    Raises:
        ValueError: If samples and labels do not fit, are no frames or all of the target class, or a time is out of
            range; nothing has been classified then.
        TypeError: If the trigger cannot be restricted to time bins, or a time is not whole.

    Source: a trigger in a part of the frames: Riaño et al., Flashy Backdoor, 2024, https://arxiv.org/abs/2411.03022.
    """
    twins = {"backdoored model": trained} if isinstance(trained, PyTorchClassifier) else _by_name(trained)
    x = samples_for_all("x", x, twins.values())
    check_same_length("x", x, "y", y)
    trigger, starts, durations = _checked(attack.trigger, x, onsets, lengths)
    y = class_indices(y)
    rows = np.flatnonzero(attack.counted(y))
    if len(rows) == 0:
        raise ValueError(f"expected test samples of other classes than {attack.target_class}, got none")
    cells = [(onset, length) for onset in starts for length in durations]
    rates = {name: [math.nan] * len(cells) for name in ("backdoored model", "clean model")}
    with host_seed(0):  # ART's own class draws from the global streams even to predict
        doubts = united(*(model_doubts(name, y, ask(one, x)) for name, one in twins.items()))
        todo = [(name, at) for name in twins for at, cell in enumerate(cells) if sum(cell) <= x.shape[1]]
        for name, at in progress(todo if not is_invalid(doubts) else [], verbose=verbose, desc="onsets", unit="cell"):
            rates[name][at] = _success(twins[name], trigger.during(*cells[at]), x, rows, attack.target_class)
    asr, floor = (_by_onset(rates[name], len(durations)) for name in ("backdoored model", "clean model"))
    return OnsetLength(
        onsets=starts, lengths=durations, n_bins=x.shape[1], asr=asr, floor=floor, n_asr=len(rows), doubts=doubts
    )


def _by_name(pair: TrainedPair) -> dict[str, PyTorchClassifier]:
    return {"backdoored model": pair.backdoored, "clean model": pair.clean}


def _checked(
    trigger: Trigger, x: Frames, onsets: Sequence[int], lengths: Sequence[int]
) -> tuple[NeuromorphicTrigger, tuple[int, ...], tuple[int, ...]]:
    """The trigger for this set, and the times, if they suit each other."""
    if x.ndim != 5:
        raise ValueError(f"expected frames (N, T, 2, H, W), got shape {x.shape}")
    if not isinstance(trigger, NeuromorphicTrigger):
        raise TypeError(f"expected a trigger of frames, got {trigger!r}")
    starts, durations = whole_numbers("onsets", onsets, "time bins"), whole_numbers("lengths", lengths, "time bins")
    n_bins = x.shape[1]
    for name, values, low, high in (("onsets", starts, 0, n_bins - 1), ("lengths", durations, 1, n_bins)):
        if not values or not all(low <= value <= high for value in values):
            raise ValueError(f"expected {name} from {low} to {high}, as frames have {n_bins} time bins, got {values}")
    trigger = trigger.for_set(x)
    trigger.during(0, 1)
    return trigger, starts, durations


def _success(
    classifier: PyTorchClassifier, trigger: NeuromorphicTrigger, x: Frames, rows: Indices, target: int
) -> float:
    """Share of these rows that a classifier takes for the target once they have the trigger."""
    parts = [rows[start : start + _AT_ONCE] for start in range(0, len(rows), _AT_ONCE)]
    return sum(int((decided(classifier.predict(trigger(x[some]))) == target).sum()) for some in parts) / len(rows)


def _by_onset(rates: list[float], n_lengths: int) -> Rates:
    """A row for each onset."""
    return tuple(tuple(rates[start : start + n_lengths]) for start in range(0, len(rates), n_lengths))
