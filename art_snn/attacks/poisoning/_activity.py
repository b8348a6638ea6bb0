"""How much a classifier's neurons put out for samples, and whether its answers stay: what sponge triggers raise."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from art.estimators.classification import PyTorchClassifier
from torch import Tensor, nn
from torch.nn import functional as F

from art_snn._random import host_seed
from art_snn.estimators.classification import rule_of
from art_snn.estimators.classification.differentiable import logits
from art_snn.estimators.classification.inspection import activation_modules, hooked, spiking_layers
from art_snn.estimators.classification.mode import mode
from art_snn.typing import Array

_AT_ONCE = 64  # samples a pass


class Activity:
    """What a pattern gains on some samples: outputs of all neurons as a multiple, less a penalty for other answers.

    The gain is the ratio of the sum of all outputs, for a spiking network its spikes, to that of the clean samples,
    less `penalty` times the mean cross-entropy with the classes that clean samples get.

    Args:
        classifier: Trained classifier, which is left as it was; the activations of an ANN stand for spikes.
        x: Clean samples, (N, ...), at least one.
        penalty: Weight of changed answers, from 0 up.

    Raises:
        ValueError: If neither neurons nor activations put out anything for the clean samples.
    """

    def __init__(self, classifier: PyTorchClassifier, x: Array, penalty: float) -> None:
        self.classifier, self.penalty = classifier, penalty
        self.x = torch.as_tensor(np.ascontiguousarray(x)).to(classifier.device, torch.float32)
        with self.asked(), torch.no_grad():
            found = [self._run(self.x[rows]) for rows in self.parts()]
        self._classes = torch.cat([outputs.argmax(1) for outputs, _ in found])
        self._clean = float(sum(activity for _, activity in found))
        if self._clean == 0:
            raise ValueError("expected a classifier whose neurons fire on clean samples, got a silent one")

    @contextmanager
    def asked(self) -> Iterator[None]:
        """While the block runs the classifier answers as in evaluation, and draws from no global stream."""
        with mode(self.classifier.model, False), host_seed(0):
            yield

    def parts(self) -> Iterator[slice]:
        """Rows of the samples, so many that one pass takes them."""
        for start in range(0, len(self.x), _AT_ONCE):
            yield slice(start, start + _AT_ONCE)

    def gain(self, triggered: Tensor, rows: slice) -> Tensor:
        """The share of these rows in the gain, with gradients; over all parts it adds up to the whole."""
        outputs, activity = self._run(triggered)
        changed = F.cross_entropy(outputs, self._classes[rows], reduction="sum") / len(self.x)
        return activity / self._clean - self.penalty * changed

    def _run(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Logits, and the sum of all outputs of neurons, or else of activations."""
        net, total = rule_of(self.classifier).network, list[Tensor]()

        def note(_module: nn.Module, _taken: object, output: Tensor) -> None:
            total.append(output.sum())  # of a magnitude silent neurons have no gradient

        layers = spiking_layers(net) or activation_modules(net)
        with hooked(dict.fromkeys(layers.values(), note)):
            outputs = logits(self.classifier, x)
        return outputs, torch.stack(total).sum() if total else torch.zeros(())
