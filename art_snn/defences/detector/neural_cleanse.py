"""Neural Cleanse: a backdoor is a shortcut, so the trigger that leads to its class is smaller than any other's."""

import warnings
from dataclasses import dataclass

import numpy as np
import torch
from art.estimators.classification import PyTorchClassifier
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from art_snn._progress import progress
from art_snn._random import torch_generator
from art_snn._validation import check_at_least, check_finite, check_fraction, check_positive
from art_snn.defences._differentiable import input_range, logits
from art_snn.defences.detector.model_detector import ModelDetector, ModelReport
from art_snn.typing import Array, Indices, Mask


class Blend:
    """A mask and a pattern that are learnt, each within its range whatever the values behind it.

    Args:
        shape: Of a sample, (C, H, W) or (T, C, H, W); the mask has one channel.
        low: Smallest value of the pattern.
        high: Largest value.
        learning_rate: Of Adam.
        generator: Of the first values: masks around a half.
    """

    def __init__(
        self, shape: tuple[int, ...], low: Tensor, high: Tensor, learning_rate: float, generator: torch.Generator
    ) -> None:
        self._low, self._high = low, high
        shapes = (*shape[:-3], 1, *shape[-2:]), shape
        draws = [0.1 * torch.randn(each, generator=generator).to(low.device) for each in shapes]
        self._mask, self._pattern = (draw.requires_grad_(True) for draw in draws)
        self._optimizer = torch.optim.Adam([self._mask, self._pattern], lr=learning_rate)

    @property
    def mask(self) -> Tensor:
        """In [0, 1], (1, H, W) or (T, 1, H, W)."""
        return torch.sigmoid(self._mask)

    @property
    def pattern(self) -> Tensor:
        """Within the range, (C, H, W) or (T, C, H, W)."""
        return self._low + (self._high - self._low) * torch.sigmoid(self._pattern)

    def __call__(self, x: Tensor) -> Tensor:
        """Samples (N, ...) with the trigger."""
        return (1 - self.mask) * x + self.mask * self.pattern

    def descend(self, loss: Tensor) -> None:
        """Take one step down."""
        values = [self._mask, self._pattern]
        for value, gradient in zip(values, torch.autograd.grad(loss, values), strict=True):
            value.grad = gradient
        self._optimizer.step()


@dataclass
class MaskCost:
    """What a mask's size costs: more after each run of successes, less after each run of failures.

    Args:
        weight: To begin with.
        multiplier: By which it rises; it falls by its power of 1.5.
        patience: Steps of a run.
    """

    weight: float
    multiplier: float
    patience: int
    _run: int = 0

    def update(self, success: bool) -> None:
        """Count one more step."""
        self._run = max(self._run, 0) + 1 if success else min(self._run, 0) - 1
        if abs(self._run) == self.patience:
            self.weight *= self.multiplier if success else self.multiplier**-1.5
            self._run = 0


class NeuralCleanse(ModelDetector):
    """Look for the smallest trigger, a mask and a pattern, that takes samples to a class; for each class in turn.

    Of frames both have a time axis: a trigger may be of any shape in any time bin, and its size is counted over all.
    Where half of the classes or more were reached by no trigger, as in a silent or an untrained network, nothing can be
    said of sizes: a warning, scores of 0, and no accusation.

    Args:
        classifier: A trained one of at least three classes, spiking or not. For images it needs clip values.
        steps: Of Adam for each class.
        init_cost: Weight of the mask's size beside the loss, to begin with.
        learning_rate: Of Adam.
        attack_success_threshold: Share of samples that a trigger must take to the class, in (0, 1].
        patience: Steps of success after which the cost rises, or of failure after which it falls.
        cost_multiplier: By which it rises; it falls by its power of 1.5.
        batch_size: Samples a step.
        threshold: Anomaly index, deviations from the median size, from which on the model is accused. Of ten sizes
            that are normal, one lies 2 deviations below the median by chance in a fifth of all clean models.
        seed: Of first masks and patterns, and of the samples that are drawn.
        verbose: Whether to show a progress bar.

    Attributes:
        masks: After `detect_backdoor`, the smallest mask of each class, (K, 1, H, W) or (K, T, 1, H, W), in [0, 1]; of
            a class that was not reached, ones.
        patterns: What the masks blend in, (K, C, H, W) or (K, T, C, H, W).

    Raises:
        ValueError: If a parameter is out of its range, or the classifier has too few classes or no clip values.

    Source: Wang et al., Neural Cleanse, 2019, https://doi.org/10.1109/SP.2019.00031, section 5.
    """

    masks: Array
    patterns: Array

    def __init__(
        self,
        classifier: PyTorchClassifier,
        steps: int = 100,
        init_cost: float = 1e-3,
        learning_rate: float = 0.1,
        attack_success_threshold: float = 0.99,
        patience: int = 5,
        cost_multiplier: float = 1.5,
        batch_size: int = 32,
        threshold: float = 2.0,
        seed: int = 0,
        verbose: bool = False,
    ) -> None:
        super().__init__(classifier)
        self.steps, self.init_cost, self.learning_rate = steps, init_cost, learning_rate
        self.attack_success_threshold, self.patience = attack_success_threshold, patience
        self.cost_multiplier, self.batch_size, self.threshold = cost_multiplier, batch_size, threshold
        self.seed, self.verbose = seed, verbose
        self._check_params()

    def _examine(self, x: Array | None, y: Indices | None) -> ModelReport:
        """Samples of the class in question, where labels tell, are left out."""
        if x is None or len(x) == 0:
            raise ValueError("expected clean samples x, some of every class, got none")
        check_finite("x", x)
        if y is not None and len(np.unique(y)) == 1:
            raise ValueError(f"expected clean samples of several classes, got only class {y[0]}")
        low, high = input_range(self.classifier, highest_count=float(np.max(x)))
        samples, generator = torch.as_tensor(x), torch_generator(self.seed)
        n_classes = self.classifier.nb_classes
        found = []
        with progress(verbose=self.verbose, total=n_classes * self.steps, desc="triggers", unit="step") as bar:
            for target in range(n_classes):
                others = samples if y is None else samples[torch.as_tensor(y != target)]
                blend = Blend(self.classifier.input_shape, low, high, self.learning_rate, generator)
                found.append(self._shrink(blend, target, others, generator, bar))
        self.masks, self.patterns, is_reached = (np.stack(arrays) for arrays in zip(*found, strict=True))
        scores = self._compare(self.masks.reshape(n_classes, -1).sum(1), is_reached)
        suspect = int(scores.argmax())
        return ModelReport(bool(scores[suspect] >= self.threshold), suspect, None, scores, float(scores[suspect]))

    def _shrink(
        self, blend: Blend, target: int, samples: Tensor, generator: torch.Generator, bar: tqdm
    ) -> tuple[Array, Array, bool]:
        """The smallest mask that was met, its pattern, and whether any step succeeded; if none, all of the sample."""
        cost, is_reached = MaskCost(self.init_cost, self.cost_multiplier, self.patience), False
        smallest, pattern = torch.ones_like(blend.mask), blend.pattern
        for _ in range(self.steps):
            rows = torch.randperm(len(samples), generator=generator)[: self.batch_size]
            outputs = logits(self.classifier, blend(samples[rows].to(blend.mask)))
            success = float((outputs.argmax(1) == target).float().mean()) >= self.attack_success_threshold
            if success and blend.mask.sum() < smallest.sum():
                smallest, pattern, is_reached = blend.mask, blend.pattern, True
            goal = torch.full((len(rows),), target, device=outputs.device)
            blend.descend(F.cross_entropy(outputs, goal) + cost.weight * blend.mask.sum())
            cost.update(success)
            bar.update()
        return smallest.detach().cpu().numpy(), pattern.detach().cpu().numpy(), is_reached

    @staticmethod
    def _compare(sizes: Array, is_reached: Mask) -> Array:
        """Anomaly indices; without a majority of classes reached the median size is unknown, and all are 0."""
        if 2 * is_reached.sum() > len(sizes):
            return anomaly_indices(sizes)
        warnings.warn(
            f"only {is_reached.sum()} of {len(sizes)} classes were reached by a trigger, too few to compare sizes: "
            "nobody is accused; raise steps, unless the network is silent or untrained",
            stacklevel=4,
        )
        return np.zeros(len(sizes))

    def _check_params(self) -> None:
        check_at_least("nb_classes", self.classifier.nb_classes, 3)
        for name in ("steps", "patience", "batch_size"):
            check_at_least(name, getattr(self, name), 1)
        for name in ("init_cost", "learning_rate", "cost_multiplier", "threshold"):
            check_positive(name, getattr(self, name))
        check_fraction("attack_success_threshold", self.attack_success_threshold, zero=False)


def anomaly_indices(sizes: Array) -> Array:
    """How far each size lies below the median, in median absolute deviations that stand for one standard deviation.

    Args:
        sizes: (K,).

    Returns:
        (K,), finite; 0 throughout where the median deviation is 0, for nothing tells how far is far then.

    Source: Wang et al., Neural Cleanse, 2019, section 5.1.

    >>> anomaly_indices(np.array([1.0, 9.0, 10.0, 11.0, 12.0])).round(2)
    array([ 6.07,  0.67,  0.  , -0.67, -1.35])
    """
    below = np.median(sizes) - sizes
    deviation = 1.4826 * np.median(np.abs(below))
    indices: Array = below / deviation if deviation > 0 else np.zeros_like(below)
    return indices
