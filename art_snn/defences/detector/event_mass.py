"""Detection by event mass: a sample's events lie in other time bins than those of its class."""

import numpy as np
from art.estimators.classification import PyTorchClassifier

from art_snn._declared import Count, Seed
from art_snn.defences.detector._outlier_limits import FalseAlarmRate
from art_snn.defences.detector.event_profile import EventProfileDetector
from art_snn.events import SensorSize, SplitBy
from art_snn.typing import Array, Frames, Labels


class EventMassDefence(EventProfileDetector):
    """Compare how the events of each sample are distributed over time bins with the other samples of its class.

    A profile is the share of the sample's events in each bin. What moves events between bins is seen ("delay", "warp"
    and "gather" of `RetimingTrigger`), what adds events as far as they weigh. By construction invisible is what leaves
    the number of events in each bin alone, such as "exchange"; `SpaceTimeDefence` looks for that. Bins by count hold
    equal numbers of events by definition, so there nothing is seen.

    Args:
        classifier: Classifier trained on the samples; only its predictions are used, as classes of new samples.
        x_train: Training samples: frames (N, T, 2, H, W), or event streams, an object array (N,).
        y_train: Labels of the training samples, indices (N,) or one-hot (N, K).
        x_reference: Clean samples, (M, ...), at least two of each class; None to compare training samples with each
            other, which shows a poisoned minority of a class alone.
        y_reference: Labels of the clean samples, indices (M,) or one-hot (M, K).
        false_acceptance_rate: Share of clean samples that may be flagged in an accused class, in (0, 0.5].
        significance: Chance, in (0, 0.5], that any class of clean data is accused, corrected for the number of classes
            and of tests: whether the tail of a class's scores fits those of the other classes (a t-test between at
            least four classes), and with clean samples whether the class is like these (a permutation test).
        sensor_size: Width and height in pixels, for event streams.
        n_bins: Number of time bins that the classifier takes, for event streams.
        split_by: How `art_snn.events.to_frames` splits event streams into bins.
        batch_size: Samples that are read at once.
        seed: Seed of the permutations.

    Raises:
        TypeError: If the classifier is not a `PyTorchClassifier`.
        ValueError: If a parameter is out of its range, samples and labels do not fit or are no frames, a class has
            fewer than two clean samples, or event streams come without sensor size and bins.

    Source: the event mass per time step, with which Riaño et al., 2026, https://arxiv.org/abs/2607.28075, see retimed
    samples (known to us by its abstract); distances, limits and tests are ours.
    """

    def __init__(
        self,
        classifier: PyTorchClassifier,
        x_train: Array,
        y_train: Labels,
        x_reference: Array | None = None,
        y_reference: Labels | None = None,
        false_acceptance_rate: FalseAlarmRate = 0.01,
        significance: FalseAlarmRate = 0.01,
        *,
        sensor_size: SensorSize | None = None,
        n_bins: int | None = None,
        split_by: SplitBy = "time",
        batch_size: Count = 128,
        seed: Seed = 0,
    ) -> None:
        super().__init__(classifier, x_train, y_train, x_reference, y_reference, sensor_size, n_bins, split_by)
        self.false_acceptance_rate, self.significance = false_acceptance_rate, significance
        self.batch_size, self.seed = batch_size, seed
        self._check_params()

    def _profiles(self, frames: Frames) -> Array:
        mass = frames.sum(axis=(2, 3, 4), dtype=np.float64)
        shares: Array = mass / np.maximum(mass.sum(axis=1, keepdims=True), 1)
        return shares
