"""What a classifier tells of its learning rule: the steps of its training, its network, its copy, its layers.

Attacks, defences and evaluations ask these and never which rule it is, so that a new rule is one class.
"""

import copy
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any, Literal, NamedTuple, Self

import numpy as np
import torch
from art.estimators.classification import PyTorchClassifier
from spikingjelly.activation_based import functional
from torch import nn
from torch.optim.lr_scheduler import ConstantLR, CosineAnnealingLR, LRScheduler

from art_snn._detached import detached_copy
from art_snn._random import host_seed
from art_snn._validation import check_choice
from art_snn.estimators.classification._copying import without_reset
from art_snn.estimators.classification._host import Host
from art_snn.estimators.classification.inspection import (
    Inspection,
    Quantity,
    Reduction,
    StepMode,
    Watched,
    activation_modules,
    inspect,
    passing,
    step_mode,
)
from art_snn.estimators.classification.mode import mode
from art_snn.estimators.classification.module import SpikingModule
from art_snn.estimators.classification.streaming import Prepare
from art_snn.models import Network
from art_snn.typing import Array, Labels

TrainingStep = Literal["ann", "calibration", "snn"]
Schedule = Literal["constant", "cosine"]  # of a learning rate over the epochs


class TrainingData(NamedTuple):
    """What one step of a training sees.

    Args:
        x: Samples, (N, ...).
        y: Labels of the samples, indices (N,) or one-hot (N, K).
        sample_weights: Weight of each sample's loss, (N,); None weighs all alike.
        prepare: Changes each batch before it is trained on, see `SpikingClassifier.fit`.
    """

    x: Array
    y: Labels
    sample_weights: Array | None = None
    prepare: Prepare | None = None

    @property
    def arguments(self) -> dict[str, Any]:
        """What `fit` takes beside samples and labels, by name, where there is any."""
        named = {"sample_weights": self.sample_weights, "prepare": self.prepare}
        return {name: value for name, value in named.items() if value is not None}


class LearningRule(Host):
    """The answers of a classifier that trains one network by `fit`; a rule that does otherwise gives its own.

    Attributes:
        training_steps: Steps of a training in order: of an "ann", the "calibration" of thresholds, of an "snn".
        tuning_steps: Steps that fine-tuning takes again.
    """

    training_steps: tuple[TrainingStep, ...] = ("ann",)
    tuning_steps: tuple[TrainingStep, ...] = ("ann",)

    @property
    def classifier(self) -> PyTorchClassifier:
        """The classifier as ART knows it."""
        return self

    @property
    def source(self) -> "LearningRule | None":
        """The classifier of the ANN that the network was converted from; None where there is none."""
        return None

    @property
    def thresholds(self) -> dict[str, float]:
        """Calibrated thresholds by layer; none where there is no calibration."""
        return {}

    # Training

    @classmethod
    def of_network(
        cls,
        net: nn.Module,
        loss: nn.modules.loss._Loss,
        input_shape: tuple[int, ...],
        nb_classes: int,
        *,
        timesteps: int | None = None,
        encoding: Literal["direct", "poisson"] = "direct",
        readout: Literal["mean", "sum", "last"] = "mean",
        **settings: Any,
    ) -> Self:
        """A classifier of this rule around a network of `art_snn.models`.

        Args:
            net: A network, with neurons where the first of `training_steps` is "snn", else an ANN.
            loss: A loss of torch's on logits (N, K).
            input_shape: Shape of one sample.
            nb_classes: K, at least 2.
            timesteps: Time steps of static input, where the rule knows time.
            encoding: "direct" or "poisson", see `SpikingModule`, where the rule knows time.
            readout: "mean", "sum" or "last", see `SpikingModule`, where the rule knows time.
            **settings: Further arguments of the constructor.
        """
        time = {"timesteps": timesteps, "encoding": encoding, "readout": readout}
        model, own = cls._wrapped(net, len(input_shape), time)
        return cls(model, loss, input_shape, nb_classes, **own, **settings)

    @classmethod
    def _wrapped(cls, net: nn.Module, n_axes: int, time: dict[str, Any]) -> tuple[nn.Module, dict[str, Any]]:
        """What the constructor takes for the network, and arguments that only this rule's takes."""
        return net, {}

    def afresh(self, seed: int) -> "LearningRule":
        """A copy with fresh weights, the same for the same seed, and optimisers without memory."""
        clone = self.classifier.clone_for_refitting()
        clone.reset(seed)
        return rule_of(clone)

    def train_step(self, step: TrainingStep, data: TrainingData, *, seed: int, **fit_arguments: Any) -> None:
        """Take one step of the training.

        Args:
            step: One of `training_steps`.
            data: Samples and labels of the step; a calibration needs no labels.
            seed: Seed of the order of samples, of dropout and of Poisson draws.
            **fit_arguments: Further arguments of `fit`.
        """
        self.classifier.fit(data.x, data.y, seed=seed, **data.arguments, **fit_arguments)

    def n_epochs(self, step: TrainingStep) -> int | None:
        """Epochs that `fit` always trains in a step; None where it takes `nb_epochs`."""
        return None

    def optimizer_of(self, step: TrainingStep) -> torch.optim.Optimizer | None:
        """The optimiser of a step; None where a step has none."""
        optimizer: torch.optim.Optimizer | None = self.classifier.optimizer
        return optimizer

    def owner_of(self, step: TrainingStep) -> "LearningRule":
        """The rule whose own network a step trains: itself, or its `source`."""
        return self

    def fresh_optimizer(
        self, step: TrainingStep, learning_rate: float, nb_epochs: int, *, retrain: bool = False
    ) -> tuple[torch.optim.Optimizer | None, int]:
        """The optimiser that fine-tunes in a step, without memory, and for how many epochs.

        Args:
            step: One of `training_steps`.
            learning_rate: New learning rate.
            nb_epochs: Passes over the samples.
            retrain: Whether to go through the training again: a step with `n_epochs` keeps these, and its rate.

        Returns:
            The optimiser, or None if the step has none, and the epochs.
        """
        optimizer, own = self.optimizer_of(step), self.n_epochs(step) if retrain else None
        if optimizer is not None:
            optimizer.state.clear()
            for group in optimizer.param_groups:
                group["lr"] = learning_rate if own is None else group["lr"]
        return optimizer, own or nb_epochs

    def module_of(self, step: TrainingStep) -> nn.Module:
        """The module that a step trains."""
        module: nn.Module = self.classifier.model
        return module

    def fine_tune(
        self,
        data: TrainingData,
        *,
        learning_rate: float,
        seed: int,
        schedule: Schedule = "constant",
        retrain: bool = False,
        nb_epochs: int,
        **fit_arguments: Any,
    ) -> None:
        """Fine-tune in place, by the rule's own steps, with optimisers that start without memory.

        Args:
            data: Clean samples and their labels.
            learning_rate: New learning rate of all parameters.
            seed: Seed of the order of samples and of dropout; no global random stream is moved.
            schedule: "constant", or "cosine", by which the learning rate falls to 0 over the epochs.
            retrain: Whether to take all `training_steps` instead of `tuning_steps`.
            nb_epochs: Passes over the samples in each step.
            **fit_arguments: Further arguments of `fit`.
        """
        with ExitStack() as stack:
            for rule in (self, self.source):
                if rule is not None:
                    stack.enter_context(mode(rule.classifier.model, True))
            stack.enter_context(host_seed(seed))  # ART's own class draws from the global streams
            for step in self.training_steps if retrain else self.tuning_steps:
                optimizer, epochs = self.fresh_optimizer(step, learning_rate, nb_epochs, retrain=retrain)
                own = dict(fit_arguments)
                if optimizer is not None:
                    own |= {"nb_epochs": epochs, "scheduler": scheduler_of(optimizer, schedule, epochs)}
                self.train_step(step, data, seed=seed, **own)

    def recalibrate(self, x: Array) -> None:
        """Calibrate on these samples alone, where the rule has calibrations."""

    def forget_calibration(self) -> None:
        """Make thresholds that could not be calibrated NaN, and so whatever the network answers."""

    # The network

    @property
    def is_spiking(self) -> bool:
        """Whether the network has neurons and knows time."""
        return isinstance(self.classifier.model, SpikingModule)

    @property
    def network(self) -> nn.Module:
        """The network itself: an ANN's model, or what is inside a `SpikingModule`."""
        net: nn.Module = self.classifier.model.net if self.is_spiking else self.classifier.model
        return net

    @property
    def timesteps(self) -> int:
        """T; an ANN takes one step."""
        return int(self.classifier.model.timesteps or self.classifier.input_shape[0]) if self.is_spiking else 1

    @property
    def step_mode(self) -> StepMode:
        """Whether the network takes single steps, as an ANN does, or many at once."""
        return step_mode(self.network) if self.is_spiking else "s"

    def replace_network(self, net: nn.Module) -> None:
        """Put another network into the classifier, or the same one after surgery, in place.

        Whatever remembers the old structure is renewed: names of layers, spikingjelly's cache of what to reset, and
        the recipe that would build the network without the change.
        """
        if isinstance(net, Network):
            net.recipe = None
        if self.is_spiking:
            self.classifier.model.net = net
            functional.invalidate_reset_cache(self.classifier.model)
        else:
            self.classifier._model = self.classifier._make_model_wrapper(net)
        self._network_replaced()

    def _network_replaced(self) -> None:
        self._initial = without_reset(self.classifier.model)

    def copied(self) -> Self:
        """Copy the classifier with its model and its optimiser, which is bound to the copy's parameters."""
        return copy.deepcopy(self)

    # Layers

    @property
    def inspection(self) -> Inspection:
        """What was seen of the layers of a spiking network."""
        shape, device = self.classifier.input_shape, self.classifier.device
        return inspect(self.classifier.model, lambda n: torch.zeros(n, *shape, device=device))

    def watched(self, module: nn.Module) -> Watched:
        """Pair a layer with the form in which it puts out time."""
        return self.inspection.watched(module) if self.is_spiking else Watched(module, "step")

    def feature_layers(self) -> list[str]:
        """Name the layers that detectors read features of, in the order in which they run.

        In a network that does not spike these are its activation modules, such as `nn.ReLU`; the second call of one
        module is called `name:2`.

        Raises:
            ValueError: If it has no activation modules.
        """
        modules = activation_modules(self.classifier.model)
        with passing(modules) as seen:
            self.classifier.predict(np.zeros((1, *self.classifier.input_shape), np.float32))
        if not seen:
            raise ValueError("expected a network with activation modules such as nn.ReLU, got none: name its layers")
        return list(seen)

    def layer_outputs(
        self, x: Array, layers: Sequence[str], quantity: Quantity, reduction: Reduction
    ) -> dict[str, Array]:
        """Read what layers put out for samples, which go through in one pass.

        An ANN knows one time step: its spikes are a layer's output, its voltages what enters the layer.

        Args:
            x: Samples, (N, ...).
            layers: Names, those of `feature_layers` or of any other layers.
            quantity: "spikes" or "voltage", see `SpikingClassifier.get_activations`.
            reduction: "rate", "sum", "last" or "none", over time.

        Returns:
            (N, F) by name, or for "none" (N, T, F).

        Raises:
            ValueError: If a layer is unknown, takes no part, or has no voltage.
        """
        modules = dict(self.classifier.model.named_modules())
        names = list(dict.fromkeys(name.partition(":")[0] for name in layers))
        for name in names:
            check_choice("layer", name, modules)
        with passing({name: modules[name] for name in names}, inputs=quantity == "voltage") as seen:
            self.classifier.predict(np.asarray(x, np.float32), batch_size=len(x))
        if missing := set(layers) - set(seen):
            raise ValueError(f"expected layers that take part in a prediction, got {sorted(missing)}")
        rows = {name: seen[name].reshape(len(x), -1) for name in layers}
        return {name: row[:, None] for name, row in rows.items()} if reduction == "none" else rows


class StockRule(LearningRule):
    """The same answers for a classifier of ART's own class, around an ordinary network or a `SpikingModule`.

    Args:
        classifier: ART's `PyTorchClassifier`, or a subclass with the same constructor.
    """

    def __init__(self, classifier: PyTorchClassifier) -> None:
        self._stock = classifier
        if self.is_spiking:
            self.training_steps = self.tuning_steps = ("snn",)

    @property
    def classifier(self) -> PyTorchClassifier:
        """The one given."""
        return self._stock

    def afresh(self, seed: int) -> LearningRule:
        """Clone by ART's own method, which draws weights from the global streams."""
        with host_seed(seed):
            return StockRule(self._stock.clone_for_refitting())

    def train_step(self, step: TrainingStep, data: TrainingData, *, seed: int, **fit_arguments: Any) -> None:
        """Train a step; ART's class draws the order of batches from the global streams and takes no sample weights."""
        if unknown := [*data.arguments, *(fit_arguments.keys() & {"after_epoch"})]:
            raise TypeError(f"expected classifiers of art_snn for {unknown[0]}, got {type(self._stock).__name__}")
        with host_seed(seed):
            super().train_step(step, data, seed=seed, **fit_arguments)

    def copied(self) -> Self:
        """Copy by the constructor: deep copies of ART's class leave files behind, or fail once activations are read."""
        stock = self._stock
        model, optimizer, loss = detached_copy((stock.model, stock.optimizer, stock.loss))
        twin = type(stock)(
            model=model,
            loss=loss,
            input_shape=stock.input_shape,
            nb_classes=stock.nb_classes,
            optimizer=optimizer,
            channels_first=stock.channels_first,
            clip_values=stock.clip_values,
            preprocessing_defences=stock.preprocessing_defences,
            postprocessing_defences=stock.postprocessing_defences,
            preprocessing=stock.preprocessing,
            device_type=stock.device_type,
        )
        return type(self)(twin)

    def _network_replaced(self) -> None:
        self._stock._layer_names = self._stock._model.get_layers


def rule_of(classifier: PyTorchClassifier) -> LearningRule:
    """The learning rule of a classifier: itself, or an adapter around one of ART's own class."""
    return classifier if isinstance(classifier, LearningRule) else StockRule(classifier)


def scheduler_of(optimizer: torch.optim.Optimizer, schedule: Schedule, nb_epochs: int) -> LRScheduler:
    """What moves an optimiser's learning rate after each epoch: not at all, or along a cosine down to 0."""
    return ConstantLR(optimizer, 1.0, 0) if schedule == "constant" else CosineAnnealingLR(optimizer, nb_epochs)
