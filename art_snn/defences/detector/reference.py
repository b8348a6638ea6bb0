"""Detection by a clean reference: a trigger changes voltages and spikes over time as no clean sample does."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from art.estimators.classification import PyTorchClassifier
from matplotlib.figure import Figure
from scipy import stats

from art_snn._declared import Count, Fraction, Seed
from art_snn._validation import check_at_least, check_choice, check_same_length, class_indices
from art_snn.defences.detector import _pictures as pictures
from art_snn.defences.detector._layer_features import Sketch, named_layers
from art_snn.defences.detector._outlier_limits import FalseAlarmRate, upper_limit
from art_snn.defences.detector._voltage_sequences import CleanModel, CleanSamples, Recorder, check_every_class
from art_snn.defences.detector.model_detector import ModelReport
from art_snn.defences.detector.sample_detector import SampleDetector, check_is_pytorch, suspects
from art_snn.estimators.classification.mode import mode
from art_snn.typing import Array, Indices, Labels, Mask

SIGNIFICANCE = 0.01  # for all classes together
_ENOUGH_OF_SAMPLES, _ENOUGH_OF_A_MODEL = 0.33, 0.25
_LOWER_QUARTILE = 0.25  # clean even if half of a class is poison


class ReferenceDefence(SampleDetector):
    """Compare cumulative voltages and output spikes of one layer with those of clean samples or of a clean model.

    With clean samples, the deviation of a sample is its mean distance to the clean samples of its class. With a clean
    model, it is the error of predicting the sample's sequences from those in the clean model. A score is the deviation
    divided by the lower quartile of its class. A class is accused if its scores lie above those of the other classes,
    significantly and far enough (two-sample Kolmogorov-Smirnov test); in an accused class, scores beyond the limit of a
    normal distribution are reported as poison. An ANN has one time step. A silent layer scores 0.

    Args:
        classifier: Classifier trained on the samples: ART's `PyTorchClassifier` or a spiking one.
        x_train: Training samples, (N, ...), less than a quarter of them poisoned.
        y_train: Labels of the training samples, indices (N,) or one-hot (N, K).
        reference: Clean model for the same samples; None to compare with clean samples.
        x_reference: Clean samples, (M, ...), if there is no clean model: some of each class that occurs in `y_train` or
            that the classifier predicts for new samples.
        y_reference: Labels of the clean samples, indices (M,) or one-hot (M, K).
        layer: Name of a layer or its index among the hidden spiking layers (in an ANN: the activation modules); -1 is
            the last, as in the source. The same layer of the clean model is read.
        false_acceptance_rate: Share of clean samples that may be flagged in an accused class, in (0, 0.5].
        separation_threshold: Separation in [0, 1] from which on a class is accused. None: 0.33 with clean samples, 0.25
            with a clean model, which separates better.
        max_features: Largest number of values kept per sample and time step, for voltages and spikes each. M reference
            samples take M × T × max_features × 8 bytes, and training samples pass batch by batch. A clean model takes
            four times as many bytes for each of the N training samples, which are compared all at once.
        batch_size: Samples in one forward pass.
        seed: Seed of all random draws.

    Raises:
        TypeError: If a classifier is not a `PyTorchClassifier`.
        ValueError: If a parameter is out of its range, samples and labels do not fit or are not finite, a class has no
            clean samples, or not exactly one kind of reference is given.

    Source: Jin et al., Data poisoning-based backdoor attack framework against supervised learning rules of spiking
    neural networks, 2024, https://arxiv.org/abs/2409.15670, section 5.2.1 and Fig. 11, which shows the comparison as a
    picture; the statistic is ours.
    """

    clean_arguments = ("x_reference", "y_reference")
    _data = frozenset({"reference", *clean_arguments})

    def __init__(
        self,
        classifier: PyTorchClassifier,
        x_train: Array,
        y_train: Labels,
        reference: PyTorchClassifier | None = None,
        x_reference: Array | None = None,
        y_reference: Labels | None = None,
        *,
        layer: int | str = -1,
        false_acceptance_rate: FalseAlarmRate = 0.01,
        separation_threshold: Fraction | None = None,
        max_features: Count = 128,
        batch_size: Count = 128,
        seed: Seed = 0,
    ) -> None:
        super().__init__(classifier, x_train, y_train)
        self.layer, self.false_acceptance_rate = layer, false_acceptance_rate
        self.separation_threshold, self.max_features = separation_threshold, max_features
        self.batch_size, self.seed = batch_size, seed
        self._clean_samples = self._checked_reference(reference, x_reference, y_reference)
        self._models = [classifier] if reference is None else [classifier, reference]
        self._check_params()

    @property
    def sees_time(self) -> bool:
        """Sequences over time are compared."""
        return True

    @property
    def n_reference(self) -> int:
        """Clean samples that it was given; none with a clean model."""
        return 0 if self._clean_samples is None else len(self._clean_samples[1])

    def detect_backdoor(self, **kwargs: Any) -> ModelReport:
        """Whether the training data of a class deviate from the reference: the verdict on the model.

        Args:
            **kwargs: New values of parameters, kept for later calls.

        Returns:
            A report whose `scores` are the separations of the classes, and `anomaly` is their maximum.
        """
        self.set_params(**kwargs)
        with self._unchanged_classifier():
            separations, p_values = self._separations()
        target = int(separations.argmax())
        is_backdoored = bool(self._is_accused(separations, p_values).any())
        anomaly = float(separations[target])
        return ModelReport(is_backdoored, target, float(p_values[target]), separations, anomaly)

    def plot_sequences(self, label: int | None = None, *, n_samples: int = 8, n_neurons: int = 16) -> Figure:
        """Plot cumulative voltages and spikes, of clean samples on the left and of the most suspicious on the right.

        The clean samples are the reference samples of the class, or the suspicious ones in the clean model. The figure
        shows averages over samples, for the neurons that differ most.

        Args:
            label: Class of the samples; None for the class with the largest separation.
            n_samples: Largest number of samples to average over.
            n_neurons: Largest number of neurons to show.
        """
        check_at_least("n_samples", n_samples, 1)
        check_at_least("n_neurons", n_neurons, 1)
        with self._unchanged_classifier():
            label = int(self._separations()[0].argmax()) if label is None else label
            check_choice("label", label, np.unique(self._labels).tolist())
            rows = np.flatnonzero(self._labels == label)
            suspects = self.x_train[rows[np.argsort(-self._scores(None)[rows], kind="stable")[:n_samples]]]
            whole = Sketch(sys.maxsize, self.seed)
            clean = suspects
            if self._clean_samples is not None:
                x_clean, labels = self._clean_samples
                clean = x_clean[labels == label][:n_samples]
            pairs = (self._models[-1], clean), (self.classifier, suspects)
            means = [[p.mean(axis=0) for p in self._recorder(model, whole)(samples)] for model, samples in pairs]
        return pictures.sequences(means[0], means[1], n_neurons, f"class {label}")

    def _detect(self) -> tuple[dict[str, Any], Mask]:
        separations, p_values = self._separations()
        scores, is_accused = self._scores(None), self._is_accused(separations, p_values)
        limit = upper_limit(scores, self.false_acceptance_rate)
        is_poison = is_accused[self._labels] & (scores > limit)
        report = {
            **self.get_params(),
            "accused_classes": np.flatnonzero(is_accused).tolist(),
            "separations": separations.tolist(),
            "p_values": p_values.tolist(),
            "threshold": limit,
            "suspects": suspects(scores, is_poison),
        }
        return report, is_poison

    def _scores(self, x: Array | None) -> Array:
        reference, deviations, quartiles = self._fitted_reference()
        if x is None:
            return deviations / quartiles[self._labels]
        labels = self._predicted(x)
        return reference.deviations(x, labels) / quartiles[labels]

    def _separations(self) -> tuple[Array, Array]:
        """One-sided Kolmogorov-Smirnov statistic of each class against all others, and its p-value times K."""
        scores, n_classes = self._scores(None), self.classifier.nb_classes
        separations, p_values = np.zeros(n_classes), np.ones(n_classes)
        for label in np.unique(self._labels):
            own = self._labels == label
            if not own.all():
                outcome = stats.ks_2samp(scores[own], scores[~own], alternative="less")
                separations[label], p_values[label] = outcome.statistic, min(1.0, n_classes * outcome.pvalue)
        return separations, p_values

    def _is_accused(self, separations: Array, p_values: Array) -> Mask:
        threshold = self.separation_threshold
        if threshold is None:
            threshold = _ENOUGH_OF_A_MODEL if self._clean_samples is None else _ENOUGH_OF_SAMPLES
        is_accused: Mask = (separations >= threshold) & (p_values <= SIGNIFICANCE)
        return is_accused

    def _fitted_reference(self) -> tuple[CleanSamples | CleanModel, Array, Array]:
        """The fitted reference, the deviations of the training data, and their lower quartile for each class."""
        return self._cached("reference", self._fit_reference)

    def _fit_reference(self) -> tuple[CleanSamples | CleanModel, Array, Array]:
        sketch = Sketch(self.max_features, self.seed)
        record, record_clean = (self._recorder(model, sketch) for model in (self.classifier, self._models[-1]))
        reference: CleanSamples | CleanModel
        if self._clean_samples is None:
            reference = CleanModel(record, record_clean, self.seed)
        else:
            reference = CleanSamples(record, *self._clean_samples)
        deviations = reference.fit(self.x_train, self._labels)
        quartiles = np.ones(self.classifier.nb_classes)
        for label in np.unique(self._labels):
            quartiles[label] = np.quantile(deviations[self._labels == label], _LOWER_QUARTILE) or 1.0
        return reference, deviations, quartiles

    def _recorder(self, classifier: PyTorchClassifier, sketch: Sketch) -> Recorder:
        (layer,) = named_layers(classifier, [self.layer])
        return Recorder(classifier, layer, sketch, self._batches)

    @contextmanager
    def _unchanged_classifier(self) -> Iterator[None]:
        with super()._unchanged_classifier(), mode(self._models[-1].model, False):
            yield

    def _checked_reference(
        self, model: PyTorchClassifier | None, x: Array | None, y: Labels | None
    ) -> tuple[Array, Indices] | None:
        """The clean samples with their class indices; None if there is a clean model in their place."""
        if model is not None and x is None and y is None:
            check_is_pytorch(model)
            return None
        if model is not None or x is None or y is None:
            given = {"reference": model, "x_reference": x, "y_reference": y}
            names = " and ".join(name for name, value in given.items() if value is not None) or "none"
            raise ValueError(f"expected either a reference model, or x_reference with y_reference, got {names}")
        x, labels = self._like_training_data("x_reference", x), class_indices(y, self.classifier.nb_classes)
        check_same_length("reference samples", x, "labels", labels)
        check_every_class(self._labels, labels)
        return x, labels

    def _check_params(self) -> None:
        super()._check_params()
        if self.layer == "scan" or (isinstance(self.layer, Sequence) and not isinstance(self.layer, str)):
            raise ValueError(f"expected layer to be one layer's name or index, got {self.layer!r}")
        sketch = Sketch(self.max_features, self.seed)
        with self._unchanged_classifier():  # raises if a model has no such layer
            for model in self._models:
                self._recorder(model, sketch)(self._empty_sample())
