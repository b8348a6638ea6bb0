"""Predictions after several numbers of time steps, in one pass."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from art.estimators.classification import PyTorchClassifier

from art_snn._validation import check_at_least
from art_snn.estimators.classification._host import Host
from art_snn.estimators.classification.inputs import samples_for
from art_snn.estimators.classification.mode import mode
from art_snn.estimators.classification.module import SpikingModule
from art_snn.estimators.classification.streaming import to_device
from art_snn.typing import Array


def predict_at(
    classifier: PyTorchClassifier, x: Array, timesteps: Sequence[int], batch_size: int = 128
) -> dict[int, Array]:
    """Logits after each of several numbers of time steps; see `SpikingModule.logits_at` for when one pass gives them.

    Args:
        classifier: Any `PyTorchClassifier` around a `SpikingModule`; it is left as it was.
        x: Samples of its `input_shape`, (N, ...).
        timesteps: Each at least 1. For static samples they may exceed the T of `predict`; of frames, which pass the
            preprocessing defences whole, the network sees the first so many.
        batch_size: Samples a pass.

    Returns:
        For each number what `predict` gives with that many time steps, (N, K).

    Raises:
        ValueError: If there is no number of time steps, one is out of range, or the samples have another shape.
        TypeError: If a number is not whole, or the classifier is not spiking.
    """
    model: Any = classifier.model
    if not isinstance(model, SpikingModule):
        raise TypeError(f"expected a classifier around a SpikingModule, got one around {type(model).__name__}")
    for t in timesteps or (0,):
        check_at_least("timesteps", t, 1)
    x = samples_for(classifier, x)
    size = batch_size if classifier.device.type != "cpu" else min(batch_size, model.samples_at_once(x.shape[1:]))
    found: dict[int, list[Array]] = {t: [np.empty((0, classifier.nb_classes), np.float32)] for t in timesteps}
    with mode(classifier._model, False, draws=False), torch.no_grad():
        for start in range(0, len(x), size):
            batch, _ = classifier._apply_preprocessing(x[start : start + size], y=None, fit=False)
            for t, logits in model.logits_at(to_device(batch, classifier.device), timesteps).items():
                found[t].append(logits.float().cpu().numpy())
    joined = {t: np.concatenate(parts) for t, parts in found.items()}
    return {t: classifier._apply_postprocessing(preds=logits, fit=False) for t, logits in joined.items()}


class PredictionsOverTime(Host):
    """`predict_at` for a spiking classifier."""

    def predict_at(self, x: Array, timesteps: Sequence[int], batch_size: int = 128) -> dict[int, Array]:
        """Logits after each of several numbers of time steps, in one pass where nothing but state connects them.

        Args:
            x: Samples of `input_shape`.
            timesteps: Each at least 1. For static samples they may exceed the T of `predict`; of frames, the network
                sees the first so many.
            batch_size: Samples a pass.

        Returns:
            For each number what `predict` gives with that many time steps, (N, K).
        """
        return predict_at(self, x, timesteps, batch_size)
