"""Train a classifier and a trigger network together: the network looks one step of the classifier ahead."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from art.estimators.classification import PyTorchClassifier
from torch import Tensor, nn
from torch.func import functional_call

from art_snn._detached import detached_copy
from art_snn._random import Rng
from art_snn.attacks.poisoning._training_loop import TrainingLoop, n_epochs_of
from art_snn.estimators.classification.mode import mode
from art_snn.typing import Array, Indices, Labels

Call = Callable[[Mapping[str, Tensor], Tensor], Tensor]  # from weights by name and samples to logits
Loss = Callable[[Tensor], Tensor]  # of logits
Perturb = Callable[[Tensor, Tensor], Tensor]  # from samples and the network's output to triggered samples


def look_ahead_loss(
    call: Call,
    weights: Mapping[str, Tensor],
    rates: Mapping[str, float],
    clean: Mapping[str, Tensor | None],
    triggered: Tensor,
    loss: Loss,
    share: float,
) -> Tensor:
    """How little the classifier will obey the trigger after one plain gradient step on clean and triggered samples.

    The step θ' = θ - η·∇ stays in the graph, so that the gradient of this loss with respect to whatever `triggered`
    was made of holds the second-order part, through θ'. The part of ∇ that comes from clean samples depends on no
    trigger and enters as numbers.

    Args:
        call: From weights by name and samples to logits.
        weights: θ by name, with gradients.
        rates: η by name; weights that are not named do not move.
        clean: By name, the gradient of the weighted loss of clean samples; None is zero.
        triggered: Samples with the trigger.
        loss: Loss against the target class.
        share: Weight of the loss of triggered samples, 1 - α.

    Source: Abad et al., Sneaky Spikes, NDSS 2024, https://arxiv.org/abs/2302.06279, the released code, which follows
    Doan et al., LIRA, 2021.
    """
    moved = [weights[name] for name in rates]
    now = share * loss(call(weights, triggered))
    steps = torch.autograd.grad(now, moved, create_graph=True, allow_unused=True)
    ahead = dict(weights)
    for name, step in zip(rates, steps, strict=True):
        for part in (clean[name], step):
            ahead[name] = ahead[name] if part is None else ahead[name] - rates[name] * part
    return loss(call(ahead, triggered))


@dataclass(frozen=True)
class JointTraining:
    """Trains a classifier and a trigger network, both in place.

    Args:
        estimator: The classifier.
        autoencoder: The trigger network, on the classifier's device.
        perturb: Makes triggered samples of clean ones and of the network's output.
        target: Index of the target class.
        alpha: Weight of the loss of clean samples.
        learning_rate: Learning rate of the trigger network's Adam.
        nb_epochs_frozen: How many of the last epochs train the classifier alone, though at least one trains both.
    """

    estimator: PyTorchClassifier
    autoencoder: nn.Module
    perturb: Perturb
    target: int
    alpha: float
    learning_rate: float
    nb_epochs_frozen: int

    def run(self, x: Array, y: Labels, rng: Rng, **fit_arguments: Any) -> None:
        """Train.

        Args:
            x: Clean samples, (N, ...).
            y: One-hot labels or probabilities, (N, K), float32.
            rng: Seed of the order of samples, of dropout and of Poisson draws.
            **fit_arguments: `batch_size`, `nb_epochs`, `training_mode`, `drop_last`, `scheduler` and `verbose`, as
                those of `fit`.
        """
        own = torch.optim.Adam(self.autoencoder.parameters(), lr=self.learning_rate)
        frozen = detached_copy(self.autoencoder).eval()
        n_joint, ended = max(1, n_epochs_of(fit_arguments) - self.nb_epochs_frozen), 0

        def step(samples: Tensor, labels: Tensor, _: Indices) -> float:
            return self._step(samples, labels, own if ended < n_joint else None, frozen)

        def end_epoch(number: int) -> None:
            nonlocal ended
            ended = number
            frozen.load_state_dict(self.autoencoder.state_dict())

        with mode(self.autoencoder, True):
            self._loop.run(x, y, step, rng, end_epoch=end_epoch, **fit_arguments)
        self.autoencoder.zero_grad(set_to_none=True)
        self.autoencoder.eval()

    @property
    def _loop(self) -> TrainingLoop:
        return TrainingLoop(self.estimator)

    def _step(self, x: Tensor, y: Tensor, own: torch.optim.Optimizer | None, frozen: nn.Module) -> float:
        """One batch: the trigger network's step, unless it has no optimiser, and the classifier's.

        Clean and triggered samples go through the classifier together: batch norm sees the mixture, whose statistics
        predictions use, and could tell two batches apart by statistics that no single sample has.
        """
        optimizer, targets = self.estimator.optimizer, self._targets(y)
        if own is not None:
            with mode(self.estimator.model, False):
                self._train_trigger(x, y, targets, own)
        with torch.no_grad():
            triggered = self.perturb(x, frozen(x))
        optimizer.zero_grad()
        clean, obeyed = self._loop.logits(torch.cat([x, triggered])).chunk(2)
        loss = self.alpha * self._loop.loss(clean, y) + (1 - self.alpha) * self._loop.loss(obeyed, targets)
        torch.autograd.backward(loss)
        optimizer.step()
        return float(loss.detach())

    def _train_trigger(self, x: Tensor, y: Tensor, targets: Tensor, own: torch.optim.Optimizer) -> None:
        """A step against the classifier as it predicts: with fixed statistics of batch norm and without dropout."""
        model = self.estimator.model
        weights = {name: value for name, value in model.named_parameters() if value.requires_grad}
        rates = _rates(self.estimator.optimizer, weights)

        def call(values: Mapping[str, Tensor], some: Tensor) -> Tensor:
            logits: Tensor = functional_call(model, dict(values), (self._loop.seen(some),))
            return logits

        moved = [weights[name] for name in rates]
        steps = torch.autograd.grad(self.alpha * self._loop.loss(call(weights, x), y), moved, allow_unused=True)
        triggered = self.perturb(x, self.autoencoder(x))
        clean = dict(zip(rates, steps, strict=True))
        to_target = partial(self._loop.loss, y=targets)
        loss = look_ahead_loss(call, weights, rates, clean, triggered, to_target, 1 - self.alpha)
        trained = [value for value in self.autoencoder.parameters() if value.requires_grad]
        for value, gradient in zip(trained, torch.autograd.grad(loss, trained, allow_unused=True), strict=True):
            value.grad = gradient
        own.step()

    def _targets(self, y: Tensor) -> Tensor:
        targets = torch.zeros_like(y)
        targets[:, self.target] = 1
        return targets


def _rates(optimizer: torch.optim.Optimizer, weights: Mapping[str, Tensor]) -> dict[str, float]:
    """The learning rate of each weight that the optimiser moves."""
    rates = {id(value): float(group["lr"]) for group in optimizer.param_groups for value in group["params"]}
    return {name: rates[id(value)] for name, value in weights.items() if id(value) in rates}
