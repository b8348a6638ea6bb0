"""A triggered sample keeps its class whatever is laid over it: STRIP, with the entropy over classes."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from math import ceil
from typing import Any, Literal

import numpy as np
from art.estimators.classification import PyTorchClassifier
from scipy import special

from art_snn._validation import check_at_least, check_choice, share_of
from art_snn.defences.detector._outlier_limits import check_rate, upper_limit
from art_snn.defences.detector._superposition import (
    OF_EVENTS,
    SUPERPOSITIONS,
    Superposition,
    superpose_arrays,
    superpose_events,
)
from art_snn.defences.detector.sample_detector import SampleDetector
from art_snn.events import SensorSize, SplitBy, to_frames
from art_snn.typing import Array, Indices, Labels, Mask

Outputs = Literal["logits", "rates"]
NUM_SAMPLES, RATE = 20, 0.01  # by default
_LEAST = 1e-6  # uncertainty that log-odds tell apart


class STRIPDefence(SampleDetector):
    """Lay clean samples over each sample, and see how sure the classifier stays of one class.

    A score is 1 less the mean entropy of the predictions, in that of all classes alike: 1 for a sample that always gets
    the same class with certainty, 0 for one about which nothing is known. All samples meet the same overlays, so that
    no score depends on batches or order.

    Args:
        classifier: Trained on the samples; ART's `PyTorchClassifier` or a spiking one.
        x_train: The samples: images (N, C, H, W), frames (N, T, C, H, W), or an object array (N,) of event streams.
        y_train: Their labels, indices (N,) or one-hot (N, K).
        num_samples: Overlays that each sample gets, at least 1.
        false_acceptance_rate: Share of clean samples that may be flagged, in (0, 0.5]. With `x_clean` it holds, on
            average over draws of these, for samples of their kind that the classifier was not trained on. Without, it
            is nominal.
        superposition: "add" (clipped to the classifier's clip values, if any), "mean", or, but for event streams,
            "maximum".
        outputs: What the classifier predicts: "logits", or "rates" of spikes, whose shares pass for probabilities; a
            network that never fires knows nothing.
        x_clean: Samples known to be clean that the classifier was not trained on. Some of them are laid over others;
            all the rest, of which at least 1 / rate - 1 are needed (99 for 0.01), set the threshold: of n scores the
            ⌈(n + 1) (1 - rate)⌉th smallest. None: overlays are drawn from the training data, and the log-odds of its
            scores are taken for normal with their median and median deviation, which poison below one half moves
            little. They are not normal, but have a longer upper tail.
        sensor_size: Of event streams: width and height in pixels.
        n_bins: Of event streams: the time bins that the classifier takes.
        split_by: Of event streams: how they are cut into bins, see `art_snn.events.to_frames`.
        batch_size: Superpositions predicted at once, about; never fewer than `num_samples`.
        seed: Of the draw of overlays.

    Raises:
        TypeError: If the classifier is none of ART's PyTorch ones.
        ValueError: If a parameter is out of its range, samples and labels do not fit or are not finite, there are too
            few in `x_clean` for the rate, or event streams come without sensor size and bins.

    Source: Gao et al., STRIP: a defence against trojan attacks on deep neural networks, 2019,
    https://arxiv.org/abs/1902.06531, section 4; the threshold as in split conformal prediction: Lei et al.,
    Distribution-free predictive inference for regression, 2018, https://arxiv.org/abs/1604.04173, section 2.2.
    """

    _data = frozenset({"x_clean", "sensor_size", "n_bins", "split_by"})
    _takes_events = True

    def __init__(
        self,
        classifier: PyTorchClassifier,
        x_train: Array,
        y_train: Labels,
        num_samples: int = NUM_SAMPLES,
        false_acceptance_rate: float = RATE,
        *,
        superposition: Superposition = "add",
        outputs: Outputs = "logits",
        x_clean: Array | None = None,
        sensor_size: SensorSize | None = None,
        n_bins: int | None = None,
        split_by: SplitBy = "count",
        batch_size: int = 512,
        seed: int = 0,
    ) -> None:
        super().__init__(classifier, x_train, y_train)
        self.num_samples, self.false_acceptance_rate = num_samples, false_acceptance_rate
        self.superposition: Superposition = superposition
        self.outputs: Outputs = outputs
        self.x_clean = None if x_clean is None else self._alike("x_clean", x_clean)
        self.batch_size, self.seed = batch_size, seed
        self._binning: tuple[SensorSize, int, SplitBy] | None = None
        if self.x_train.dtype == object:
            if sensor_size is None or n_bins is None:
                raise ValueError("expected sensor_size and n_bins for event streams, got None")
            self._binning = sensor_size, n_bins, split_by
        self._check_params()

    def _detect(self) -> tuple[dict[str, Any], Mask]:
        scores = self._scores(None)
        if self.x_clean is None:
            odds = _log_odds(scores)
            limit = upper_limit(odds, self.false_acceptance_rate)
            threshold, is_poison = float(special.expit(limit)), odds > limit
        else:
            threshold = conformal_threshold(self._calibration_scores(), self.false_acceptance_rate)
            is_poison = scores > threshold
        report = {
            **self.get_params(),
            "threshold": threshold,
            "n_calibration": len(self._calibration_rows),
            "suspects": {int(row): float(scores[row]) for row in np.flatnonzero(is_poison)},
        }
        return report, is_poison

    def _scores(self, x: Array | None) -> Array:
        if x is not None:
            return self._certainties(x)
        return self._kept("scores", lambda: self._certainties(self.x_train))

    def _calibration_scores(self) -> Array:
        """Of the clean samples that are not laid over others."""
        return self._kept("calibration", lambda: self._certainties(self._clean[self._calibration_rows]))

    @property
    def _overlay_rows(self) -> Indices:
        """Of the samples from which overlays are drawn; chance alone keeps them out of the calibration."""
        return self._clean_order[: self._n_overlay_rows]

    @property
    def _calibration_rows(self) -> Indices:
        return self._clean_order[self._n_overlay_rows :]

    @property
    def _clean_order(self) -> Indices:
        return np.random.default_rng(self.seed).permutation(len(self._clean))

    @property
    def _n_overlay_rows(self) -> int:
        """All of the training data; of clean samples enough for a choice, if the threshold can spare them."""
        if self.x_clean is None:
            return len(self._clean)
        spare = len(self._clean) - least_calibration(self.false_acceptance_rate)
        return min(2 * self.num_samples, spare)

    def _certainties(self, x: Array) -> Array:
        overlays = self._kept("overlays", self._draw_overlays)
        at_once = max(1, self.batch_size // self.num_samples)
        parts = []
        for start in range(0, len(x), at_once):
            laid = self._superposed(x[start : start + at_once], overlays)
            parts.append(
                1 - normalised_entropy(self._outputs(laid), self.outputs).reshape(-1, self.num_samples).mean(axis=1)
            )
        return np.concatenate(parts)

    def _draw_overlays(self) -> Array:
        """As many of each class that is predicted as can be: a few of one kind would be laid over some more telling."""
        rows = self._overlay_rows
        are_all = self.x_clean is None  # of the training data nothing is copied
        classes = self._predicted(self._clean)[rows] if are_all else self._predicted(self._clean[rows])
        turn = np.empty(len(rows), np.int64)
        for label in np.unique(classes):
            turn[classes == label] = np.arange((classes == label).sum())
        overlays: Array = self._clean[rows[np.argsort(turn, kind="stable")[: self.num_samples]]]
        return overlays

    def _kept(self, name: str, compute: Callable[[], Array]) -> Array:
        """What is computed but once, until a parameter changes."""
        self._found = self._found or {}
        if name not in self._found:
            self._found[name] = compute()
        kept: Array = self._found[name]
        return kept

    @property
    def _clean(self) -> Array:
        return self.x_train if self.x_clean is None else self.x_clean

    def _batches(self, x: Array | None = None) -> Iterator[Array]:
        for batch in super()._batches(x):
            yield batch if self._binning is None else to_frames(batch, *self._binning)

    def _superposed(self, samples: Array, overlays: Array) -> Array:
        if self._binning is None:
            return superpose_arrays(samples, overlays, self.superposition, self.classifier.clip_values)
        return superpose_events(samples, overlays, self.superposition, *self._binning)

    def _check_params(self) -> None:
        super()._check_params()
        check_at_least("num_samples", self.num_samples, 1)
        if self.num_samples > len(self._clean):
            raise ValueError(
                f"expected num_samples to be at most the {len(self._clean)} samples, got {self.num_samples}"
            )
        check_rate("false_acceptance_rate", self.false_acceptance_rate)
        self._check_enough_clean()
        if self._binning is None:
            check_choice("superposition", self.superposition, SUPERPOSITIONS)
        else:
            check_choice("superposition of events", self.superposition, OF_EVENTS)
        check_choice("outputs", self.outputs, ("logits", "rates"))

    def _check_enough_clean(self) -> None:
        least = least_clean(self.num_samples, self.false_acceptance_rate)
        if self.x_clean is not None and len(self.x_clean) < least:
            raise ValueError(
                f"expected at least {least} samples in x_clean for false_acceptance_rate={self.false_acceptance_rate}, "
                f"{self.num_samples} to lay over others and {least - self.num_samples} to set the threshold, got "
                f"{len(self.x_clean)}; give more, or allow a higher rate"
            )


def least_clean(num_samples: int = NUM_SAMPLES, rate: float = RATE) -> int:
    """How many clean samples are needed for so many overlays and that rate of false alarms."""
    return num_samples + least_calibration(rate)


def least_calibration(rate: float) -> int:
    """How many clean scores set a threshold that a share `rate` of others exceeds: with fewer, the highest is too low.

    >>> least_calibration(0.01), least_calibration(0.5)
    (99, 1)
    """
    return ceil(1 / Fraction(str(rate))) - 1


def conformal_threshold(clean_scores: Array, rate: float) -> float:
    """What another clean sample's score exceeds with a probability of at most `rate`, over all draws of these.

    Args:
        clean_scores: (n,), n at least `least_calibration(rate)`, of samples that a further one is like.
        rate: In (0, 1).

    Source: Lei et al., as above: the ⌈(n + 1) (1 - rate)⌉th smallest.

    >>> conformal_threshold(np.arange(1, 100), 0.01), conformal_threshold(np.arange(1, 200), 0.01)
    (99.0, 198.0)
    """
    rank = len(clean_scores) + 1 - share_of(rate, len(clean_scores) + 1)
    return float(np.sort(clean_scores)[rank - 1])


def _log_odds(scores: Array) -> Array:
    """Of scores in [0, 1]: unlike these they have no upper end, so that every limit can be exceeded."""
    odds: Array = special.logit(np.clip(scores, _LEAST, 1 - _LEAST))
    return odds


def normalised_entropy(predictions: Array, outputs: Outputs) -> Array:
    """How undecided each prediction is among the classes: 0 for one class with certainty, 1 for all alike.

    Args:
        predictions: (N, K): logits, or rates, whose negative values count as 0; no rate at all means all alike.
        outputs: Which of the two.

    Returns:
        (N,) in [0, 1].

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
