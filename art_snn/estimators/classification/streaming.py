"""Training and prediction batch by batch: nothing here copies a whole data set."""

import copy
import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
import torch
from art.data_generators import DataGenerator
from torch import Tensor
from tqdm import tqdm

from art_snn._progress import progress, task_or
from art_snn._random import Rng, draw_seed, host_seed
from art_snn._validation import check_at_least, check_finite, check_same_length, check_weights, class_indices
from art_snn.estimators.classification._generators import epoch_of, n_batches, n_samples
from art_snn.estimators.classification._host import Host
from art_snn.estimators.classification._keywords import check_keywords
from art_snn.estimators.classification._rehearsal import check_steps, has_single
from art_snn.estimators.classification._undoing import Undoing
from art_snn.estimators.classification.mode import mode
from art_snn.estimators.classification.module import SpikingModule
from art_snn.typing import Array, Indices, Labels

# From samples (n, ...), their row numbers (n,) and a generator to samples of the same shape
Prepare = Callable[[Array, Indices, np.random.Generator], Array]
Batch = tuple[Array, Labels, Array | None]  # samples, one-hot labels, weights


class Streaming(Host):
    """`predict`, `fit` and `fit_generator` for ART's `PyTorchClassifier`, which work through the data in batches.

    Not a subclass of ART's classifiers, whose metaclass would turn a generator into an array.
    """

    _n_blocks = 0  # of `_in_mode` in training mode

    def predict(
        self,
        x: Array | DataGenerator,
        batch_size: int = 128,
        training_mode: bool = False,
        *,
        logits: bool = False,
        verbose: bool = False,
        **kwargs: Any,
    ) -> Array:
        """Logits (N, K), float32.

        Args:
            x: Samples of `input_shape` and any number dtype, none of them (N = 0) included, or ART's
                `PyTorchDataGenerator`, whose batches are predicted in its own order.
            batch_size: Samples a pass at most: fewer go through at once where that is faster. No answer depends on it.
            training_mode: Whether dropout and batch norm behave as in training.
            logits: Whether postprocessing defences are left out, of which gradients know nothing.
            verbose: Whether to show a progress bar.
            **kwargs: Keywords that ART's callers pass; they change nothing.

        Raises:
            ValueError: If the samples have not `input_shape`.
            TypeError: If an argument is unknown.
        """
        check_keywords("predict", kwargs)
        check_at_least("batch_size", batch_size, 1)
        loading = isinstance(x, DataGenerator)  # a DataLoader draws as it starts
        with self._in_mode(training_mode, draws=loading), torch.no_grad(), host_seed(0) if loading else nullcontext():
            batches = progress(self._sample_batches(x, batch_size), verbose=verbose, desc="predict", unit="batch")
            outputs = [self._predict_batch(batch) for batch in batches]
        predictions = np.concatenate(outputs) if outputs else np.empty((0, self.nb_classes), np.float32)
        if not logits:
            predictions = self._apply_postprocessing(preds=predictions, fit=False)
        return predictions

    def fit(
        self,
        x: Array,
        y: Labels,
        batch_size: int = 128,
        nb_epochs: int = 10,
        training_mode: bool = True,
        drop_last: bool = False,
        scheduler: Any = None,
        verbose: bool = False,
        *,
        seed: Rng = 0,
        sample_weights: Array | None = None,
        validation_data: tuple[Array, Labels] | None = None,
        prepare: Prepare | None = None,
        after_epoch: Callable[[int], object] | None = None,
        **kwargs: Any,
    ) -> None:
        """Train by backpropagation through time, from where the network and its optimiser are.

        Where a step fails, or the training is interrupted, the weights of the last whole step stay, and each layer
        gets back the mode that it had; if no step was done, nothing has changed.

        Args:
            x: Samples of `input_shape`, any number dtype; also memory-mapped: batches are read as they come.
            y: Class indices (N,), or one-hot or probabilities (N, K).
            batch_size: Samples a step of the optimiser.
            nb_epochs: Passes over the data.
            training_mode: Whether dropout and batch norm behave as in training.
            drop_last: Whether an incomplete last batch is left out.
            scheduler: A learning rate scheduler of torch's, stepped after each epoch.
            verbose: Whether to show a progress bar with the loss.
            seed: Decides order, dropout and Poisson draws; no global random stream is moved.
            sample_weights: Weight of each sample's loss, (N,); None weighs all alike.
            validation_data: Samples and labels on which the progress bar shows the accuracy after each epoch. Nothing
                is chosen by it: training neither stops early nor brings back weights, and without `verbose` the
                samples are checked but not used.
            prepare: Changes each batch before it is trained on, as augmentation does; see `Prepare`.
            after_epoch: Called after each epoch with its number, from 1.
            **kwargs: Keywords that ART's callers pass; they change nothing.

        Raises:
            ValueError: If shapes, labels or values do not fit; nothing has been changed then.
            TypeError: If an argument is unknown.
        """
        check_keywords("fit", kwargs)
        x, y = self._checked_data(x, y)
        check_at_least("batch_size", batch_size, 1)
        if sample_weights is not None:
            sample_weights = check_weights("sample_weights", sample_weights, len(x))
        order, draws, changes = np.random.default_rng(seed).spawn(3)
        stop = len(x) - len(x) % batch_size if drop_last else len(x)
        if stop == 0:
            raise ValueError(f"expected at least one {'whole batch' if drop_last else 'sample'}, got {len(x)} samples")

        def epoch() -> Iterator[Batch]:
            rows = order.permutation(len(x))
            for start in range(0, stop, batch_size):
                batch = rows[start : start + batch_size]
                samples = x[batch] if prepare is None else self._check_samples(prepare(x[batch], batch, changes))
                yield samples, y[batch], None if sample_weights is None else sample_weights[batch]

        validation = self._checked_validation(validation_data)
        self._rehearse(has_single(stop, batch_size), batch_size, training_mode)
        n_batches = -(-stop // batch_size)
        self._train(epoch, n_batches, nb_epochs, training_mode, scheduler, verbose, draws, validation, after_epoch)

    def fit_generator(
        self,
        generator: DataGenerator,
        nb_epochs: int = 20,
        verbose: bool = False,
        *,
        seed: Rng = 0,
        scheduler: Any = None,
        validation_data: tuple[Array, Labels] | None = None,
        **kwargs: Any,
    ) -> None:
        """Train on the batches of a generator of ART's, in the order in which it gives them.

        Args:
            generator: Generator of batches (x, y), as arrays or tensors; y as indices or one-hot.
            nb_epochs: Passes over the data.
            verbose: Whether to show a progress bar with the loss.
            seed: Decides dropout and Poisson draws, and whatever the generator takes from the global random streams.
            scheduler: A learning rate scheduler of torch's, stepped after each epoch.
            validation_data: Samples and labels on which the progress bar shows the accuracy, as in `fit`.
            **kwargs: Keywords that ART's callers pass; they change nothing.

        Raises:
            ValueError: If a batch does not fit; the batches before it have been trained on.
            TypeError: If an argument is unknown.
        """
        check_keywords("fit_generator", kwargs)

        def epoch() -> Iterator[Batch]:
            for x, y in epoch_of(generator):
                yield *self._checked_data(x, y), None

        validation = self._checked_validation(validation_data)
        self._rehearse(has_single(n_samples(generator), generator.batch_size), generator.batch_size, True)
        self._train(epoch, n_batches(generator), nb_epochs, True, scheduler, verbose, seed, validation)

    @contextmanager
    def _in_mode(self, training_mode: bool, *, draws: bool = False) -> Iterator[None]:
        """Evaluation mode for a while, or training mode: dropout then draws anew in each block, and errors are undone.

        No global random stream is moved.
        """
        with mode(self._model, training_mode, draws=draws or training_mode):
            if not training_mode:
                yield
                return
            with host_seed(self._n_blocks), Undoing(self.model):
                yield
            self._n_blocks += 1

    def _train(
        self,
        epoch: Callable[[], Iterator[Batch]],
        n_batches: int,
        nb_epochs: int,
        training_mode: bool,
        scheduler: Any,
        verbose: bool,
        rng: Rng,
        validation: tuple[Array, Indices] | None,
        after_epoch: Callable[[int], object] | None = None,
    ) -> None:
        check_at_least("nb_epochs", nb_epochs, 1)
        if self._optimizer is None:
            raise ValueError("expected an optimizer, got None: give one to the constructor or to set_params")
        rng = np.random.default_rng(rng)
        draws = draw_seed(rng) if isinstance(self.model, SpikingModule) else None
        bar = progress(verbose=verbose, total=nb_epochs * n_batches, desc=task_or("fit"), unit="batch")
        with mode(self._model, training_mode), host_seed(rng), Undoing(self.model) as first, self._clean(), bar:
            if draws is not None:
                self.model.reseed(draws)
            is_finite = True
            for number in range(1, nb_epochs + 1):
                was_finite, is_finite = is_finite, self._train_epoch(epoch(), f"{number}/{nb_epochs}", bar, first)
                if was_finite and not is_finite:
                    warn_of_divergence(number, nb_epochs)
                if validation is not None and not bar.disable:
                    bar.set_postfix_str(f"{bar.postfix}, accuracy={self._accuracy(*validation):.3f}")
                if scheduler is not None:
                    scheduler.step()
                if after_epoch is not None:
                    with host_seed(0):  # it must not move what the training draws
                        after_epoch(number)
        self._model.eval()  # ART's attacks ask the model itself

    @contextmanager
    def _clean(self) -> Iterator[None]:
        """No gradient is left behind, whatever happens."""
        try:
            yield
        finally:
            self._model.zero_grad(set_to_none=True)

    def _train_epoch(self, batches: Iterator[Batch], number: str, bar: tqdm, first: Undoing) -> bool:
        """Train one epoch, with its number and the loss on the bar; returns whether every loss was finite."""
        is_finite = torch.tensor(True, device=self._device)
        for batch in batches:
            loss = self._step(*batch)
            first.is_done = True
            is_finite &= loss.isfinite()  # not read here: a GPU would wait
            if not bar.disable:
                bar.set_postfix(epoch=number, loss=f"{loss.item():.3f}", refresh=False)
            bar.update()
        bar.refresh()  # also in a file, where states are seldom written
        return bool(is_finite)

    def _step(self, x: Array, y: Labels, weights: Array | None) -> Tensor:
        x, y = self._apply_preprocessing(x, y, fit=True)
        inputs, labels = self._to_device(x), self._to_device(self.reduce_labels(y))
        self._optimizer.zero_grad()
        loss = self._weighted_loss(self._model(inputs)[-1], labels, weights)
        torch.autograd.backward(loss)
        self._optimizer.step()
        return loss.detach()

    def _rehearse(self, single: bool, batch_size: int, training_mode: bool) -> None:
        """Refuse a training that would fail at a batch of one sample, or at its first; nothing is changed."""

        def step(n: int) -> None:
            x, y = np.zeros((n, *self.input_shape), np.float32), np.eye(self.nb_classes, dtype=np.float32)[[0] * n]
            x, y = self._apply_preprocessing(x, y, fit=True)
            labels = self._to_device(self.reduce_labels(y))
            self._weighted_loss(self._model(self._to_device(x))[-1], labels, None)

        with mode(self._model, training_mode), host_seed(0):
            check_steps(self.model, step, single=single, batch_size=batch_size)

    def _checked_data(self, x: Any, y: Any) -> tuple[Array, Labels]:
        x, y = self._check_samples(x), self._one_hot(y)
        check_same_length("x", x, "y", y)
        check_finite("x", x)
        return x, y

    def _checked_validation(self, data: Any) -> tuple[Array, Indices] | None:
        if data is None:
            return None
        if not isinstance(data, tuple | list) or len(data) != 2 or len(data[0]) == 0:
            raise ValueError(f"expected validation_data to be (x, y) of at least one sample, got {type(data).__name__}")
        x, y = self._checked_data(*data)
        return x, class_indices(y, self.nb_classes)

    def _accuracy(self, x: Array, y: Indices) -> float:
        with host_seed(0):  # whatever a defence draws, it must not move what the training draws
            return float((self.predict(x).argmax(axis=1) == y).mean())

    def _weighted_loss(self, outputs: Tensor, labels: Tensor, weights: Array | None) -> Tensor:
        if weights is None:
            loss: Tensor = self._loss(outputs, labels)
            return loss
        losses = reduced(self._loss, "none")(outputs, labels).reshape(len(outputs), -1).mean(1)
        weighted: Tensor = (losses * self._to_device(np.asarray(weights, np.float32))).mean()
        return weighted

    def _predict_batch(self, x: Array) -> Array:
        x, _ = self._apply_preprocessing(x, y=None, fit=False)
        logits: Array = self._model(self._to_device(x))[-1].float().cpu().numpy()
        return logits

    def _sample_batches(self, x: Array | DataGenerator, batch_size: int) -> Iterator[Array]:
        if isinstance(x, DataGenerator):
            for batch in x.iterator:
                yield self._check_samples(batch[0] if isinstance(batch, tuple | list) else batch)
            return
        x = self._check_samples(x)
        size = int(min(batch_size, self._samples_at_once()))
        for start in range(0, len(x), size):
            yield x[start : start + size]

    def _samples_at_once(self) -> float:
        """No limit in training mode, where batch norm looks at the batch, nor on a GPU."""
        chooses = isinstance(self.model, SpikingModule) and not self._model.training and self._device.type == "cpu"
        return self.model.samples_at_once(self.input_shape) if chooses else math.inf

    def _to_device(self, x: Array) -> Tensor:
        return to_device(x, self._device)


def to_device(x: Array, device: torch.device) -> Tensor:
    """A batch as a tensor; a network that writes into it does not reach a read-only array."""
    x = np.ascontiguousarray(x, x.dtype.newbyteorder("="))
    batch = torch.from_numpy(x if x.flags.writeable else x.copy())
    if device.type == "cuda":
        batch = batch.pin_memory()  # the only memory that a GPU copies while the processor goes on
    return batch.to(device, non_blocking=True)


def warn_of_divergence(epoch: int, nb_epochs: int) -> None:
    """Warn of a loss that is not finite; the training goes on, for the caller may judge its result."""
    message = f"{task_or('fit')}: the training diverged, its loss is not finite in epoch {epoch} of {nb_epochs}"
    warnings.warn(f"{message}; lower the learning rate", stacklevel=4)


def reduced(loss: Any, reduction: str) -> Any:
    """A loss with another reduction; the one given stays as it is, whoever else may be using it.

    Raises:
        TypeError: If it has no reduction.
    """
    if not hasattr(loss, "reduction"):
        raise TypeError(f"expected a loss with a reduction, as torch's have, got {type(loss).__name__}")
    loss = copy.copy(loss)
    loss.reduction = reduction
    return loss
