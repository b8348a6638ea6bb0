"""Train a classifier and a trigger network together: the network looks one step of the classifier ahead."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from art.estimators.classification import PyTorchClassifier
from torch import Tensor, nn
from torch.func import functional_call

from art_snn._detached import detached_copy
from art_snn._random import Rng
from art_snn.attacks.poisoning._training_loop import TrainingLoop, n_epochs_of
from art_snn.estimators.classification.mode import mode
from art_snn.typing import Array, Indices, Labels, Mask

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
        loss: Loss against the labels of samples with the trigger.
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
        penalty: Makes of the samples of a batch, clean and triggered ones, what the classifier's loss holds besides.
        alpha: Weight of the loss of clean samples.
        learning_rate: Learning rate of the trigger network's Adam.
        nb_epochs_frozen: How many of the last epochs train the classifier alone, though at least one trains both.
    """

    estimator: PyTorchClassifier
    autoencoder: nn.Module
    perturb: Perturb
    penalty: Callable[[Tensor], Tensor | float]
    alpha: float
    learning_rate: float
    nb_epochs_frozen: int

    def run(self, x: Array, y: Labels, y_shown: Labels, is_shown: Mask, rng: Rng, **fit_arguments: Any) -> None:
        """Train.

        Args:
            x: Clean samples, (N, ...).
            y: One-hot labels or probabilities, (N, K), float32.
            y_shown: One-hot labels of the samples with the trigger, (N, K), float32.
            is_shown: Which samples are also shown with the trigger, (N,).
            rng: Seed of the order of samples, of dropout and of Poisson draws.
            **fit_arguments: `batch_size`, `nb_epochs`, `training_mode`, `drop_last`, `scheduler` and `verbose`, as
                those of `fit`.
        """
        own = torch.optim.Adam(self.autoencoder.parameters(), lr=self.learning_rate)
        frozen = detached_copy(self.autoencoder).eval()
        n_joint, ended = max(1, n_epochs_of(fit_arguments) - self.nb_epochs_frozen), 0

        def step(samples: Tensor, labels: Tensor, rows: Indices) -> float:
            places = np.flatnonzero(is_shown[rows])
            shown = _Shown(*(torch.from_numpy(one).to(samples.device) for one in (places, y_shown[rows][places])))
            return self._step(samples, labels, shown, own if ended < n_joint else None, frozen)

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

    def _step(
        self, x: Tensor, y: Tensor, shown: "_Shown", own: torch.optim.Optimizer | None, frozen: nn.Module
    ) -> float:
        """One batch: the trigger network's step, unless it has no optimiser, and the classifier's.

        Clean and triggered samples go through the classifier together: batch norm sees the mixture, whose statistics
        predictions use, and could tell two batches apart by statistics that no single sample has.
        """
        if not len(shown.places):
            return self._loop.descend(self.alpha * self._loop.loss(self._loop.logits(x), y) + self.penalty(x))
        if own is not None:
            with mode(self.estimator.model, False):
                self._train_trigger(x, y, shown, own)
        with torch.no_grad():
            hosts = x[shown.places]
            both = torch.cat([x, self.perturb(hosts, frozen(hosts))])
        logits, loss = self._loop.logits(both), self._loop.loss
        clean, obeyed = self.alpha * loss(logits[: len(x)], y), loss(logits[len(x) :], shown.labels)
        return self._loop.descend(clean + self._share(x, shown) * obeyed + self.penalty(both))

    def _share(self, x: Tensor, shown: "_Shown") -> float:
        """Weight of the mean loss of triggered samples: each counts as much, whatever batch it is in."""
        return (1 - self.alpha) * (len(shown.places) / len(x))

    def _train_trigger(self, x: Tensor, y: Tensor, shown: "_Shown", own: torch.optim.Optimizer) -> None:
        """A step against the classifier as it predicts: with fixed statistics of batch norm and without dropout."""
        model, hosts = self.estimator.model, x[shown.places]
        weights = {name: value for name, value in model.named_parameters() if value.requires_grad}
        rates = _rates(self.estimator.optimizer, weights)

        def call(values: Mapping[str, Tensor], some: Tensor) -> Tensor:
            logits: Tensor = functional_call(model, dict(values), (self._loop.seen(some),))
            return logits

        moved = [weights[name] for name in rates]
        steps = torch.autograd.grad(self.alpha * self._loop.loss(call(weights, x), y), moved, allow_unused=True)
        triggered = self.perturb(hosts, self.autoencoder(hosts))
        clean = dict(zip(rates, steps, strict=True))
        as_shown = partial(self._loop.loss, y=shown.labels)
        loss = look_ahead_loss(call, weights, rates, clean, triggered, as_shown, self._share(x, shown))
        trained = [value for value in self.autoencoder.parameters() if value.requires_grad]
        for value, gradient in zip(trained, torch.autograd.grad(loss, trained, allow_unused=True), strict=True):
            value.grad = gradient
        own.step()


class _Shown(NamedTuple):
    """Samples of a batch that are shown with the trigger, too: their places in it, (n,), and one-hot labels, (n, K)."""

    places: Tensor
    labels: Tensor


def _rates(optimizer: torch.optim.Optimizer, weights: Mapping[str, Tensor]) -> dict[str, float]:
    """The learning rate of each weight that the optimiser moves."""
    rates = {id(value): float(group["lr"]) for group in optimizer.param_groups for value in group["params"]}
    return {name: rates[id(value)] for name, value in weights.items() if id(value) in rates}
