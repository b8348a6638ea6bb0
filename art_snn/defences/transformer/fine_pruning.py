"""Pruning of channels that clean samples do not use, where a backdoor may sit, and fine-tuning of the rest."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from art.estimators.classification import PyTorchClassifier
from torch import Tensor, nn

from art_snn._declared import Count, CountOrZero, Fraction, Positive, Seed
from art_snn._validation import check_choice, check_finite, share_of
from art_snn.defences._convolution_units import Unit, units
from art_snn.defences._pruning import prune_and_tune
from art_snn.defences.transformer.elimination import Elimination
from art_snn.estimators.classification import Schedule, rule_of
from art_snn.estimators.classification.differentiable import logits
from art_snn.estimators.classification.inspection import Quantity, Recording, hooked, in_time, record
from art_snn.estimators.classification.mode import mode
from art_snn.typing import Array, Labels


class FinePruning(Elimination):
    """Silence the channels of a convolution that are least active on clean samples, then fine-tune the rest.

    Args:
        classifier: Trained classifier with convolutions, which is not changed.
        share: Share of the channels to silence, in [0, 1]; their number is rounded down.
        layer: Name of the convolution in the model; None for the last that feeds a rectifier or neurons of its own.
        quantity: Activity to average over samples, time and pixels: "spikes" of the neurons (the output of a
            rectifier), or "voltage" of the neurons after each step's reset.
        learning_rate: Learning rate of the classifier's own kind of optimiser.
        batch_size: Samples in one training step.
        nb_epochs: Passes over the samples; 0 prunes without fine-tuning and needs no labels.
        seed: Seed of the order of samples and of dropout.
        verbose: Whether to show a progress bar.
        schedule: "constant", or "cosine", by which the learning rate falls to 0 over the epochs.
        retrain: Whether fine-tuning takes all steps of the training again, as for `CleanFineTuning`.

    Source: Liu et al., Fine-Pruning, 2018, https://arxiv.org/abs/1805.12185, section 4.
    """

    def __init__(
        self,
        classifier: PyTorchClassifier,
        share: Fraction = 0.5,
        layer: str | None = None,
        quantity: Quantity = "spikes",
        learning_rate: Positive = 2e-3,
        batch_size: Count = 32,
        nb_epochs: CountOrZero = 20,
        seed: Seed = 0,
        verbose: bool = False,
        schedule: Schedule = "constant",
        retrain: bool = False,
    ) -> None:
        super().__init__(classifier)
        self.share, self.layer, self.quantity = share, layer, quantity
        self.learning_rate, self.schedule = learning_rate, schedule
        self.batch_size, self.nb_epochs = batch_size, nb_epochs
        self.seed, self.verbose, self.retrain = seed, verbose, retrain
        self._check_params()

    def _transform(self, classifier: PyTorchClassifier, x: Array | None, y: Labels | None) -> PyTorchClassifier:
        if x is None or len(x) == 0 or (y is None and self.nb_epochs):
            raise ValueError("expected clean samples x and, to fine-tune, their labels y, got none")
        check_finite("x", x)
        unit = self._unit_to_prune(classifier)
        activity = channel_activity(classifier, unit, x, self.quantity, self.batch_size)
        channels = np.argsort(activity, kind="stable")[: share_of(self.share, len(activity))]
        prune_and_tune(classifier, {unit: channels}, x, y, self)
        return classifier

    def _unit_to_prune(self, classifier: PyTorchClassifier) -> Unit:
        """The unit to prune."""
        found = {unit.name: unit for unit in units(classifier) if unit.activation is not None}
        if not found:
            raise ValueError(
                "expected a convolution that feeds a rectifier, or neurons of its own, got a model without"
            )
        if self.layer is None:
            return list(found.values())[-1]
        check_choice("layer", self.layer, found)
        return found[self.layer]


def channel_activity(classifier: PyTorchClassifier, unit: Unit, x: Array, quantity: Quantity, batch_size: int) -> Array:
    """Mean activity (C,) of a unit's neurons or rectifier over samples, time and pixels.

    Args:
        classifier: Classifier to run, which is not changed.
        unit: Unit of the classifier with an activation.
        x: Samples, (N, ...).
        quantity: "spikes" or "voltage".
        batch_size: Samples in one forward pass.

    Raises:
        ValueError: If `quantity` is "voltage" and the unit has no neurons.
    """
    total: Any = 0
    with mode(classifier.model, False), torch.no_grad():
        for start in range(0, len(x), batch_size):
            batch = torch.as_tensor(x[start : start + batch_size], dtype=torch.float32, device=classifier.device)
            with _recorded(classifier, unit, quantity, len(batch)) as recording:
                logits(classifier, batch)
            means = recording.result(recording.n_steps).double()
            total = total + means.transpose(0, 1).flatten(1).mean(1) * (len(batch) / len(x))
    activity: Array = total.cpu().numpy()
    return activity


@contextmanager
def _recorded(classifier: PyTorchClassifier, unit: Unit, quantity: Quantity, n_samples: int) -> Iterator[Recording]:
    """Record a unit's activation while the block runs, without the calls of a rectifier that serves other units."""
    if unit.last is None or unit.activation is None:
        raise ValueError(f"expected a unit with an activation, got {unit.name!r} without")
    watched = unit.activation if quantity == "spikes" else unit.neurons or unit.activation
    layer = rule_of(classifier).watched(watched)
    if quantity == "voltage" or unit.neurons is not None:
        with record([layer], quantity, "rate", n_samples) as (recording,):
            yield recording
        return
    recording, latest = Recording("rate"), list[Tensor]()

    def keep(_module: nn.Module, _inputs: Any, output: Tensor) -> None:
        latest[:] = [output]

    def add(_module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        if latest and inputs[0] is latest[0]:
            recording.add(in_time(output, layer.form, n_samples))

    with hooked({unit.last: keep, unit.activation: add}):
        yield recording
