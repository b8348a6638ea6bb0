"""Pruning of channels that a small adversarial change of their weights lets call forth wrong classes."""

import numpy as np
import torch
from art.estimators.classification import PyTorchClassifier
from torch import Tensor

from art_snn._declared import Count, CountOrZero, Fraction, Positive, Seed
from art_snn._progress import progress
from art_snn._validation import check_finite, check_same_length
from art_snn.defences._clean_batches import CleanBatches
from art_snn.defences._convolution_units import Unit, units
from art_snn.defences._differentiable import descend
from art_snn.defences._pruning import lowest, prune_and_tune
from art_snn.defences._scaled_channels import ScaledChannels
from art_snn.defences.transformer.elimination import Elimination
from art_snn.estimators.classification import Schedule, rule_of
from art_snn.estimators.classification.mode import mode
from art_snn.typing import Array, Labels


class AdversarialNeuronPruning(Elimination):
    """Silence the channels whose masks fall when their weights and biases are perturbed against clean samples (ANP).

    A mask m in [0, 1] of each channel learns, by gradient descent with momentum 0.9, to keep the loss
    α L(m w, b) + (1 - α) L((m + δ) w, (1 + ξ) b) low, where δ and ξ in [-ε, ε] start at random and raise the loss by
    one step along the sign of its gradient. Channels of all convolutions are ranked together. Weights and bias are
    those of the batch norm, or without one of the convolution. A converted classifier learns masks on its ANN.

    Args:
        classifier: Trained classifier with convolutions, which is not changed.
        threshold: Mask up to which a channel is silenced, in [0, 1], where `share` is None.
        share: Share of all channels to silence instead, those of the smallest masks; their number is rounded down.
        epsilon: Largest perturbation ε, relative to the weight.
        alpha: Weight α of the loss without perturbation, in [0, 1].
        mask_learning_rate: Learning rate of the masks.
        mask_epochs: Passes over the samples that train the masks.
        learning_rate: Learning rate of the classifier's own kind of optimiser in fine-tuning.
        batch_size: Most samples in one training step.
        nb_epochs: Passes over the samples that fine-tune what is left; 0 prunes alone, as published.
        seed: Seed of the order of samples and of dropout.
        verbose: Whether to show a progress bar.
        schedule: "constant", or "cosine", by which the learning rate falls to 0 over the epochs.
        retrain: Whether fine-tuning takes all steps of the training again, as for `CleanFineTuning`.

    Source: Wu and Wang, Adversarial Neuron Pruning Purifies Backdoored Deep Models, NeurIPS 2021,
    https://arxiv.org/abs/2110.14430, section 4.
    """

    def __init__(
        self,
        classifier: PyTorchClassifier,
        threshold: Fraction = 0.2,
        share: Fraction | None = None,
        epsilon: Positive = 0.4,
        alpha: Fraction = 0.2,
        mask_learning_rate: Positive = 0.2,
        mask_epochs: Count = 100,
        learning_rate: Positive = 2e-3,
        batch_size: Count = 32,
        nb_epochs: CountOrZero = 20,
        seed: Seed = 0,
        verbose: bool = False,
        schedule: Schedule = "constant",
        retrain: bool = False,
    ) -> None:
        super().__init__(classifier)
        self.threshold, self.share, self.epsilon, self.alpha = threshold, share, epsilon, alpha
        self.mask_learning_rate, self.mask_epochs = mask_learning_rate, mask_epochs
        self.learning_rate, self.schedule = learning_rate, schedule
        self.batch_size, self.nb_epochs = batch_size, nb_epochs
        self.seed, self.verbose, self.retrain = seed, verbose, retrain
        self._check_params()

    def _transform(self, classifier: PyTorchClassifier, x: Array | None, y: Labels | None) -> PyTorchClassifier:
        if x is None or len(x) == 0 or y is None:
            raise ValueError("expected clean samples x and their labels y, got none")
        check_same_length("x", x, "y", y)
        check_finite("x", x)
        found = units(classifier)
        if not found:
            raise ValueError("expected a model with convolutions, got one without")
        masks = dict(zip(found, self._masks(classifier, found, x, y), strict=True))
        below = {unit: np.flatnonzero(mask <= self.threshold) for unit, mask in masks.items()}
        prune_and_tune(classifier, below if self.share is None else lowest(masks, self.share), x, y, self)
        return classifier

    def _masks(self, classifier: PyTorchClassifier, found: list[Unit], x: Array, y: Labels) -> list[Array]:
        """The trained masks (C,) of each unit."""
        rule = rule_of(classifier)
        trained = rule.owner_of(rule.tuning_steps[0]).classifier
        own = found if trained is classifier else [unit.source or unit for unit in found]
        scaled, batches = ScaledChannels(trained, own), CleanBatches(trained, x, y, self.batch_size, self.seed)
        masks = [torch.ones(unit.conv.out_channels, device=classifier.device, requires_grad=True) for unit in own]
        optimizer = torch.optim.SGD(masks, lr=self.mask_learning_rate, momentum=0.9)
        total = self.mask_epochs * batches.n_batches
        bar = progress(verbose=self.verbose, total=total, desc="masks", unit="batch")
        draws = torch.Generator().manual_seed(self.seed)
        with mode(trained.model, False), bar:
            for inputs, labels in (batch for _ in range(self.mask_epochs) for batch in batches.epoch()):
                noise = self._worst_noise(scaled, masks, inputs, labels, draws)
                plain, noisy = (trained.loss(scaled(inputs, masks, by), labels) for by in (None, noise))
                descend(optimizer, self.alpha * plain + (1 - self.alpha) * noisy)
                with torch.no_grad():
                    for mask in masks:
                        mask.clamp_(0, 1)
                bar.update()
        return [mask.detach().double().cpu().numpy() for mask in masks]

    def _worst_noise(
        self, scaled: ScaledChannels, masks: list[Tensor], inputs: Tensor, labels: Tensor, draws: torch.Generator
    ) -> list[Tensor]:
        """(δ, ξ) of each unit, (2, C), from a random start a step of ε along the sign of the gradient."""
        starts = [self.epsilon * (2 * torch.rand(2, len(mask), generator=draws) - 1) for mask in masks]
        noise = [start.to(mask.device).requires_grad_() for start, mask in zip(starts, masks, strict=True)]
        loss = scaled.classifier.loss(scaled(inputs, [mask.detach() for mask in masks], noise), labels)
        gradients = torch.autograd.grad(loss, noise, allow_unused=True, materialize_grads=True)
        moved = (n.detach() + self.epsilon * g.sign() for n, g in zip(noise, gradients, strict=True))
        return [n.clamp(-self.epsilon, self.epsilon) for n in moved]
