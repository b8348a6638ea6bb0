"""Fine-tuning towards flat minima: the weights of backdoor neurons shrink more than by plain fine-tuning."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from art.estimators.classification import PyTorchClassifier
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from art_snn._declared import Count, FromZero, Positive, Seed
from art_snn._progress import progress
from art_snn._random import host_seed
from art_snn.defences._clean_batches import CleanBatches
from art_snn.defences.trainer.clean_fine_tuning import CleanFineTuning
from art_snn.estimators.classification import Schedule, TrainingData, rule_of, scheduler_of
from art_snn.estimators.classification.mode import mode
from art_snn.typing import Array, Labels


class SharpnessAwareFineTuning(CleanFineTuning):
    """Fine-tune a copy of the classifier on a few clean samples, each step at the worst weights nearby (FT-SAM).

    Each step takes the gradient at w + ε, where ε = ρ T² g / ‖T g‖ raises the loss most among all ε with
    ‖T⁻¹ ε‖ ≤ ρ; g is the gradient at w, and T = |w| + η element by element, so that large weights move most. Running
    statistics of norms see the first of the two passes only.

    Args:
        classifier: Trained classifier, which is not changed.
        rho: Radius ρ of the neighbourhood; 0 is plain fine-tuning. The publication takes 2 to 8 for larger networks.
        eta: Smallest scale η of a weight.
        learning_rate: Learning rate of the classifier's own kind of optimiser.
        batch_size: Most samples in one training step.
        nb_epochs: Passes over the samples, at least 1.
        recalibrate: As for `CleanFineTuning`.
        retrain: As for `CleanFineTuning`.
        seed: Seed of the order of samples and of dropout.
        verbose: Whether to show a progress bar.
        schedule: "constant", or "cosine", by which the learning rate falls to 0 over the epochs.

    Source: Zhu et al., Enhancing Fine-Tuning Based Backdoor Defense with Sharpness-Aware Minimization, ICCV 2023,
    https://arxiv.org/abs/2304.11823, section 4.2.
    """

    def __init__(
        self,
        classifier: PyTorchClassifier,
        rho: FromZero = 0.5,
        eta: Positive = 0.01,
        learning_rate: Positive = 2e-3,
        batch_size: Count = 32,
        nb_epochs: Count = 20,
        recalibrate: bool = False,
        seed: Seed = 0,
        verbose: bool = False,
        schedule: Schedule = "constant",
        retrain: bool = False,
    ) -> None:
        self.rho, self.eta = rho, eta
        super().__init__(
            classifier, learning_rate, batch_size, nb_epochs, recalibrate, seed, verbose, schedule, retrain
        )

    def _tune(self, tuned: PyTorchClassifier, x: Array, y: Labels) -> None:
        rule = rule_of(tuned)
        with host_seed(self.seed):
            for step in rule.training_steps if self.retrain else rule.tuning_steps:
                optimizer, epochs = rule.fresh_optimizer(step, self.learning_rate, self.nb_epochs, retrain=self.retrain)
                if optimizer is None:
                    rule.train_step(step, TrainingData(x, y), seed=self.seed)
                    continue
                batches = CleanBatches(rule.owner_of(step).classifier, x, y, self.batch_size, self.seed)
                self._descend(optimizer, batches, epochs)

    def _descend(self, optimizer: torch.optim.Optimizer, batches: CleanBatches, nb_epochs: int) -> None:
        """Train the model of the batches' classifier."""
        model, loss = batches.classifier.model, batches.classifier.loss
        total = nb_epochs * batches.n_batches
        bar = progress(verbose=self.verbose, total=total, desc="fine-tuning", unit="batch")
        scheduler = scheduler_of(optimizer, self.schedule, nb_epochs)
        with mode(model, True), bar:
            for _ in range(nb_epochs):
                for inputs, labels in batches.epoch():
                    optimizer.zero_grad()
                    loss(model(inputs), labels).backward()
                    with _moved(self._ascent(optimizer)), _statistics_held(model):
                        optimizer.zero_grad()
                        loss(model(inputs), labels).backward()
                    optimizer.step()
                    bar.update()
                scheduler.step()
        optimizer.zero_grad()

    def _ascent(self, optimizer: torch.optim.Optimizer) -> list[tuple[Tensor, Tensor]]:
        """Each trained parameter with its ε."""
        weights = [w for group in optimizer.param_groups for w in group["params"] if w.grad is not None]
        scales = [w.detach().abs() + self.eta for w in weights]
        norm = torch.stack([(t * w.grad).norm() for t, w in zip(scales, weights, strict=True)]).norm() + 1e-12
        return [(w, self.rho * t.square() * w.grad / norm) for t, w in zip(scales, weights, strict=True)]


@contextmanager
def _moved(steps: list[tuple[Tensor, Tensor]]) -> Iterator[None]:
    """Parameters moved by a step each while the block runs."""
    before = [weight.detach().clone() for weight, _ in steps]
    with torch.no_grad():
        for weight, step in steps:
            weight.add_(step)
    try:
        yield
    finally:
        with torch.no_grad():
            for (weight, _), value in zip(steps, before, strict=True):
                weight.copy_(value)


@contextmanager
def _statistics_held(model: nn.Module) -> Iterator[None]:
    """Running statistics of batch norms stay while the block runs, which normalises by the batch."""
    norms = [module for module in model.modules() if isinstance(module, _BatchNorm)]
    before = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    try:
        yield
    finally:
        for norm, momentum in zip(norms, before, strict=True):
            norm.momentum = momentum
