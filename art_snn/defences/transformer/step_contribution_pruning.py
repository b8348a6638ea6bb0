"""Pruning by time: channels that could push a wrong class at some step more than they serve the right one at any."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from art.estimators.classification import PyTorchClassifier
from torch import Tensor, nn

from art_snn._declared import Count, CountOrZero, Fraction, Positive, Seed
from art_snn._validation import check_finite, check_same_length, class_indices
from art_snn.defences._convolution_units import Unit, units
from art_snn.defences._pruning import lowest, prune_and_tune
from art_snn.defences.transformer.elimination import Elimination
from art_snn.estimators.classification import Schedule, rule_of
from art_snn.estimators.classification.differentiable import logits
from art_snn.estimators.classification.inspection import hooked, in_time
from art_snn.estimators.classification.mode import mode
from art_snn.typing import Array, Labels


class StepContributionPruning(Elimination):
    """Silence the channels that serve clean samples least at every time step, for what they could do at one step.

    Let s be a channel's output and z the logits. At step t the channel serves |Σ s ∂z_y/∂s|, summed over pixels and
    averaged over clean samples, to the logit of the true class y, and could add Σ max(0, ∂(z_k - z_y)/∂s) (s_max - s)
    to a wrong class k, were it at its largest output everywhere. Its value is the largest service of any step over
    the largest possible addition of any step and class; the channels of the lowest values are silenced, of all
    convolutions together. A mean over time would hide a channel that matters, or that a trigger can use, at few steps.

    An ANN has one step: the value there is first-order importance (Molchanov et al., 2017,
    https://arxiv.org/abs/1611.06440) over the possible addition. Convolutions without a rectifier or neurons of their
    own are left as they are.

    Args:
        classifier: Trained classifier with convolutions, which is not changed.
        share: Share of the channels to silence, in [0, 1]; their number is rounded down.
        learning_rate: Learning rate of the classifier's own kind of optimiser in fine-tuning.
        batch_size: Samples in one pass and in one training step.
        nb_epochs: Passes over the samples that fine-tune what is left; 0 prunes alone.
        seed: Seed of the order of samples and of dropout.
        verbose: Whether to show a progress bar.
        schedule: "constant", or "cosine", by which the learning rate falls to 0 over the epochs.
        retrain: Whether fine-tuning takes all steps of the training again, as for `CleanFineTuning`.

    Source: art_snn's own; contributions over time steps as a risk of backdoors: FedTSR, 2026.
    """

    def __init__(
        self,
        classifier: PyTorchClassifier,
        share: Fraction = 0.25,
        learning_rate: Positive = 2e-3,
        batch_size: Count = 32,
        nb_epochs: CountOrZero = 20,
        seed: Seed = 0,
        verbose: bool = False,
        schedule: Schedule = "constant",
        retrain: bool = False,
    ) -> None:
        super().__init__(classifier)
        self.share, self.learning_rate, self.schedule = share, learning_rate, schedule
        self.batch_size, self.nb_epochs, self.seed = batch_size, nb_epochs, seed
        self.verbose, self.retrain = verbose, retrain
        self._check_params()

    def _transform(self, classifier: PyTorchClassifier, x: Array | None, y: Labels | None) -> PyTorchClassifier:
        if x is None or len(x) == 0 or y is None:
            raise ValueError("expected clean samples x and their labels y, got none")
        check_same_length("x", x, "y", y)
        check_finite("x", x)
        values = step_values(classifier, x, class_indices(y, classifier.nb_classes), self.batch_size)
        prune_and_tune(classifier, lowest(values, self.share), x, y, self)
        return classifier


def step_values(classifier: PyTorchClassifier, x: Array, y: Array, batch_size: int) -> dict[Unit, Array]:
    """Largest service of any step over the largest possible addition of any step and class, (C,), by unit.

    Args:
        classifier: Classifier to run, which is not changed.
        x: Clean samples, (N, ...).
        y: Classes of the samples, (N,).
        batch_size: Samples in one pass.

    Raises:
        ValueError: If the model has no convolution with a rectifier or neurons of its own.
    """
    found = [unit for unit in units(classifier) if unit.activation is not None]
    if not found:
        raise ValueError("expected a convolution that feeds a rectifier, or neurons of its own, got a model without")
    served: list[Any] = [0.0] * len(found)
    possible: list[Any] = [0.0] * len(found)
    batches = [slice(start, start + batch_size) for start in range(0, len(x), batch_size)]
    with mode(classifier.model, False):
        tops = [torch.stack(of_unit).amax(0) for of_unit in zip(*_tops(classifier, found, x, batches), strict=True)]
        for rows in batches:
            passed = _Pass(classifier, found, x[rows])
            for number, top in enumerate(tops):
                service, addition = passed.contributions(number, torch.as_tensor(y[rows], device=top.device), top)
                served[number] += service / len(x)
                possible[number] += addition / len(x)
    ratios = (service.amax(0) / addition.amax((0, 1)) for service, addition in zip(served, possible, strict=True))
    return {
        u: torch.nan_to_num(r, nan=0.0, posinf=torch.inf).double().cpu().numpy()
        for u, r in zip(found, ratios, strict=True)
    }


def _tops(classifier: PyTorchClassifier, found: list[Unit], x: Array, batches: list[slice]) -> Iterator[list[Tensor]]:
    """The largest output (C,) of each unit in each batch."""
    for rows in batches:
        with torch.no_grad():
            passed = _Pass(classifier, found, x[rows])
        yield [passed.in_time(number, passed.outputs[unit]).amax((0, 1, 3, 4)) for number, unit in enumerate(found)]


class _Pass:
    """One pass of samples, with what each unit's activation put out."""

    def __init__(self, classifier: PyTorchClassifier, found: list[Unit], x: Array) -> None:
        rule = rule_of(classifier)
        self.n_samples, self.found = len(x), found
        self.forms = [rule.watched(unit.activation).form for unit in found if unit.activation is not None]
        with _kept(found) as self.outputs:
            self.logits = logits(classifier, torch.as_tensor(x, dtype=torch.float32, device=classifier.device))

    def in_time(self, number: int, parts: list[Tensor]) -> Tensor:
        """What belongs to the calls of a unit, as (T, N, C, H, W)."""
        return torch.cat([in_time(part, self.forms[number], self.n_samples) for part in parts])

    def contributions(self, number: int, y: Tensor, top: Tensor) -> tuple[Tensor, Tensor]:
        """Service (T, C) and possible addition (K, T, C) of a unit's channels, summed over samples."""
        parts = self.outputs[self.found[number]]
        outputs = self.in_time(number, parts).detach()
        gradients = torch.stack([self._gradient(number, parts, k) for k in range(self.logits.shape[1])])
        samples = torch.arange(self.n_samples, device=y.device)
        of_true = gradients[y, :, samples].transpose(0, 1)  # (T, N, C, H, W)
        service = (outputs * of_true).flatten(3).sum(3).abs().sum(1)
        room = top[:, None, None] - outputs
        return service, ((gradients - of_true).clamp(min=0) * room).flatten(4).sum((2, 4))

    def _gradient(self, number: int, parts: list[Tensor], k: int) -> Tensor:
        found = torch.autograd.grad(self.logits[:, k].sum(), parts, retain_graph=True)
        return self.in_time(number, list(found))


@contextmanager
def _kept(found: list[Unit]) -> Iterator[dict[Unit, list[Tensor]]]:
    """The outputs of each unit's activation while the block runs, without the calls that serve other units."""
    kept: dict[Unit, list[Tensor]] = {unit: [] for unit in found}
    latest: dict[nn.Module, Tensor] = {}

    def note(module: nn.Module, _inputs: Any, output: Tensor) -> None:
        latest[module] = output

    def keep(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        for unit in found:
            if unit.activation is module and (unit.neurons is not None or latest.get(unit.last) is inputs[0]):  # type: ignore[arg-type]
                kept[unit].append(output)

    notes = {unit.last: note for unit in found if unit.last is not None and unit.neurons is None}
    keeps = {unit.activation: keep for unit in found if unit.activation is not None}
    with hooked({**notes, **keeps}):
        yield kept
