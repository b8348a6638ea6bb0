"""A triggered sample keeps its class whatever is laid over it: STRIP, with the entropy over classes."""

from collections.abc import Callable, Iterator
from typing import Any, ClassVar, Literal

import numpy as np
from art.estimators.classification import PyTorchClassifier
from scipy import special

from art_snn._validation import check_at_least, check_choice
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
from art_snn.typing import Array, Labels, Mask

Outputs = Literal["logits", "rates"]
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
        false_acceptance_rate: Share of clean samples to be flagged, in (0, 0.5]; a nominal one, for log-odds are not
            normal where some classes prevail over others. At 0.01, 0.01 to 0.065 of the clean digits were flagged
            without `x_clean` and 0.002 to 0.033 with it (LIF and ANN); of bars of four classes, up to 0.18 and 0.013.
        superposition: "add" (clipped to the classifier's clip values, if any), "mean", or, but for event streams,
            "maximum".
        outputs: What the classifier predicts: "logits", or "rates" of spikes, whose shares pass for probabilities; a
            network that never fires knows nothing.
        x_clean: Samples known to be clean, which are laid over others and set the threshold: that quantile of their own
            scores. None: the training data, the log-odds of whose scores are taken for normal with their median and
            median deviation, which poison below one half moves little.
        sensor_size: Of event streams: width and height in pixels.
        n_bins: Of event streams: the time bins that the classifier takes.
        split_by: Of event streams: how they are cut into bins, see `art_snn.events.to_frames`.
        batch_size: Superpositions predicted at once, about; never fewer than `num_samples`.
        seed: Of the draw of overlays.

    Raises:
        TypeError: If the classifier is none of ART's PyTorch ones.
        ValueError: If a parameter is out of its range, samples and labels do not fit or are not finite, or event
            streams come without sensor size and bins.

    Source: Gao et al., STRIP: a defence against trojan attacks on deep neural networks, 2019,
    https://arxiv.org/abs/1902.06531, section 4.
    """

    params: ClassVar[list[str]] = [
        "num_samples",
        "false_acceptance_rate",
        "superposition",
        "outputs",
        "batch_size",
        "seed",
    ]

    _takes_events = True

    def __init__(
        self,
        classifier: PyTorchClassifier,
        x_train: Array,
        y_train: Labels,
        num_samples: int = 20,
        false_acceptance_rate: float = 0.01,
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
        scores, limit = self._scores(None), self._limit()
        is_poison = _log_odds(scores) > limit
        report = {
            **self.get_params(),
            "threshold": float(special.expit(limit)),
            "suspects": {int(row): float(scores[row]) for row in np.flatnonzero(is_poison)},
        }
        return report, is_poison

    def _scores(self, x: Array | None) -> Array:
        if x is not None:
            return self._certainties(x)
        return self._kept("scores", lambda: self._certainties(self.x_train))

    def _limit(self) -> float:
        """The log-odds that the expected share of clean samples exceeds."""
        if self.x_clean is None:
            return upper_limit(_log_odds(self._scores(None)), self.false_acceptance_rate)
        x_clean = self.x_clean
        odds = _log_odds(self._kept("clean scores", lambda: self._certainties(x_clean)))
        return float(np.quantile(odds, 1 - self.false_acceptance_rate, method="higher"))

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
        classes = self._predicted(self._clean)
        order = np.random.default_rng(self.seed).permutation(len(classes))
        turn = np.empty(len(order), np.int64)
        for label in np.unique(classes):
            rows = order[classes[order] == label]
            turn[rows] = np.arange(len(rows))
        overlays: Array = self._clean[order[np.argsort(turn[order], kind="stable")][: self.num_samples]]
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
        if self._binning is None:
            check_choice("superposition", self.superposition, SUPERPOSITIONS)
        else:
            check_choice("superposition of events", self.superposition, OF_EVENTS)
        check_choice("outputs", self.outputs, ("logits", "rates"))


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
