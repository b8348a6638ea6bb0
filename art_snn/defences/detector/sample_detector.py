"""The base class of detectors of poisoned samples."""

import abc
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, TypeVar

import numpy as np
from art.defences.detector.poison import GroundTruthEvaluator, PoisonFilteringDefence
from art.estimators.classification import PyTorchClassifier

from art_snn._arrays import as_labels, as_numbers, is_stream
from art_snn._layouts import layout_hint
from art_snn._parameters import Parameters
from art_snn._random import host_seed
from art_snn._validation import check_finite, check_same_length, class_indices, predicted_classes
from art_snn.estimators.classification.inputs import samples_for
from art_snn.estimators.classification.mode import mode
from art_snn.events import stack_streams
from art_snn.typing import Array, Indices, Labels, Mask

T = TypeVar("T")


class SampleDetector(Parameters, PoisonFilteringDefence, abc.ABC):
    """Detector of poisoned samples in the training data of a classifier, which it does not change.

    Args:
        classifier: Classifier trained on the samples: ART's `PyTorchClassifier` or a spiking one.
        x_train: Training samples, (N, ...).
        y_train: Labels of the training samples, indices (N,) or one-hot (N, K).

    Raises:
        TypeError: If the classifier is not a `PyTorchClassifier`.
        ValueError: If there are no samples, samples and labels do not fit, or a sample holds NaN or infinity.
    """

    batch_size: int
    seed: int
    defence_params: ClassVar[list[str]]
    x_train: Array
    y_train: Labels
    clean_arguments: ClassVar[tuple[str, ...]] = ()  # arguments for clean samples and labels that it needs
    _data = frozenset({"x_train", "y_train"})
    _takes_events = False

    def __init__(self, classifier: PyTorchClassifier, x_train: Array | None, y_train: Labels | None) -> None:
        check_is_pytorch(classifier)
        super().__init__(classifier, x_train, y_train)
        self._kept: dict[str, tuple[Collection[str] | None, Any]] = {}
        self._check_data()

    def set_params(self, **kwargs: Any) -> None:
        """Change parameters and drop results that depend on them; after an error all are as before.

        Raises:
            TypeError: If a name is none of `params`.
            ValueError: If a value is out of its range.
        """
        before = self.get_params()
        super().set_params(**kwargs)
        changed = {name for name, value in self.get_params().items() if value is not before[name]}
        if changed:
            self._forget(changed)

    def detect_poison(self, **kwargs: Any) -> tuple[dict[str, Any], list[int]]:
        """Search the training data.

        Args:
            **kwargs: New values of parameters, kept for later calls.

        Returns:
            A report, and for each training sample 1 if it looks clean and 0 if it looks poisoned.

        Raises:
            TypeError: If a parameter is unknown.
            ValueError: If a parameter is out of its range.
        """
        self.set_params(**kwargs)
        with self._unchanged_classifier():
            report, is_poison = self._detect()
        return report, np.where(is_poison, 0, 1).tolist()

    def evaluate_defence(self, is_clean: Array, **kwargs: Any) -> str:
        """Compare the result of `detect_poison` with the truth, class by class.

        Args:
            is_clean: True values, (N,): 1 for clean samples, 0 for poisoned ones.
            **kwargs: New values of parameters, kept for later calls.

        Returns:
            JSON as ART writes it: for `class_0`, `class_1`, … the rates in percent (-1 if there is no such sample) with
            their numerators and denominators; positive means poisoned.

        Raises:
            ValueError: If `is_clean` is not 0 or 1 for each sample.
        """
        self.set_params(**kwargs)
        truth = np.asarray(is_clean)
        if truth.shape != (self._n_samples,) or not np.isin(truth, (0, 1)).all():
            expected = f"({self._n_samples},) with values 0 and 1"
            raise ValueError(f"expected is_clean of shape {expected}, got shape {truth.shape}")
        _, detected = self.detect_poison()
        by_class = ([values[rows] for rows in self._rows_by_class()] for values in (np.asarray(detected), truth))
        confusion: str = GroundTruthEvaluator().analyze_correctness(*by_class)[1]
        return confusion

    def scores(self, x: Array | None = None) -> Array:
        """Suspicion of samples.

        Args:
            x: New samples, which get the classes that the classifier predicts; None for the training data.

        Returns:
            Finite scores, float32 (N,); higher is more suspicious.

        Raises:
            ValueError: If samples differ from the training data in kind or shape, or outputs are not finite.
        """
        samples = None if x is None else self._like_training_data("x", x)
        with self._unchanged_classifier():
            return self._scores(samples).astype(np.float32)

    @property
    def sees_time(self) -> bool:
        """Whether what it compares keeps the time axis; others see of time what the classifier makes of it."""
        return False

    @property
    def n_reference(self) -> int:
        """Clean samples that it was given, which the defender has to have."""
        return 0

    @abc.abstractmethod
    def _detect(self) -> tuple[dict[str, Any], Mask]:
        """The report, and a mask (N,) of the training samples that look poisoned."""

    @abc.abstractmethod
    def _scores(self, x: Array | None) -> Array:
        """Scores of new samples, or of the training data for None, in evaluation mode."""

    def _cached(self, name: str, compute: Callable[[], T], decided_by: Collection[str] | None = None) -> T:
        """Compute something once, and keep it until one of the parameters that decide it changes; None for any."""
        if name not in self._kept:
            self._kept[name] = decided_by, compute()
        kept: T = self._kept[name][1]
        return kept

    def _forget(self, changed: set[str]) -> None:
        """Drop results that depend on the changed parameters."""
        stays = {name for name, (decided_by, _) in self._kept.items() if changed.isdisjoint(decided_by or changed)}
        self._kept = {name: kept for name, kept in self._kept.items() if name in stays}

    def _check_data(self) -> None:
        if self.x_train is None or self.y_train is None:
            raise ValueError("expected samples and their labels, got None")
        streams = _are_streams(self.x_train)
        if streams and not self._takes_events:
            raise ValueError("expected images or frames, got event streams; bin them with art_snn.events.to_frames")
        self.x_train = stack_streams(self.x_train) if streams else samples_for(self.classifier, self.x_train, "x_train")
        self.y_train = as_labels("labels", self.y_train)
        check_samples("x_train", self.x_train)
        check_same_length("samples", self.x_train, "labels", self.y_train)
        self._labels = class_indices(self.y_train, self.classifier.nb_classes)

    def _like_training_data(self, name: str, x: Any) -> Array:
        """Samples as an array; raises if their kind or shape is not that of the training data."""
        like = self._empty_sample() if self.x_train is None else self.x_train
        samples = stack_streams(x) if _are_streams(x) else as_numbers(name, x)
        if (samples.dtype == object, samples.shape[1:]) != (like.dtype == object, like.shape[1:]):
            hint = layout_hint(samples.shape, like.shape[1:])
            got = _kind(samples) + (f", which {hint}" if hint else "")
            raise ValueError(f"expected {name} like x_train, {_kind(like)}, got {got}")
        check_samples(name, samples)
        return samples

    @property
    def _n_samples(self) -> int:
        return len(self.x_train)

    def _rows_by_class(self) -> list[Indices]:
        return [np.flatnonzero(self._labels == label) for label in range(self.classifier.nb_classes)]

    def _batches(self, x: Array | None = None) -> Iterator[Array]:
        """Batches of new samples, or of the training data for None."""
        x = self.x_train if x is None else x
        for start in range(0, len(x), self.batch_size):
            yield x[start : start + self.batch_size]

    def _predicted(self, x: Array) -> Indices:
        """Classes (N,) that the classifier predicts."""
        return predicted_classes(np.concatenate([self._outputs(batch) for batch in self._batches(x)]))

    def _outputs(self, batch: Array) -> Array:
        """Outputs (n, K) of the classifier for one batch; raises if one is not finite."""
        outputs: Array = self.classifier.predict(batch, batch_size=len(batch))
        check_finite("outputs of the classifier", outputs)
        return outputs

    def _empty_sample(self) -> Array:
        """One sample of zeros, (1, ...), to try whether features can be computed."""
        return np.zeros((1, *self.classifier.input_shape), np.float32)

    @contextmanager
    def _unchanged_classifier(self) -> Iterator[None]:
        """Evaluation mode while the block runs; then the mode and the global random streams are as before."""
        with mode(self.classifier.model, False), host_seed(self.seed):
            yield


def suspects(scores: Array, is_poison: Mask) -> dict[int, float]:
    """Scores of the samples that look poisoned, by row, as a report lists them."""
    return {int(row): float(scores[row]) for row in np.flatnonzero(is_poison)}


def _are_streams(x: Any) -> bool:
    """Whether `x` is an object array or list that begins with an event stream."""
    is_collection = isinstance(x, list | tuple) or (isinstance(x, np.ndarray) and x.dtype == object and x.ndim == 1)
    return is_collection and len(x) > 0 and is_stream(x[0])


def _kind(x: Array) -> str:
    return "event streams" if x.dtype == object else f"samples of shape {x.shape[1:]}"


def check_is_pytorch(classifier: object) -> None:
    """Raise unless the classifier is ART's `PyTorchClassifier` or inherits from it."""
    if not isinstance(classifier, PyTorchClassifier):
        raise TypeError(f"expected classifier to be ART's PyTorchClassifier, got {type(classifier).__name__}")


def check_samples(name: str, x: Array) -> None:
    """Raise unless there are samples, all of them finite."""
    if len(x) == 0:
        raise ValueError(f"expected samples in {name}, got none")
    check_finite(name, x)
