"""Whatever ART's callers pass: samples of any number dtype, labels as indices or one-hot, without needless copies."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from art.preprocessing.standardisation_mean_std.pytorch import StandardisationMeanStdPyTorch
from torch import Tensor, nn

from art_snn._arrays import as_labels, as_numbers
from art_snn._layouts import check_fits
from art_snn._validation import (
    check_choice,
    check_class,
    check_probabilities,
    check_same_length,
    class_indices,
    is_whole,
)
from art_snn.estimators.classification._host import Host
from art_snn.estimators.classification._keywords import check_keywords
from art_snn.estimators.classification.mode import mode
from art_snn.estimators.classification.streaming import reduced
from art_snn.typing import Array


class Inputs(Host):
    """Gradients, losses and preprocessing of ART's `PyTorchClassifier`, for any dtype and both forms of labels.

    Each leaves the classifier as it was, also where it fails.
    """

    _loss: Any

    def loss_gradient(self, x: Any, y: Any, training_mode: bool = False, **kwargs: Any) -> Any:
        """Gradient of the loss with respect to `x`, of its kind and shape; labels as indices or one-hot."""
        check_keywords("loss_gradient", kwargs)
        x = self._floating_samples(x)
        y = self._labels_of(x, y)
        with self._in_mode(training_mode), gradients_kept(self._model):
            return super().loss_gradient(x, y, training_mode=training_mode)

    def class_gradient(self, x: Any, label: Any = None, training_mode: bool = False, **kwargs: Any) -> Any:
        """Gradients of the logits with respect to `x`: (N, K, ...), or (N, 1, ...) for one class or one a sample."""
        check_keywords("class_gradient", kwargs)
        x = self._floating_samples(x)
        if is_whole(label):
            check_class("label", label, self.nb_classes)
        elif label is not None:
            label = class_indices(label, self.nb_classes)
            check_same_length("samples", x, "labels", label)
        with self._in_mode(training_mode), gradients_kept(self._model):
            return super().class_gradient(x, label, training_mode=training_mode)

    def compute_loss(self, x: Any, y: Any, reduction: str = "none", **kwargs: Any) -> Any:
        """Losses (N,), or their mean or sum; labels as indices or one-hot."""
        check_keywords("compute_loss", kwargs)
        check_choice("reduction", reduction, ("none", "mean", "sum"))
        x = self._floating_samples(x)
        y = self._labels_of(x, y)
        with mode(self._model, False, draws=False):
            own, self._loss = self._loss, reduced(self._loss, reduction)  # ART's code would change the loss itself
            try:
                return super().compute_loss(x, y, reduction=reduction)
            finally:
                self._loss = own

    def custom_loss_gradient(
        self, loss_fn: Any, x: Array | Tensor, y: Array | Tensor, layer_name: int | str, training_mode: bool = False
    ) -> Any:
        """Gradient, with respect to `x`, of `loss_fn(activations of x - activations of y, p=2)` at one layer.

        Args:
            loss_fn: Such as `torch.norm`.
            x: Samples of `input_shape`, arrays or tensors.
            y: Samples to compare with, arrays or tensors.
            layer_name: As `layer` of `get_activations`.
            training_mode: Must be False, as in ART, which evaluates in any case.

        Returns:
            The kind and shape of `x`.
        """
        if training_mode:
            raise ValueError("expected training_mode=False, got True: activations are read in evaluation mode")
        samples = self._floating_samples(x), self._floating_samples(y)
        inputs, targets = (torch.as_tensor(a, device=self._device) for a in samples)
        inputs = inputs.detach().requires_grad_(True)
        difference = self.get_activations(inputs, layer_name, framework=True) - self.get_activations(
            targets, layer_name, framework=True
        )
        (gradient,) = torch.autograd.grad(loss_fn(difference, p=2), inputs)
        return gradient if isinstance(x, Tensor) else gradient.cpu().numpy()

    def _predict_framework(self, x: Any, y: Any = None) -> tuple[Any, Any]:
        """ART's, which some attacks call, but the mode comes back afterwards."""
        with mode(self._model, False, draws=False):
            return super()._predict_framework(x, y)  # type: ignore[no-any-return]

    def _apply_preprocessing(self, x: Any, y: Any, fit: bool = False, no_grad: bool = True) -> tuple[Any, Any]:
        """ART's, but nothing is computed or copied where all there is to do is subtract 0 and divide by 1."""
        if all(_is_identity(operation) for operation in self.preprocessing_operations):
            return x, y
        own = floating(x) if isinstance(x, Tensor) else np.array(x, np.float32)  # some of ART's defences write into it
        x, y = super()._apply_preprocessing(own, y, fit=fit, no_grad=no_grad)
        return floating(x), y if y is None else floating(y)  # some give float64, which a loss does not take

    def _one_hot(self, y: Any) -> Array:
        """Labels as ART's own code wants them: (N, K) float32, one-hot or probabilities."""
        labels = as_labels("labels", y)
        if labels.ndim == 2 and labels.shape[1] == self.nb_classes:
            check_probabilities("labels", labels)
        else:
            labels = np.eye(self.nb_classes, dtype=np.float32)[class_indices(labels, self.nb_classes)]
        return floating(labels)  # type: ignore[no-any-return]

    def _labels_of(self, x: Any, y: Any) -> Any:
        """The same of as many labels as there are samples, as a tensor where the samples are one."""
        labels = self._one_hot(y)
        check_same_length("samples", x, "labels", labels)
        return torch.from_numpy(labels).to(x.device) if isinstance(x, Tensor) else labels

    def _check_samples(self, x: Any) -> Array:
        return samples_for(self, x)

    def _samples(self, x: Any) -> Any:
        """Samples as an array, or as the tensor that they are, with its graph."""
        if not isinstance(x, Tensor):
            return self._check_samples(x)
        check_shape_for(self, x)
        return x

    def _floating_samples(self, x: Any) -> Any:
        return floating(self._samples(x))

    def _in_evaluation(
        self, x: Any, batch_size: int, framework: bool, compute: Callable[[Tensor], list[Tensor]]
    ) -> list[Any]:
        """What is computed of samples as the model sees them: arrays, or at once and with gradients, tensors.

        Raises:
            ValueError: If there is no sample.
        """
        x = self._samples(x)
        if len(x) == 0:
            raise ValueError("expected at least one sample, got none")

        def computed(batch: Array | Tensor) -> list[Tensor]:
            inputs, _ = self._apply_preprocessing(batch, y=None, fit=False, no_grad=not framework)
            return compute(inputs if isinstance(inputs, Tensor) else self._to_device(inputs))

        with mode(self._model, False, draws=False), torch.set_grad_enabled(framework):
            if framework:
                return computed(x)
            batches = ([a.cpu().numpy() for a in computed(b)] for b in self._sample_batches(x, batch_size))
            return [np.concatenate(parts) for parts in zip(*batches, strict=True)]


def samples_for(classifier: Any, x: Any, name: str = "samples") -> Array:
    """Samples as a classifier takes them, as an array (N, ...) of numbers, which nothing is copied for.

    Args:
        classifier: Any `PyTorchClassifier`, whose `input_shape` they are to have. Frames may have another number of
            time bins where a `SpikingModule` does not fix it.
        x: An array, a tensor or nested lists.
        name: What they are called in an error.

    Raises:
        TypeError: If they are no numbers, such as event streams; the error says how to make numbers of them.
        ValueError: If they have another shape; where that is a known layout, the error says how to convert it.
    """
    if isinstance(x, Tensor):
        check_shape_for(classifier, x, name)
    array = as_numbers(name, x)
    check_shape_for(classifier, array, name)
    return array


def check_shape_for(classifier: Any, x: Array | Tensor, name: str = "samples") -> None:
    """Samples in an array or a tensor have the shape that a classifier takes; see `samples_for`."""
    shape = tuple(classifier.input_shape)
    check_fits(name, x, shape, any_time=len(shape) == 4 and getattr(classifier.model, "timesteps", 0) is None)


@contextmanager
def gradients_kept(model: nn.Module) -> Iterator[None]:
    """Whatever is computed in the block, afterwards each parameter has the gradient that it had."""
    before = [(parameter, parameter.grad) for parameter in model.parameters()]
    for parameter, _ in before:
        parameter.grad = None  # else what is computed would be added to it, in place
    try:
        yield
    finally:
        for parameter, gradient in before:
            parameter.grad = gradient


def floating(x: Any) -> Any:
    """float32, which the network computes in and gradients need, as torch can take it; no copy where it is."""
    return x.to(torch.float32) if isinstance(x, Tensor) else np.require(x, np.float32, ["C", "W"])


def _is_identity(operation: Any) -> bool:
    """Whether a preprocessing operation is ART's default, (x - 0) / 1."""
    standard = isinstance(operation, StandardisationMeanStdPyTorch)
    return standard and not np.any(operation.mean) and bool(np.all(np.equal(operation.std, 1)))
