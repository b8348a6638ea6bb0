"""STRIP: a triggered sample keeps its class whatever is superimposed on it."""

from fractions import Fraction
from math import ceil
from typing import Any, Literal

import numpy as np
from art.estimators.classification import PyTorchClassifier
from scipy import special

from art_snn._declared import Count, Seed
from art_snn._validation import check_choice, share_of
from art_snn.defences.detector._outlier_limits import FalseAlarmRate, upper_limit
from art_snn.defences.detector._superposition import (
    EVENT_SUPERPOSITIONS,
    Superposition,
    superpose_arrays,
    superpose_events,
)
from art_snn.defences.detector.sample_detector import suspects
from art_snn.defences.detector.stream_detector import StreamDetector
from art_snn.events import SensorSize, SplitBy
from art_snn.lazy_rows import rows_of
from art_snn.typing import Array, Indices, Labels, Mask

Outputs = Literal["logits", "rates"]
NUM_SAMPLES, RATE = 20, 0.01  # defaults
_SMALLEST = 1e-6  # distance of scores from 0 and 1, so that log-odds are finite


class STRIPDefence(StreamDetector):
    """Superimpose clean samples on each sample, and measure how sure of one class the classifier stays.

    A score is 1 less the mean normalised entropy of the predictions: 1 if a sample always gets the same class with
    certainty, 0 if all classes stay equally likely. All samples get the same overlays, so no score depends on batches
    or order.

    Args:
        classifier: Classifier trained on the samples: ART's `PyTorchClassifier` or a spiking one.
        x_train: Training samples: images (N, C, H, W), frames (N, T, C, H, W), or event streams, an object array (N,).
        y_train: Labels of the training samples, indices (N,) or one-hot (N, K).
        num_samples: Overlays for each sample, at least 1.
        false_acceptance_rate: Share of clean samples that may be flagged, in (0, 0.5]. With `x_clean` it holds for
            similar samples that the classifier was not trained on, on average over draws of `x_clean`. Without
            `x_clean` it is nominal.
        superposition: "add", "mean", or "maximum" (not for event streams). Sums are clipped to the classifier's clip
            values; without any, as for frames, to the range of the training data, as counts saturate. Of event streams
            "add" takes all events of both, "mean" every second event of each.
        outputs: Outputs of the classifier: "logits", or "rates" of spikes, whose shares serve as probabilities; if no
            neuron fires, all classes are equally likely.
        x_clean: Samples known to be clean that the classifier was not trained on. Some become overlays; the others, at
            least 1 / rate - 1 of them (99 for 0.01), set the threshold: of n scores, the ⌈(n + 1) (1 - rate)⌉th
            smallest. None: overlays come from the training data, and the threshold assumes normal log-odds of the
            scores, with the median and the median absolute deviation, which a poisoned minority moves little. In fact
            they have a longer upper tail.
        sensor_size: Width and height in pixels, for event streams.
        n_bins: Number of time bins that the classifier takes, for event streams.
        split_by: How `art_snn.events.to_frames` splits event streams into bins.
        batch_size: Superpositions in one forward pass, approximately; never fewer than `num_samples`.
        seed: Seed of the choice of overlays.

    Raises:
        TypeError: If the classifier is not a `PyTorchClassifier`.
        ValueError: If a parameter is out of its range, samples and labels do not fit or are not finite, `x_clean` has
            too few samples for the rate, or event streams come without sensor size and bins.

    Source: Gao et al., STRIP: a defence against trojan attacks on deep neural networks, 2019,
    https://arxiv.org/abs/1902.06531, section 4; the threshold as in split conformal prediction: Lei et al.,
    Distribution-free predictive inference for regression, 2018, https://arxiv.org/abs/1604.04173, section 2.2.
    """

    _data = frozenset({"x_clean"})

    def __init__(
        self,
        classifier: PyTorchClassifier,
        x_train: Array,
        y_train: Labels,
        num_samples: Count = NUM_SAMPLES,
        false_acceptance_rate: FalseAlarmRate = RATE,
        *,
        superposition: Superposition = "add",
        outputs: Outputs = "logits",
        x_clean: Array | None = None,
        sensor_size: SensorSize | None = None,
        n_bins: int | None = None,
        split_by: SplitBy = "count",
        batch_size: Count = 512,
        seed: Seed = 0,
    ) -> None:
        super().__init__(classifier, x_train, y_train, sensor_size, n_bins, split_by)
        self.num_samples, self.false_acceptance_rate = num_samples, false_acceptance_rate
        self.superposition: Superposition = superposition
        self.outputs: Outputs = outputs
        self.x_clean = None if x_clean is None else self._like_training_data("x_clean", x_clean)
        self.batch_size, self.seed = batch_size, seed
        self._check_params()

    def _detect(self) -> tuple[dict[str, Any], Mask]:
        scores = self._scores(None)
        if self.x_clean is None:
            odds = _log_odds(scores)
            limit = upper_limit(odds, self.false_acceptance_rate)
            threshold, is_poison = float(special.expit(limit)), odds > limit
        else:
            clean = self._cached("calibration", lambda: self._certainties(rows_of(self._clean, self._calibration_rows)))
            threshold = conformal_threshold(clean, self.false_acceptance_rate)
            is_poison = scores > threshold
        report = {
            **self.get_params(),
            "threshold": threshold,
            "n_calibration": len(self._calibration_rows),
            "suspects": suspects(scores, is_poison),
        }
        return report, is_poison

    def _scores(self, x: Array | None) -> Array:
        if x is not None:
            return self._certainties(x)
        return self._cached("scores", lambda: self._certainties(self.x_train))

    @property
    def n_reference(self) -> int:
        """Clean samples that it was given."""
        return 0 if self.x_clean is None else len(self.x_clean)

    @property
    def _overlay_rows(self) -> Indices:
        """Rows of the samples from which overlays are chosen, drawn at random and apart from the calibration rows."""
        return self._clean_order[: self._n_overlay_rows]

    @property
    def _calibration_rows(self) -> Indices:
        return self._clean_order[self._n_overlay_rows :]

    @property
    def _clean_order(self) -> Indices:
        return np.random.default_rng(self.seed).permutation(len(self._clean))

    @property
    def _n_overlay_rows(self) -> int:
        """All training samples; of clean samples up to twice the overlays, if the threshold needs no more."""
        if self.x_clean is None:
            return len(self._clean)
        spare = len(self._clean) - least_calibration(self.false_acceptance_rate)
        return min(2 * self.num_samples, spare)

    def _certainties(self, x: Array) -> Array:
        overlays = self._cached("overlays", self._draw_overlays)
        at_once = max(1, self.batch_size // self.num_samples)
        parts = []
        for start in range(0, len(x), at_once):
            superposed = self._superposed(x[start : start + at_once], overlays)
            entropies = normalised_entropy(self._outputs(superposed), self.outputs)
            parts.append(1 - entropies.reshape(-1, self.num_samples).mean(axis=1))
        return np.concatenate(parts)

    def _draw_overlays(self) -> Array:
        """Overlays with predicted classes as equally frequent as possible."""
        rows = self._overlay_rows
        are_all = self.x_clean is None  # then nothing is copied
        classes = self._predicted(self._clean)[rows] if are_all else self._predicted(rows_of(self._clean, rows))
        turn = np.empty(len(rows), np.int64)
        for label in np.unique(classes):
            turn[classes == label] = np.arange((classes == label).sum())
        overlays: Array = self._clean[rows[np.argsort(turn, kind="stable")[: self.num_samples]]]
        return overlays

    @property
    def _clean(self) -> Array:
        return self.x_train if self.x_clean is None else self.x_clean

    def _superposed(self, samples: Array, overlays: Array) -> Array:
        if self._binning is None:
            return superpose_arrays(samples, overlays, self.superposition, self._range())
        return superpose_events(samples, overlays, self.superposition, *self._binning)

    def _range(self) -> tuple[Any, Any]:
        """The classifier's clip values; where it has none, the lowest and highest value of the training data."""
        if self.classifier.clip_values is not None:
            return self.classifier.clip_values[0], self.classifier.clip_values[1]
        ends = self._cached("range", lambda: [(batch.min(), batch.max()) for batch in self._batches()])
        return min(low for low, _ in ends), max(high for _, high in ends)

    def _check_params(self) -> None:
        super()._check_params()
        if self.num_samples > len(self._clean):
            raise ValueError(
                f"expected num_samples to be at most the {len(self._clean)} samples, got {self.num_samples}"
            )
        self._check_enough_clean()
        if self._binning is not None:
            check_choice("superposition of events", self.superposition, EVENT_SUPERPOSITIONS)

    def _check_enough_clean(self) -> None:
        least = least_clean(self.num_samples, self.false_acceptance_rate)
        if self.x_clean is not None and len(self.x_clean) < least:
            raise ValueError(
                f"expected at least {least} samples in x_clean for false_acceptance_rate={self.false_acceptance_rate}, "
                f"{self.num_samples} as overlays and {least - self.num_samples} to set the threshold, got "
                f"{len(self.x_clean)}; give more, or allow a higher rate"
            )


def least_clean(num_samples: int = NUM_SAMPLES, rate: float = RATE) -> int:
    """Fewest clean samples for a number of overlays and a rate of false alarms."""
    return num_samples + least_calibration(rate)


def least_calibration(rate: float) -> int:
    """Fewest clean scores that can set a threshold: with fewer, more than a share `rate` may exceed the highest.

    >>> least_calibration(0.01), least_calibration(0.5)
    (99, 1)
    """
    return ceil(1 / Fraction(str(rate))) - 1


def conformal_threshold(clean_scores: Array, rate: float) -> float:
    """Threshold that a further clean score exceeds with probability at most `rate`, over all draws of scores.

    Args:
        clean_scores: Scores of clean samples, (n,), n at least `least_calibration(rate)`.
        rate: Rate of false alarms, in (0, 1).

    Source: Lei et al., as above: the ⌈(n + 1) (1 - rate)⌉th smallest score.

    >>> conformal_threshold(np.arange(1, 100), 0.01), conformal_threshold(np.arange(1, 200), 0.01)
    (99.0, 198.0)
    """
    rank = len(clean_scores) + 1 - share_of(rate, len(clean_scores) + 1)
    return float(np.sort(clean_scores)[rank - 1])


def _log_odds(scores: Array) -> Array:
    """Log-odds of scores in [0, 1]; they have no upper bound, so every limit can be exceeded."""
    odds: Array = special.logit(np.clip(scores, _SMALLEST, 1 - _SMALLEST))
    return odds


def normalised_entropy(predictions: Array, outputs: Outputs) -> Array:
    """Entropy of each prediction relative to its maximum: 0 for one certain class, 1 for equally likely classes.

    Args:
        predictions: Logits or rates, (N, K). Negative rates count as 0; if all are 0, classes are equally likely.
        outputs: "logits" or "rates".

    Returns:
        Entropies, (N,), in [0, 1].

    >>> normalised_entropy(np.array([[0.0, 0.0], [0.5, 0.0]]), "rates").tolist()
    [1.0, 0.0]
    """
    if outputs == "logits":
        shares = special.softmax(predictions.astype(np.float64), axis=1)
    else:
        rates = np.maximum(predictions, 0).astype(np.float64)
        total = rates.sum(axis=1, keepdims=True)
        shares = np.where(total > 0, rates / np.where(total > 0, total, 1), 1 / rates.shape[1])
    entropy: Array = special.entr(shares).sum(axis=1) / np.log(shares.shape[1])
    return np.clip(entropy, 0, 1)
