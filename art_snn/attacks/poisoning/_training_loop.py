"""Epochs and batches of a training whose steps an attack takes itself."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from art.estimators.classification import PyTorchClassifier
from torch import Tensor

from art_snn._progress import progress, task_or
from art_snn._random import Rng, host_seed
from art_snn._validation import check_at_least, check_unknown
from art_snn.estimators.classification.mode import mode
from art_snn.estimators.classification.streaming import to_device, warn_of_divergence
from art_snn.typing import Array, Indices, Labels

Step = Callable[[Tensor, Tensor, Indices], float]  # from samples, one-hot labels and their rows to the loss

_SCHEDULE = {"batch_size": 128, "nb_epochs": 10, "training_mode": True, "drop_last": False}
_OTHERS = {"scheduler": None, "verbose": False}


def n_epochs_of(fit_arguments: Mapping[str, Any]) -> int:
    """How many epochs arguments of `fit` ask for."""
    return int({**_SCHEDULE, **fit_arguments}["nb_epochs"])


def check_schedule(owner: str, fit_arguments: Mapping[str, Any], n: int) -> None:
    """Arguments of `fit` that such a training takes, for n samples.

    Raises:
        TypeError: If one is unknown.
        ValueError: If one is out of range, or there is no batch.
    """
    check_unknown(owner, fit_arguments.keys() - (_SCHEDULE | _OTHERS).keys())
    plan = _SCHEDULE | dict(fit_arguments)
    for name in ("batch_size", "nb_epochs"):
        check_at_least(name, plan[name], 1)
    if n < (plan["batch_size"] if plan["drop_last"] else 1):
        raise ValueError(f"expected at least one {'whole batch' if plan['drop_last'] else 'sample'}, got {n} samples")


@dataclass(frozen=True)
class TrainingLoop:
    """Walks through samples in a random order, and counts epochs.

    Args:
        estimator: Classifier that is trained in place.
    """

    estimator: PyTorchClassifier

    def run(
        self,
        x: Array,
        y: Labels,
        step: Step,
        rng: Rng,
        *,
        end_epoch: Callable[[int], object] = lambda _: None,
        **fit_arguments: Any,
    ) -> None:
        """Take a step with each batch of each epoch.

        Args:
            x: Samples, (N, ...).
            y: One-hot labels or probabilities, (N, K), float32.
            step: Trains on one batch.
            rng: Seed of the order of samples, of dropout and of Poisson draws.
            end_epoch: Called with the number of each epoch, from 1, when it has ended.
            **fit_arguments: `batch_size`, `nb_epochs`, `training_mode`, `drop_last`, `scheduler` and `verbose`, as
                those of `fit`.
        """
        plan = _SCHEDULE | _OTHERS | fit_arguments
        order, draws = np.random.default_rng(rng).spawn(2)
        size, n_epochs, scheduler = plan["batch_size"], plan["nb_epochs"], plan["scheduler"]
        stop = len(x) - len(x) % size if plan["drop_last"] else len(x)
        bar = progress(total=-(-stop // size) * n_epochs, verbose=plan["verbose"], desc=task_or("train"), unit="batch")
        with bar, mode(self.estimator.model, plan["training_mode"]), host_seed(draws):
            for number in range(1, n_epochs + 1):
                losses = []
                for rows in _batches(len(x), order, size, stop):
                    losses.append(step(*self._on_device(x[rows], y[rows]), rows))
                    bar.set_postfix(epoch=f"{number}/{n_epochs}", loss=f"{losses[-1]:.3f}", refresh=False)
                    bar.update()
                end_epoch(number)
                if scheduler is not None:
                    scheduler.step()
                if not np.isfinite(losses).all():
                    warn_of_divergence(number, n_epochs)
        self.estimator.model.zero_grad(set_to_none=True)
        self.estimator.model.eval()

    def descend(self, loss: Tensor) -> float:
        """Take the classifier's step down a loss, and say what it was."""
        self.estimator.optimizer.zero_grad()
        torch.autograd.backward(loss)
        self.estimator.optimizer.step()
        return float(loss.detach())

    def logits(self, x: Tensor) -> Tensor:
        """What the network answers to samples."""
        answer: Tensor = self.estimator.model(self.seen(x))
        return answer

    def seen(self, x: Tensor) -> Tensor:
        """What the network sees of samples: behind the preprocessing, through which gradients go."""
        seen: Tensor = self.estimator._apply_preprocessing(x, None, fit=True, no_grad=False)[0]
        return seen

    def loss(self, logits: Tensor, y: Tensor) -> Tensor:
        """The classifier's own loss against one-hot labels."""
        value: Tensor = self.estimator.loss(logits, self.estimator.reduce_labels(y))
        return value

    def _on_device(self, x: Array, y: Labels) -> tuple[Tensor, Tensor]:
        device: torch.device = self.estimator.device
        return to_device(np.asarray(x, np.float32), device), to_device(y, device)


def _batches(n: int, order: np.random.Generator, size: int, stop: int) -> Iterator[Indices]:
    rows = order.permutation(n)
    for start in range(0, stop, size):
        yield rows[start : min(start + size, stop)]
