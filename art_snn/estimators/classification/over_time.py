"""Predictions after several numbers of time steps, in one pass."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

import numpy as np
import torch

from art_snn._validation import check_at_least
from art_snn.estimators.classification.host import Host
from art_snn.estimators.classification.mode import mode
from art_snn.typing import Array, Images


class PredictionsOverTime(Host):
    """`predict_at` for a classifier of static samples."""

    def predict_at(self, x: Images, timesteps: Sequence[int], batch_size: int = 128) -> dict[int, Array]:
        """Logits after each of several numbers of time steps, in one pass over the largest.

        Args:
            x: Samples of `input_shape`.
            timesteps: Each at least 1; they may exceed the T of `predict`.
            batch_size: Samples a pass.

        Returns:
            For each T what `predict` gives with that many time steps, (N, K).
        """
        for t in timesteps or (0,):
            check_at_least("timesteps", t, 1)
        with mode(self._model, False, draws=False), self._running(max(timesteps)), torch.no_grad():
            batches = [self._read_at(batch, timesteps) for batch in self._sample_batches(x, batch_size)]
        empty = np.empty((0, self.nb_classes), np.float32)
        return {t: np.concatenate([empty, *(logits[t] for logits in batches)]) for t in timesteps}

    @contextmanager
    def _running(self, timesteps: int) -> Iterator[None]:
        """Another number of time steps for a while."""
        before, self.model.timesteps = self.model.timesteps, timesteps
        try:
            yield
        finally:
            self.model.timesteps = before

    def _read_at(self, x: Array, timesteps: Sequence[int]) -> dict[int, Array]:
        x, _ = self._apply_preprocessing(x, y=None, fit=False)
        found, total, t = {}, 0, 0
        with closing(self.model.outputs(self._to_device(x))) as chunks:
            for step in (step for chunk in chunks for step in chunk):
                t, total = t + 1, total + step
                if t in timesteps:
                    read = {"mean": total / t, "sum": total, "last": step}[self.model.readout]
                    found[t] = read.cpu().numpy()
        return found
