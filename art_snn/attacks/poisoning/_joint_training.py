"""Train a classifier and a trigger network together: the network looks one step of the classifier ahead."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from art.estimators.classification import PyTorchClassifier
from torch import Tensor, nn
from torch.func import functional_call

from art_snn._detached import detached_copy
from art_snn._progress import progress, task_or
from art_snn._random import Rng, host_seed
from art_snn._validation import check_at_least, check_unknown
from art_snn.estimators.classification.mode import mode
from art_snn.estimators.classification.streaming import to_device, warn_of_divergence
from art_snn.typing import Array, Labels

Call = Callable[[Mapping[str, Tensor], Tensor], Tensor]  # from weights by name and samples to logits
Loss = Callable[[Tensor], Tensor]  # of logits
Perturb = Callable[[Tensor, Tensor], Tensor]  # from samples and the network's output to triggered samples

_SCHEDULE = {"batch_size": 128, "nb_epochs": 10, "training_mode": True, "drop_last": False}
_OTHERS = {"scheduler": None, "verbose": False}


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
        plan = _SCHEDULE | _OTHERS | fit_arguments
        order, draws = np.random.default_rng(rng).spawn(2)
        size, n_epochs, scheduler = plan["batch_size"], plan["nb_epochs"], plan["scheduler"]
        stop = len(x) - len(x) % size if plan["drop_last"] else len(x)
        n_joint = max(1, n_epochs - self.nb_epochs_frozen)
        own = torch.optim.Adam(self.autoencoder.parameters(), lr=self.learning_rate)
        frozen = detached_copy(self.autoencoder).eval()
        bar = progress(total=-(-stop // size) * n_epochs, verbose=plan["verbose"], desc=task_or("train"), unit="batch")
        with bar, mode(self.estimator.model, plan["training_mode"]), mode(self.autoencoder, True), host_seed(draws):
            for number in range(1, n_epochs + 1):
                is_finite = True
                for batch in _batches(x, y, order, size, stop):
                    used = own if number <= n_joint else None
                    loss = self._step(*self._on_device(*batch), used, frozen, plan["training_mode"])
                    is_finite &= bool(np.isfinite(loss))
                    bar.set_postfix(epoch=f"{number}/{n_epochs}", loss=f"{loss:.3f}", refresh=False)
                    bar.update()
                frozen.load_state_dict(self.autoencoder.state_dict())
                if scheduler is not None:
                    scheduler.step()
                if not is_finite:
                    warn_of_divergence(number, n_epochs)
        self.estimator.model.zero_grad(set_to_none=True)
        self.autoencoder.zero_grad(set_to_none=True)
        self.estimator.model.eval()
        self.autoencoder.eval()

    def _step(self, x: Tensor, y: Tensor, own: torch.optim.Optimizer | None, frozen: nn.Module, trains: bool) -> float:
        """One batch: the trigger network's step, unless it has no optimiser, and the classifier's.

        Clean and triggered samples go through the classifier together: batch norm sees the mixture, whose statistics
        predictions use, and could tell two batches apart by statistics that no single sample has.
        """
        model, optimizer = self.estimator.model, self.estimator.optimizer
        to_own, to_target = self._loss(y), self._loss(self._targets(y))
        if own is not None:
            model.eval()
            self._train_trigger(x, to_own, to_target, own)
            model.train(trains)
        with torch.no_grad():
            triggered = self.perturb(x, frozen(x))
        optimizer.zero_grad()
        clean, obeyed = model(self._seen(torch.cat([x, triggered]))).chunk(2)
        loss = self.alpha * to_own(clean) + (1 - self.alpha) * to_target(obeyed)
        torch.autograd.backward(loss)
        optimizer.step()
        return float(loss.detach())

    def _train_trigger(self, x: Tensor, to_own: Loss, to_target: Loss, own: torch.optim.Optimizer) -> None:
        """A step against the classifier as it predicts: with fixed statistics of batch norm and without dropout."""
        model = self.estimator.model
        weights = {name: value for name, value in model.named_parameters() if value.requires_grad}
        rates = _rates(self.estimator.optimizer, weights)

        def call(values: Mapping[str, Tensor], some: Tensor) -> Tensor:
            logits: Tensor = functional_call(model, dict(values), (self._seen(some),))
            return logits

        moved = [weights[name] for name in rates]
        steps = torch.autograd.grad(self.alpha * to_own(call(weights, x)), moved, allow_unused=True)
        triggered = self.perturb(x, self.autoencoder(x))
        clean = dict(zip(rates, steps, strict=True))
        loss = look_ahead_loss(call, weights, rates, clean, triggered, to_target, 1 - self.alpha)
        trained = [value for value in self.autoencoder.parameters() if value.requires_grad]
        for value, gradient in zip(trained, torch.autograd.grad(loss, trained, allow_unused=True), strict=True):
            value.grad = gradient
        own.step()

    def _on_device(self, x: Array, y: Labels) -> tuple[Tensor, Tensor]:
        device = self.estimator.device
        return to_device(np.asarray(x, np.float32), device), to_device(y, device)

    def _seen(self, x: Tensor) -> Tensor:
        """What the network sees of samples: behind the preprocessing, through which gradients go."""
        seen: Tensor = self.estimator._apply_preprocessing(x, None, fit=True, no_grad=False)[0]
        return seen

    def _targets(self, y: Tensor) -> Tensor:
        targets = torch.zeros_like(y)
        targets[:, self.target] = 1
        return targets

    def _loss(self, y: Tensor) -> Loss:
        """The classifier's own loss against these labels."""
        labels = self.estimator.reduce_labels(y)

        def loss(logits: Tensor) -> Tensor:
            value: Tensor = self.estimator._loss(logits, labels)
            return value

        return loss


def check_schedule(fit_arguments: Mapping[str, Any], n: int) -> None:
    """Arguments of `fit` that a joint training takes, for n samples.

    Raises:
        TypeError: If one is unknown.
        ValueError: If one is out of range, or there is no batch.
    """
    check_unknown("DynamicBackdoor.train", fit_arguments.keys() - (_SCHEDULE | _OTHERS).keys())
    plan = _SCHEDULE | dict(fit_arguments)
    for name in ("batch_size", "nb_epochs"):
        check_at_least(name, plan[name], 1)
    if n < (plan["batch_size"] if plan["drop_last"] else 1):
        raise ValueError(f"expected at least one {'whole batch' if plan['drop_last'] else 'sample'}, got {n} samples")


def _batches(x: Array, y: Labels, order: np.random.Generator, size: int, stop: int) -> Iterator[tuple[Array, Labels]]:
    rows = order.permutation(len(x))
    for start in range(0, stop, size):
        some = rows[start : min(start + size, stop)]
        yield x[some], y[some]


def _rates(optimizer: torch.optim.Optimizer, weights: Mapping[str, Tensor]) -> dict[str, float]:
    """The learning rate of each weight that the optimiser moves."""
    rates = {id(value): float(group["lr"]) for group in optimizer.param_groups for value in group["params"]}
    return {name: rates[id(value)] for name, value in weights.items() if id(value) in rates}
