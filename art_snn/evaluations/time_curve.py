"""How accuracy and the success of a backdoor grow with the time steps that a spiking classifier has seen."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from art.estimators.classification import PyTorchClassifier

from art_snn._validation import check_same_length
from art_snn.attacks.poisoning import BackdoorAttack
from art_snn.estimators.classification import predict_at
from art_snn.evaluations.answers import Answers, Exam, broken_parameters
from art_snn.evaluations.backdoor import TrainedPair
from art_snn.evaluations.doubts import Doubts, floor_doubts, is_invalid, model_doubts, sample_doubts, united
from art_snn.evaluations.figures import FIGURE
from art_snn.evaluations.samples import exam_of, samples_for_all
from art_snn.typing import Array, Labels

_AT_ONCE = 1024  # samples in memory, where they are read as they are needed


@dataclass(frozen=True, kw_only=True)
class TimeCurve:
    """Accuracy and attack success rate (ASR) after each of S numbers of time steps; a share each, in [0, 1].

    Where a doubt about a number of time steps is "invalid", as that few spikes have come through yet, ASR and floor are
    NaN there.

    Args:
        timesteps: Numbers of time steps, (S,).
        accuracy: Accuracy of the backdoored classifier on clean samples, (S,).
        asr: ASR, samples of the target class left out, (S,).
        accuracy_clean: Accuracy of the clean twin, (S,); NaN where there is none.
        floor: Share of the same triggered samples that the clean twin takes for the target, (S,); NaN without a twin.
        n: Number of clean samples.
        n_asr: Number of triggered samples that count for success.
        doubts: Reasons not to take figures at their word, after each number of time steps, (S,).
    """

    timesteps: tuple[int, ...]
    accuracy: tuple[float, ...]
    asr: tuple[float, ...] = field(metadata=FIGURE)
    accuracy_clean: tuple[float, ...]
    floor: tuple[float, ...] = field(metadata=FIGURE)
    n: int
    n_asr: int
    doubts: tuple[Doubts, ...]


def over_time(
    attack: BackdoorAttack,
    trained: TrainedPair | PyTorchClassifier,
    x: Array,
    y: Labels,
    timesteps: Sequence[int],
) -> TimeCurve:
    """Measure a spiking classifier after several numbers of time steps, in one pass over the most of them.

    The figures are exactly those of the same network with that many time steps; a network that mixes time steps
    otherwise than by the state of neurons needs one pass for each number (`SpikingModule.logits_at`).

    Args:
        attack: Whose trigger and target it is.
        trained: A backdoored classifier, or the pair of it and its clean twin.
        x: Clean test samples, (N, ...).
        y: Labels of the samples, indices (N,) or one-hot (N, K).
        timesteps: Each at least 1; they may exceed the classifier's own T for images, not for frames.

    Raises:
        ValueError: If samples, labels and time steps do not fit, or nothing counts for success.
        TypeError: If a classifier is not spiking.
    """
    backdoored, clean = (trained.backdoored, trained.clean) if isinstance(trained, TrainedPair) else (trained, None)
    x = samples_for_all("x", x, [one for one in (backdoored, clean) if one is not None])
    check_same_length("x", x, "y", y)
    exam = exam_of(attack, x, y)
    cautions = tuple(sample_doubts(exam))
    twins = [None] * len(timesteps) if clean is None else _answers(clean, exam, timesteps)
    answers = zip(_answers(backdoored, exam, timesteps), twins, strict=True)
    points = [_point(exam, now, twin, cautions) for now, twin in answers]
    figures = {name: tuple(getattr(point, name) for point in points) for name in _Point._fields}
    return TimeCurve(timesteps=tuple(timesteps), n=len(exam.y), n_asr=int(exam.counted.sum()), **figures)


class _Point(NamedTuple):
    """The figures after one number of time steps."""

    accuracy: float
    asr: float
    accuracy_clean: float
    floor: float
    doubts: Doubts


def _point(exam: Exam, now: Answers, twin: Answers | None, cautions: Doubts) -> _Point:
    of_clean = () if twin is None else model_doubts("clean model", exam.y, twin)
    doubts = united(of_clean, model_doubts("backdoored model", exam.y, now), cautions)
    is_none = is_invalid(doubts)
    asr = math.nan if is_none else exam.asr(now)
    floor = math.nan if is_none or twin is None else exam.asr(twin)
    accuracy_clean = math.nan if twin is None else twin.accuracy(exam.y)
    return _Point(now.accuracy(exam.y), asr, accuracy_clean, floor, united(doubts, floor_doubts(floor)))


def _answers(classifier: PyTorchClassifier, exam: Exam, timesteps: Sequence[int]) -> list[Answers]:
    """What a classifier answers after each number of time steps."""
    clean, triggered = (_logits(classifier, x, timesteps) for x in (exam.x, exam.x_triggered))
    broken = broken_parameters(classifier.model)
    return [Answers(clean[t], triggered[t], {}, broken) for t in timesteps]


def _logits(classifier: PyTorchClassifier, x: Array, timesteps: Sequence[int]) -> dict[int, Array]:
    """Of all samples, of which few are in memory at once where they are read as they are needed."""
    parts = [predict_at(classifier, x[start : start + _AT_ONCE], timesteps) for start in range(0, len(x), _AT_ONCE)]
    return {t: np.concatenate([part[t] for part in parts]) for t in timesteps}
