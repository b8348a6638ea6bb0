"""The base class of detectors that compare when and where events lie, without looking into the classifier."""

import abc
from typing import Any

import numpy as np
from art.estimators.classification import PyTorchClassifier

from art_snn._declared import Count, Seed
from art_snn._layouts import check_frames
from art_snn._validation import check_same_length, class_indices
from art_snn.defences.detector._class_profiles import ClassProfiles, permutation_p_value, tails
from art_snn.defences.detector._outlier_limits import FalseAlarmRate, upper_limit
from art_snn.defences.detector._outlying_classes import outlying_p_values
from art_snn.defences.detector._voltage_sequences import check_every_class
from art_snn.defences.detector.sample_detector import suspects
from art_snn.defences.detector.stream_detector import StreamDetector
from art_snn.events import SensorSize, SplitBy
from art_snn.typing import Array, Frames, Indices, Labels, Mask

ENOUGH = 2  # clean samples of a class


class EventProfileDetector(StreamDetector):
    """Detector that compares each sample's profile, a vector, with those of its class.

    A profile tells how the events of one sample lie; subclasses say in what respect. The distance of a profile from the
    centre of its class, in units that are usual in that class, is the score.

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
    """

    clean_arguments = ("x_reference", "y_reference")
    needs_frames = True
    _data = frozenset(clean_arguments)

    def __init__(
        self,
        classifier: PyTorchClassifier,
        x_train: Array,
        y_train: Labels,
        x_reference: Array | None = None,
        y_reference: Labels | None = None,
        *,
        false_acceptance_rate: FalseAlarmRate = 0.01,
        significance: FalseAlarmRate = 0.01,
        sensor_size: SensorSize | None = None,
        n_bins: int | None = None,
        split_by: SplitBy = "time",
        batch_size: Count = 128,
        seed: Seed = 0,
    ) -> None:
        super().__init__(classifier, x_train, y_train, sensor_size, n_bins, split_by)
        if self._binning is None:
            check_frames("x_train", self.x_train)
        self.false_acceptance_rate, self.significance = false_acceptance_rate, significance
        self.batch_size, self.seed = batch_size, seed
        self._reference = self._checked_reference(x_reference, y_reference)
        self._check_params()

    @property
    def sees_time(self) -> bool:
        """Profiles are made of time bins."""
        return True

    @property
    def n_reference(self) -> int:
        """Clean samples that it was given."""
        return 0 if self._reference is None else len(self._reference[1])

    @abc.abstractmethod
    def _profiles(self, frames: Frames) -> Array:
        """Profiles (n, F) of frames (n, T, 2, H, W), float64; zeros of a sample without events."""

    def _detect(self) -> tuple[dict[str, Any], Mask]:
        scores, p_values = self._scores(None), self._p_values()
        is_accused = p_values <= self.significance
        limit = upper_limit(scores, self.false_acceptance_rate)
        is_poison = is_accused[self._labels] & (scores > limit)
        report = {
            **self.get_params(),
            "accused_classes": np.flatnonzero(is_accused).tolist(),
            "p_values": p_values.tolist(),
            "threshold": limit,
            "suspects": suspects(scores, is_poison),
        }
        return report, is_poison

    def _scores(self, x: Array | None) -> Array:
        if x is None:
            return self._classes.scores(self._own, self._labels)
        return self._classes.scores(self._read(x), self._predicted(x))

    def _p_values(self) -> Array:
        """Of each class, (K,), corrected for the number of classes and of tests."""
        n_classes = self.classifier.nb_classes
        tests = [outlying_p_values(tails(self._scores(None), self._labels, n_classes))]
        if self._clean is not None:
            tests.append(self._shifts(*self._clean, least=self.significance / (2 * n_classes)))
        corrected: Array = np.minimum(1.0, len(tests) * n_classes * np.min(tests, axis=0))
        return corrected

    def _shifts(self, clean: Array, of_clean: Indices, least: float) -> Array:
        """P-values (K,), from `least` up, of differences between each class's training and clean samples."""
        own, clean = self._classes.scaled(self._own), self._classes.scaled(clean)
        found, rng = np.ones(self.classifier.nb_classes), np.random.default_rng(self.seed)
        for label in np.unique(self._labels):
            found[label] = permutation_p_value(own[self._labels == label], clean[of_clean == label], least, rng)
        return found

    @property
    def _classes(self) -> ClassProfiles:
        def find() -> ClassProfiles:
            return ClassProfiles.of(self._own, self._labels, self.classifier.nb_classes, self._clean)

        return self._cached("classes", find)

    @property
    def _own(self) -> Array:
        """Profiles of the training samples, (N, F)."""
        return self._cached("profiles", lambda: self._read(None))

    @property
    def _clean(self) -> tuple[Array, Indices] | None:
        """Profiles of the clean samples, (M, F), and their classes."""
        if self._reference is None:
            return None
        x, labels = self._reference
        return self._cached("clean profiles", lambda: self._read(x)), labels

    def _read(self, x: Array | None) -> Array:
        return np.concatenate([self._profiles(batch) for batch in self._batches(x)])

    def _checked_reference(self, x: Array | None, y: Labels | None) -> tuple[Array, Indices] | None:
        """The clean samples with their class indices, or None."""
        if x is None and y is None:
            return None
        if x is None or y is None:
            only = "y_reference" if x is None else "x_reference"
            raise ValueError(f"expected both x_reference and y_reference, or neither, got {only} alone")
        x, labels = self._like_training_data("x_reference", x), class_indices(y, self.classifier.nb_classes)
        check_same_length("reference samples", x, "labels", labels)
        check_every_class(self._labels, labels)
        least = np.bincount(labels)[np.unique(labels)].min()
        if least < ENOUGH:
            raise ValueError(f"expected at least {ENOUGH} reference samples of each class, got {least}; add some")
        return x, labels
