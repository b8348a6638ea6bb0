"""Batches of clean samples for defences that train something by themselves."""

from collections.abc import Iterator

import numpy as np
import torch
from art.estimators.classification import PyTorchClassifier
from torch import Tensor

from art_snn._random import Rng
from art_snn._validation import check_finite, check_same_length, class_indices
from art_snn.estimators.classification.differentiable import preprocessed
from art_snn.estimators.classification.inputs import samples_for
from art_snn.typing import Array, Labels


class CleanBatches:
    """Clean samples and labels in batches of nearly the same size, none of a single sample where that can be helped.

    Args:
        classifier: Classifier whose preprocessing, form of labels and device count.
        x: Samples, (N, ...).
        y: Labels, indices (N,) or one-hot (N, K).
        batch_size: Most samples of a batch.
        rng: Order of the samples.

    Raises:
        ValueError: If samples and labels do not fit, or a sample is not finite.
    """

    def __init__(self, classifier: PyTorchClassifier, x: Array, y: Labels, batch_size: int, rng: Rng) -> None:
        x = samples_for(classifier, x, "x")
        check_same_length("x", x, "y", y)
        check_finite("x", x)
        self.classifier, self.x = classifier, x
        self.y = np.eye(classifier.nb_classes, dtype=np.float32)[class_indices(y, classifier.nb_classes)]
        self.n_batches, self._rng = -(-len(x) // batch_size), np.random.default_rng(rng)

    def epoch(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Samples as the model sees them and labels as the loss takes them, in a new order."""
        device = self.classifier.device
        for rows in np.array_split(self._rng.permutation(len(self.x)), self.n_batches):
            samples = torch.as_tensor(self.x[rows], dtype=torch.float32, device=device)
            yield preprocessed(self.classifier, samples), self._labels(rows)

    def _labels(self, rows: Array) -> Tensor:
        return torch.as_tensor(self.classifier.reduce_labels(self.y[rows]), device=self.classifier.device)
