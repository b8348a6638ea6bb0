"""`HybridClassifier`: an ANN is trained and converted, and spike timing trains the spiking network further."""

from typing import Any

import numpy as np
import torch
from art.data_generators import DataGenerator
from torch import nn

from art_snn._random import Rng
from art_snn._validation import check_at_least, check_positive
from art_snn.estimators.classification._keywords import with_arguments_of
from art_snn.estimators.classification.converted import ConvertedClassifier
from art_snn.estimators.classification.learning_rule import TrainingData, TrainingStep
from art_snn.estimators.classification.spiking import SpikingClassifier
from art_snn.neurons import NeuronFactory
from art_snn.neurons.hybrid import hybrid_factory
from art_snn.typing import Images, Labels


class HybridClassifier(ConvertedClassifier):
    """A converted spiking network that is trained further by backpropagation through time.

    `fit` does all three steps on the same data; `fit_ann`, `convert` and `fit_snn` are the steps, so that each may
    have its own. The last layer integrates without leak and never spikes; a dropout mask holds for all time steps.

    Args:
        ann: A network that `art_snn.conversion.convert` can convert. Taken as it is, not copied.
        loss: A loss of torch's on logits (N, K), such as `nn.CrossEntropyLoss()`.
        input_shape: Shape of one sample, (C, H, W).
        nb_classes: K, at least 2.
        timesteps: T, at least 1.
        method: How to calibrate, see `ConvertedClassifier`.
        scale: Threshold = scale · statistic; above 0, and below 1 for "fraction".
        surrogate: "stdb" (spike timing: α·e^(-β·Δt)), "linear" (0.3·max(0, 1 - |u/θ - 1|)), or a name that
            `art_snn.neurons.surrogate_function` knows.
        leak: Share of the potential that is left a step later, in (0, 1].
        alpha: α of "stdb", above 0.
        beta: β of "stdb", per time step, above 0.
        train_thresholds: Whether `fit_snn` trains the thresholds as well.
        learning_rate: Learning rate of Adam in `fit_snn`.
        nb_epochs_snn: Passes over the data of the last step of `fit`.
        **kwargs: Further arguments of `ConvertedClassifier`.

    Raises:
        ValueError: If the ANN has a layer without spiking counterpart, or an argument is out of range.

    Source: Rathi et al., Enabling Deep Spiking Neural Networks with Hybrid Conversion and Spike Timing Dependent
    Backpropagation, 2020, https://arxiv.org/abs/2005.01807, section 3.
    """

    _setting_names = (
        *ConvertedClassifier._setting_names,
        *("surrogate", "leak", "alpha", "beta", "train_thresholds", "learning_rate", "nb_epochs_snn"),
    )

    training_steps: tuple[TrainingStep, ...] = ("ann", "calibration", "snn")
    tuning_steps: tuple[TrainingStep, ...] = ("snn",)

    def __init__(
        self,
        ann: nn.Module,
        loss: nn.modules.loss._Loss,
        input_shape: tuple[int, ...],
        nb_classes: int,
        timesteps: int,
        method: Any = "max",
        scale: float = 1.0,
        *,
        surrogate: str = "stdb",
        leak: float = 1.0,
        alpha: float = 0.3,
        beta: float = 0.01,
        train_thresholds: bool = False,
        learning_rate: float = 1e-4,
        nb_epochs_snn: int = 3,
        **kwargs: Any,
    ) -> None:
        check_positive("learning_rate", learning_rate)
        check_at_least("nb_epochs_snn", nb_epochs_snn, 1)
        self.surrogate, self.leak, self.alpha, self.beta = surrogate, leak, alpha, beta
        self.train_thresholds, self.learning_rate, self.nb_epochs_snn = train_thresholds, learning_rate, nb_epochs_snn
        super().__init__(ann, loss, input_shape, nb_classes, timesteps, method, scale, **kwargs)
        self._snn_optimizer = torch.optim.Adam(self.model.parameters(), lr=learning_rate)

    @with_arguments_of(SpikingClassifier.fit)
    def fit(self, x: Images, y: Labels, *, seed: Rng = 0, **arguments: Any) -> None:
        """Train the ANN for `nb_epochs`, convert, and train the spiking network for `nb_epochs_snn`.

        The arguments are those of `SpikingClassifier.fit`, for both trainings, but for the scheduler, which is the
        ANN's. A further call goes on from there, as in `ConvertedClassifier.fit`: the conversion of the ANN, which is
        trained further, takes up what the spiking network has learnt before, which is then trained further as well.
        """
        first, last = np.random.default_rng(seed).spawn(2)
        super().fit(x, y, seed=first, **arguments)
        own = {"nb_epochs": self.nb_epochs_snn, "scheduler": None}
        self.fit_snn(x, y, seed=last, **arguments | own)

    @with_arguments_of(SpikingClassifier.fit_generator)
    def fit_generator(self, generator: DataGenerator, *, seed: Rng = 0, **arguments: Any) -> None:
        """The three steps of `fit` on the batches of a generator of ART's; the scheduler is the ANN's."""
        first, last = np.random.default_rng(seed).spawn(2)
        super().fit_generator(generator, seed=first, **arguments)
        own = {"nb_epochs": self.nb_epochs_snn, "scheduler": None}
        SpikingClassifier.fit_generator(self, generator, seed=last, **arguments | own)

    def train_step(self, step: TrainingStep, data: TrainingData, *, seed: int, **fit_arguments: Any) -> None:
        """Train the ANN, calibrate, or train the spiking network."""
        if step == "snn":
            self.fit_snn(data.x, data.y, seed=seed, **data.arguments, **fit_arguments)
        else:
            super().train_step(step, data, seed=seed, **fit_arguments)

    def n_epochs(self, step: TrainingStep) -> int | None:
        """`nb_epochs_snn` for the spiking network."""
        return self.nb_epochs_snn if step == "snn" else None

    def optimizer_of(self, step: TrainingStep) -> torch.optim.Optimizer | None:
        """Each network has its own; a calibration has none."""
        return self.snn_optimizer if step == "snn" else super().optimizer_of(step)

    @with_arguments_of(SpikingClassifier.fit)
    def fit_snn(self, x: Images, y: Labels, **arguments: Any) -> None:
        """Train the spiking network from where it is, with the arguments of `SpikingClassifier.fit`."""
        SpikingClassifier.fit(self, x, y, **arguments)

    def _neuron(self) -> NeuronFactory:
        return hybrid_factory(self.surrogate, leak=self.leak, alpha=self.alpha, beta=self.beta)
