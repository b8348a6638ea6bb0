"""What an attacker who trains the network does so that defences find less: frozen layers, and penalised potentials."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from art.estimators.classification import PyTorchClassifier
from torch import Tensor, nn

from art_snn._parameters import Parameters
from art_snn._random import Rng
from art_snn.attacks.poisoning._trained_copy import TrainsACopy
from art_snn.attacks.poisoning._training_loop import TrainingLoop
from art_snn.estimators.classification.class_potentials import ClassPotentials
from art_snn.estimators.classification.inspection import check_some_are_trained, held_fixed, layers_called
from art_snn.estimators.classification.mode import mode
from art_snn.typing import Array, Indices, Labels


class AdaptiveTraining(Parameters, TrainsACopy):
    """An attack that trains the network, and has the parameters `freeze`, `nb_epochs_clean` and `potential_weight`."""

    target_class: int
    freeze: str | Sequence[str] | None
    nb_epochs_clean: int
    potential_weight: float

    def _frozen_layers(self, estimator: PyTorchClassifier) -> list[nn.Module]:
        """The layers to freeze, checked; nothing is changed."""
        frozen = layers_called(estimator, self._frozen)
        check_some_are_trained(estimator.model, frozen)
        return frozen

    @contextmanager
    def _after_clean_epochs(
        self, loop: TrainingLoop, x: Array, y: Labels, rng: Rng, **fit_arguments: Any
    ) -> Iterator[None]:
        """Train on clean data, where that is asked for; then, while the block runs, some layers are frozen.

        Args:
            loop: Loop of the classifier that is trained.
            x: Clean samples, (N, ...).
            y: One-hot labels of the samples, (N, K), float32.
            rng: Seed of all draws of the clean epochs.
            **fit_arguments: As those of `fit`.
        """
        frozen = self._frozen_layers(loop.estimator)

        def step(samples: Tensor, labels: Tensor, _: Indices) -> float:
            return loop.descend(loop.loss(loop.logits(samples), labels))

        if self.nb_epochs_clean:
            loop.run(x, y, step, rng, **{**fit_arguments, "nb_epochs": self.nb_epochs_clean, "scheduler": None})
            loop.estimator.optimizer.state.clear()
        with held_fixed(frozen):
            yield

    def _penalty(self, estimator: PyTorchClassifier) -> Callable[[Tensor], Tensor | float]:
        """From samples to so much of the mean potential of the target class as the loss is to hold."""
        if not self.potential_weight:
            return lambda _: 0.0
        potentials = ClassPotentials(estimator)

        def penalty(samples: Tensor) -> Tensor:
            with mode(estimator.model, False):
                return self.potential_weight * potentials.unchecked(samples)[:, self.target_class].mean()

        return penalty

    @property
    def _frozen(self) -> tuple[str, ...]:
        return () if self.freeze is None else (self.freeze,) if isinstance(self.freeze, str) else tuple(self.freeze)

    def _check_params(self) -> None:
        super()._check_params()
        if not all(isinstance(name, str) for name in self._frozen):
            raise TypeError(f"expected freeze to be names of layers, got {self.freeze!r}")
        if self._frozen and not self.nb_epochs_clean:
            raise ValueError(
                f"expected nb_epochs_clean of at least 1 with freeze, as frozen layers take their weights from clean "
                f"data, got 0 and {self.freeze!r}"
            )
