"""What a trained classifier answers on test samples, whatever its numbers are, and how its neurons fire meanwhile."""

import math
from typing import NamedTuple

import numpy as np
from art.estimators.classification import PyTorchClassifier
from torch import nn

from art_snn.estimators.classification import LearningRule
from art_snn.estimators.classification.inspection import firing
from art_snn.lazy_rows import is_mapped
from art_snn.metrics import attack_success_rate, robust_accuracy
from art_snn.metrics.attack_success import TargetSamples
from art_snn.typing import Array, Indices, Mask

BATCH = 128  # samples that `predict` takes at once if nobody says how many
NONE = -1  # the class of a sample whose logits are not finite


class Answers(NamedTuple):
    """Logits of a classifier for clean and for triggered test samples.

    Args:
        clean: Logits for the clean samples, (N, K).
        triggered: Logits, (N, K); (0, K) where no triggered samples were asked about.
        firing: Firing rate of each spiking layer that ran: share of its outputs on the clean samples that are spikes.
        broken: Names of parameters that are not finite.
        failure: Why the conversion failed, if it did; all logits are NaN then.
    """

    clean: Array
    triggered: Array
    firing: dict[str, float]
    broken: tuple[str, ...] = ()
    failure: str | None = None

    @property
    def classes(self) -> Indices:
        """Predicted classes of the clean samples, (N,)."""
        return decided(self.clean)

    def accuracy(self, y: Indices) -> float:
        """Share of clean samples whose class is the true one, in [0, 1]; NaN if no sample has finite logits."""
        classes = self.classes
        return float((classes == y).mean()) if (classes != NONE).any() else math.nan


class Pair(NamedTuple):
    """Answers of two classifiers, trained on clean and on poisoned data."""

    clean: Answers
    backdoored: Answers


class Rates(NamedTuple):
    """Attack success rates of two classifiers; that of the clean one is the floor."""

    clean: float
    backdoored: float


class Exam(NamedTuple):
    """Clean and triggered test samples, and what success is on them.

    Args:
        x: Clean samples, (N, ...).
        x_triggered: The samples as the attacker shows them, (N, ...).
        y: Classes of the samples, (N,).
        target: Class that triggered samples should be taken for.
        counted: Which samples count for success, (N,).
    """

    x: Array
    x_triggered: Array
    y: Indices
    target: int
    counted: Mask

    def ask(self, classifier: PyTorchClassifier) -> Answers:
        """Answers of one classifier."""
        return ask(classifier, self.x, self.x_triggered)

    def ask_both(self, clean: PyTorchClassifier, backdoored: PyTorchClassifier) -> Pair:
        """Answers of a clean and of a backdoored classifier."""
        return Pair(self.ask(clean), self.ask(backdoored))

    def accuracy_in_target(self, answers: Answers) -> float:
        """Accuracy on the clean samples of the target class; NaN if there are none, or none has finite logits."""
        of_target = self.y == self.target
        return answers._replace(clean=answers.clean[of_target]).accuracy(self.y[of_target])

    def asr(self, answers: Answers, target_samples: TargetSamples = "exclude") -> float:
        """Attack success rate (ASR) of a classifier whose logits are finite."""
        rows = self.counted_among(target_samples)
        return attack_success_rate(self.y[rows], answers.triggered[rows], self.target, target_samples)

    def asr_others(self, answers: Answers) -> float:
        """Share of `others` that a classifier whose logits are finite takes for the target; NaN if there are none."""
        rows = self.others
        return attack_success_rate(self.y[rows], answers.triggered[rows], self.target) if rows.any() else math.nan

    @property
    def others(self) -> Mask:
        """Samples of other classes than the target that do not count, (N,): the attack is not meant for them."""
        others: Mask = ~self.counted & (self.y != self.target)
        return others

    def asrs(self, pair: Pair) -> Rates:
        """Attack success rates of both classifiers."""
        return Rates(self.asr(pair.clean), self.asr(pair.backdoored))

    def rates(self, classifier: PyTorchClassifier) -> dict[str, float]:
        """Accuracy and attack success rate of a classifier; NaN where logits are not finite."""
        answers = self.ask(classifier)
        is_finite = bool(np.isfinite(answers.triggered).all())
        return {"accuracy": answers.accuracy(self.y), "asr": self.asr(answers) if is_finite else math.nan}

    def robust_accuracy(self, answers: Answers) -> float:
        """Robust accuracy of a classifier whose logits are finite."""
        return robust_accuracy(self.y[self.counted], answers.triggered[self.counted], self.target)

    def counted_among(self, target_samples: TargetSamples) -> Mask:
        """Which samples count, (N,): those that the attack means, and of the target class unless left out."""
        return self.counted if target_samples == "exclude" else self.counted | (self.y == self.target)


def ask(classifier: PyTorchClassifier, x: Array, x_triggered: Array | None = None) -> Answers:
    """Predict both kinds of samples, and count the spikes on the clean ones."""
    with firing(classifier.model) as counts:
        clean = _logits(classifier, x)
    triggered = clean[:0] if x_triggered is None else _logits(classifier, x_triggered)
    return Answers(clean, triggered, counts.rates(), broken_parameters(classifier.model))


def _logits(classifier: PyTorchClassifier, x: Array) -> Array:
    """Logits of all samples; ART's own class, which copies what it gets, is given memory-mapped ones batch by batch."""
    if not is_mapped(x) or isinstance(classifier, LearningRule):
        return classifier.predict(x)  # type: ignore[no-any-return]
    return np.concatenate([classifier.predict(x[start : start + BATCH]) for start in range(0, len(x), BATCH)])


def decided(logits: Array) -> Indices:
    """The class of each sample, (N,): the first of equal logits, -1 where a logit is not finite.

    >>> decided(np.array([[0.0, 1.0], [np.nan, 0.0]]))
    array([ 1, -1])
    """
    classes: Indices = np.where(np.isfinite(logits).all(axis=1), logits.argmax(axis=1), NONE)
    return classes


def broken_parameters(net: nn.Module) -> tuple[str, ...]:
    """Parameters that are not finite; of buffers, which may hold an infinite mask, those with NaN."""
    weights = [name for name, value in net.named_parameters() if not value.isfinite().all()]
    return tuple(weights + [name for name, value in net.named_buffers() if value.isnan().any()])
