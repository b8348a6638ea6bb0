"""Whatever ART's callers pass: samples of any number dtype, labels as indices or one-hot, without needless copies."""

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from art.preprocessing.standardisation_mean_std.pytorch import StandardisationMeanStdPyTorch
from torch import Tensor

from art_snn._validation import check_finite, class_indices
from art_snn.estimators.classification.streaming import mode
from art_snn.typing import Array

if TYPE_CHECKING:
    from art.estimators.classification import PyTorchClassifier as _Host
else:
    _Host = object


class Inputs(_Host):
    """Gradients, losses and preprocessing of ART's `PyTorchClassifier`, for any dtype and both forms of labels."""

    def loss_gradient(self, x: Any, y: Any, training_mode: bool = False, **kwargs: Any) -> Any:
        """Gradient of the loss with respect to `x`, of its kind and shape; labels as indices or one-hot."""
        with mode(self._model, training_mode):
            return super().loss_gradient(floating(x), self._one_hot(y), training_mode=training_mode, **kwargs)

    def class_gradient(self, x: Any, label: Any = None, training_mode: bool = False, **kwargs: Any) -> Any:
        """Gradients of the logits with respect to `x`: (N, K, ...), or (N, 1, ...) for given labels."""
        with mode(self._model, training_mode):
            return super().class_gradient(floating(x), label, training_mode=training_mode, **kwargs)

    def compute_loss(self, x: Any, y: Any, reduction: str = "none", **kwargs: Any) -> Any:
        """Losses (N,), or their mean or sum; labels as indices or one-hot."""
        with mode(self._model, False):
            return super().compute_loss(floating(x), self._one_hot(y), reduction=reduction, **kwargs)

    def _apply_preprocessing(self, x: Any, y: Any, fit: bool = False, no_grad: bool = True) -> tuple[Any, Any]:
        """ART's, but nothing is computed or copied where all there is to do is subtract 0 and divide by 1."""
        if all(_is_identity(operation) for operation in self.preprocessing_operations):
            return x, y
        return super()._apply_preprocessing(floating(x), y, fit=fit, no_grad=no_grad)  # type: ignore[no-any-return]

    def _one_hot(self, y: Any) -> Any:
        """Labels as ART's own code wants them: (N, K) floats, one-hot or probabilities; tensors stay tensors."""
        labels = y.detach().cpu().numpy() if isinstance(y, Tensor) else np.asarray(y)
        if labels.ndim != 2 or labels.shape[1] != self.nb_classes:
            labels = np.eye(self.nb_classes, dtype=np.float32)[class_indices(labels, self.nb_classes)]
        check_finite("labels", labels)
        labels = labels.astype(np.float32, copy=False)
        return torch.from_numpy(labels).to(y.device) if isinstance(y, Tensor) else labels

    def _check_samples(self, x: Array) -> None:
        shape = self.input_shape
        # frames: another number of bins will do
        any_time = len(shape) == 4 and getattr(self.model, "timesteps", 0) is None
        fits = x.ndim == len(shape) + 1 and x.shape[1 + any_time :] == shape[any_time:]
        if not fits:
            raise ValueError(f"expected samples of shape (N, {', '.join(map(str, shape))}), got shape {x.shape}")


def floating(x: Any) -> Any:
    """float32, which the network computes in and gradients need; no copy where it is."""
    return x.to(torch.float32) if isinstance(x, Tensor) else np.asarray(x, dtype=np.float32)


def _is_identity(operation: Any) -> bool:
    """Whether a preprocessing operation is ART's default, (x - 0) / 1."""
    standard = isinstance(operation, StandardisationMeanStdPyTorch)
    return standard and not np.any(operation.mean) and bool(np.all(np.equal(operation.std, 1)))
