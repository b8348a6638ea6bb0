"""`SpikingClassifier`: a spiking network trained by backpropagation, wherever ART takes a PyTorch classifier."""

from typing import Any

import numpy as np
import torch
from art.estimators.classification import PyTorchClassifier
from art.preprocessing.standardisation_mean_std.pytorch import StandardisationMeanStdPyTorch
from torch import Tensor, nn

from art_snn._validation import class_indices
from art_snn.estimators.classification.activations import Activations
from art_snn.estimators.classification.copying import Copying, without_reset
from art_snn.estimators.classification.module import SpikingModule
from art_snn.estimators.classification.saving import Saving
from art_snn.estimators.classification.streaming import Streaming, mode
from art_snn.typing import Array


class SpikingClassifier(Streaming, Activations, Copying, Saving, PyTorchClassifier):
    """A spiking network trained by backpropagation through time, with ART's `PyTorchClassifier` interface.

    Where ART's class fails on spiking networks this one does not: it answers alike for every batch size and dtype,
    takes index and one-hot labels everywhere, reads activations in batches without keeping a graph or a hook, and
    copies, pickles and clones without leaving files behind.

    Args:
        model: The network in a `SpikingModule`.
        loss: A loss of torch's on logits (N, K), such as `nn.CrossEntropyLoss()`.
        input_shape: Of one sample: (C, H, W), (T, C, H, W), or (T*C, H, W) where time is folded into the channels.
        nb_classes: K, at least 2.
        optimizer: Over the model's parameters; None is Adam with learning rate 1e-3.
        use_amp: Must stay False: in half precision the potentials round, and spikes change.
        clip_values: Smallest and largest input value, for the attacks that ask.
        preprocessing: (mean, standard deviation) subtracted and divided; vectors are per channel.

    Raises:
        TypeError: If `model` is no `SpikingModule`.
        ValueError: If a sample of `input_shape` does not pass the model, or its logits are not (N, nb_classes).

    Source: surrogate gradients through time as in Wu et al., Spatio-temporal backpropagation, 2018,
    https://arxiv.org/abs/1706.02609, section 2.
    """

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
            preprocessing=_per_channel(preprocessing),
            device_type=device_type,
        )
        self._initial = without_reset(model)
        self._layer_names = self._hidden_spiking_layers()

    def loss_gradient(self, x: Any, y: Any, training_mode: bool = False, **kwargs: Any) -> Any:
        """Gradient of the loss with respect to `x`, of its kind and shape; labels as indices or one-hot."""
        with mode(self._model, training_mode):
            return super().loss_gradient(_floating(x), self._one_hot(y), training_mode=training_mode, **kwargs)

    def class_gradient(self, x: Any, label: Any = None, training_mode: bool = False, **kwargs: Any) -> Any:
        """Gradients of the logits with respect to `x`: (N, K, ...), or (N, 1, ...) for given labels."""
        with mode(self._model, training_mode):
            return super().class_gradient(_floating(x), label, training_mode=training_mode, **kwargs)

    def compute_loss(self, x: Any, y: Any, reduction: str = "none", **kwargs: Any) -> Any:
        """Losses (N,), or their mean or sum; labels as indices or one-hot."""
        with mode(self._model, False):
            return super().compute_loss(_floating(x), self._one_hot(y), reduction=reduction, **kwargs)

    def _apply_preprocessing(self, x: Any, y: Any, fit: bool = False, no_grad: bool = True) -> tuple[Any, Any]:
        """ART's, but nothing is computed or copied where all there is to do is subtract 0 and divide by 1."""
        if all(_is_identity(operation) for operation in self.preprocessing_operations):
            return x, y
        return super()._apply_preprocessing(_floating(x), y, fit=fit, no_grad=no_grad)  # type: ignore[no-any-return]

    def _one_hot(self, y: Any) -> Any:
        """Labels as ART's own code wants them: (N, K) floats, one-hot or probabilities; tensors stay tensors."""
        labels = y.detach().cpu().numpy() if isinstance(y, Tensor) else np.asarray(y)
        if labels.ndim != 2 or labels.shape[1] != self.nb_classes:
            labels = np.eye(self.nb_classes, dtype=np.float32)[class_indices(labels, self.nb_classes)]
        labels = labels.astype(np.float32, copy=False)
        return torch.from_numpy(labels).to(y.device) if isinstance(y, Tensor) else labels

    def _check_samples(self, x: Array) -> None:
        shape = self.input_shape
        any_time = self.model.timesteps is None and len(shape) == 4  # frames: another number of bins will do
        fits = x.ndim == len(shape) + 1 and x.shape[1 + any_time :] == shape[any_time:]
        if not fits:
            raise ValueError(f"expected samples of shape (N, {', '.join(map(str, shape))}), got shape {x.shape}")


def _floating(x: Any) -> Any:
    """float32, which the network computes in and gradients need; no copy where it is."""
    return x.to(torch.float32) if isinstance(x, Tensor) else np.asarray(x, dtype=np.float32)


def _is_identity(operation: Any) -> bool:
    """Whether a preprocessing operation is ART's default, (x - 0) / 1."""
    standard = isinstance(operation, StandardisationMeanStdPyTorch)
    return standard and not np.any(operation.mean) and bool(np.all(np.equal(operation.std, 1)))


def _per_channel(preprocessing: Any) -> Any:
    """Vectors as (C, 1, 1): ART would take a vector as long as the number of time bins for one along time."""
    if not isinstance(preprocessing, tuple):
        return preprocessing
    return tuple(np.reshape(v, (-1, 1, 1)) if np.ndim(v) == 1 else v for v in preprocessing)
