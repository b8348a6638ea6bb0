"""`SpikingClassifier`: a spiking network trained by backpropagation, wherever ART takes a PyTorch classifier."""

from abc import ABCMeta
from typing import Any

import torch
from art.estimators.classification import PyTorchClassifier
from art.estimators.classification.classifier import InputFilter
from torch import nn

from art_snn.estimators.classification._activations import Activations
from art_snn.estimators.classification._copying import Copying, without_reset
from art_snn.estimators.classification._over_time import PredictionsOverTime
from art_snn.estimators.classification._saving import Saving
from art_snn.estimators.classification._settings import Settings, check_trains, per_channel
from art_snn.estimators.classification.inputs import Inputs
from art_snn.estimators.classification.learning_rule import LearningRule, TrainingStep
from art_snn.estimators.classification.module import SpikingModule
from art_snn.estimators.classification.streaming import Streaming


class _Unfiltered(InputFilter):
    """ART's metaclass, which would read whatever is given to `fit` or `predict` of a subclass as an array."""

    def __init__(self, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> None:
        ABCMeta.__init__(self, name, bases, namespace)


class SpikingClassifier(
    Activations,
    LearningRule,
    Streaming,
    PredictionsOverTime,
    Inputs,
    Settings,
    Copying,
    Saving,
    PyTorchClassifier,
    metaclass=_Unfiltered,
):
    """A spiking network trained by backpropagation through time, with ART's `PyTorchClassifier` interface.

    Where ART's class fails on spiking networks this one does not: it answers alike for every batch size and dtype,
    takes index and one-hot labels everywhere, reads activations in batches without keeping a graph or a hook, and
    copies, pickles and clones without leaving files behind.

    Args:
        model: The network in a `SpikingModule`.
        loss: A loss of torch's on logits (N, K), such as `nn.CrossEntropyLoss()`.
        input_shape: Shape of one sample: (C, H, W), (T, C, H, W), or (T*C, H, W) with time folded into the channels.
        nb_classes: K, at least 2.
        optimizer: Over the model's parameters; None is Adam with learning rate 1e-3.
        use_amp: Must stay False: in half precision the potentials round, and spikes change.
        clip_values: Smallest and largest input value, for the attacks that ask.
        preprocessing: (mean, standard deviation) subtracted and divided; vectors are per channel.

    Raises:
        TypeError: If `model` is no `SpikingModule`.
        ValueError: If a sample of `input_shape` does not pass the model, its logits are not (N, nb_classes), or the
            optimiser has none of its parameters.

    Source: surrogate gradients through time as in Wu et al., Spatio-temporal backpropagation, 2018,
    https://arxiv.org/abs/1706.02609, section 2.
    """

    training_steps: tuple[TrainingStep, ...] = ("snn",)
    tuning_steps: tuple[TrainingStep, ...] = ("snn",)

    def __init__(
        self,
        model: SpikingModule,
        loss: nn.modules.loss._Loss,
        input_shape: tuple[int, ...],
        nb_classes: int,
        optimizer: torch.optim.Optimizer | None = None,
        use_amp: bool = False,
        opt_level: str = "O1",
        loss_scale: float | str | None = "dynamic",
        channels_first: bool = True,
        clip_values: Any = None,
        preprocessing_defences: Any = None,
        postprocessing_defences: Any = None,
        preprocessing: Any = (0.0, 1.0),
        device_type: str = "gpu",
    ) -> None:
        if not isinstance(model, SpikingModule):
            raise TypeError(f"expected model to be a SpikingModule, got {type(model).__name__}: wrap it")
        if use_amp:
            raise ValueError("expected use_amp=False, got True: rounded potentials change the spikes")
        if optimizer is not None:
            check_trains(optimizer, model)
        super().__init__(
            model=model,
            loss=loss,
            input_shape=tuple(input_shape),
            nb_classes=nb_classes,
            optimizer=optimizer or torch.optim.Adam(model.parameters(), lr=1e-3),
            opt_level=opt_level,
            loss_scale=loss_scale,
            channels_first=channels_first,
            clip_values=clip_values,
            preprocessing_defences=preprocessing_defences,
            postprocessing_defences=postprocessing_defences,
            preprocessing=per_channel(preprocessing),
            device_type=device_type,
        )
        self._model.eval()  # ART's attacks ask the model itself
        self._initial = without_reset(model)
        self.look_into_model()

    @classmethod
    def _wrapped(cls, net: nn.Module, n_axes: int, time: dict[str, Any]) -> tuple[nn.Module, dict[str, Any]]:
        """The network in a `SpikingModule`."""
        return SpikingModule(net, **time), {}
