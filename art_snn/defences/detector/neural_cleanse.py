"""Neural Cleanse: a backdoor is a shortcut, so the smallest trigger of its class is much smaller than any other's."""

import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from art.estimators.classification import PyTorchClassifier
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from art_snn._declared import Count, FractionAboveZero, Positive, Seed
from art_snn._progress import progress
from art_snn._random import torch_generator
from art_snn._validation import check_at_least, check_finite
from art_snn.defences._differentiable import descend, input_range
from art_snn.defences.detector.model_detector import ModelDetector, ModelReport
from art_snn.estimators.classification.differentiable import logits
from art_snn.lazy_rows import rows_of
from art_snn.typing import Array, Indices, Mask

MaskOverTime = Literal["per-frame", "shared"]


class Blend:
    """A trigger to learn: a mask in [0, 1] and a pattern within the range of values.

    Args:
        shape: Shape of a sample, (C, H, W) or (T, C, H, W); the mask has one channel.
        low: Smallest value of the pattern.
        high: Largest value of the pattern.
        learning_rate: Learning rate of Adam.
        generator: Generator of the initial values; initial masks are near 0.5.
        mask_over_time: For frames, "per-frame" for a mask of each time bin, "shared" for one of all.

    Attributes:
        optimizer: What moves mask and pattern.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        low: Tensor,
        high: Tensor,
        learning_rate: float,
        generator: torch.Generator,
        mask_over_time: MaskOverTime = "per-frame",
    ) -> None:
        self._low, self._high = low, high
        times = shape[:-3] if mask_over_time == "per-frame" else (1,) * len(shape[:-3])
        shapes = (*times, 1, *shape[-2:]), shape
        draws = [0.1 * torch.randn(each, generator=generator).to(low.device) for each in shapes]
        self._mask, self._pattern = (draw.requires_grad_(True) for draw in draws)
        self.optimizer = torch.optim.Adam([self._mask, self._pattern], lr=learning_rate)

    @property
    def mask(self) -> Tensor:
        """Mask in [0, 1], (1, H, W) or (T, 1, H, W), with T = 1 if it is shared."""
        return torch.sigmoid(self._mask)

    @property
    def pattern(self) -> Tensor:
        """Pattern within the range of values, (C, H, W) or (T, C, H, W)."""
        return self._low + (self._high - self._low) * torch.sigmoid(self._pattern)

    def __call__(self, x: Tensor) -> Tensor:
        """Blend the trigger into samples (N, ...)."""
        return (1 - self.mask) * x + self.mask * self.pattern


@dataclass
class MaskCost:
    """Weight of the mask's size in the loss: it rises after a run of successes and falls after a run of failures.

    Args:
        weight: Initial weight.
        multiplier: Factor by which the weight rises; it falls by the factor's power of 1.5.
        patience: Steps in a run.
    """

    weight: float
    multiplier: float
    patience: int
    _run: int = 0

    def update(self, success: bool) -> None:
        """Count one step."""
        self._run = max(self._run, 0) + 1 if success else min(self._run, 0) - 1
        if abs(self._run) == self.patience:
            self.weight *= self.multiplier if success else self.multiplier**-1.5
            self._run = 0


class NeuralCleanse(ModelDetector):
    """Search, for each class, for the smallest trigger (a mask and a pattern) that moves samples to that class.

    For frames the pattern differs in each time bin. So does the mask, whose size is then counted over all bins, unless
    it is shared by all bins. Mask and pattern are real numbers, so that triggered frames hold no whole counts. If no
    trigger is found for half of the classes or more, as in a silent or untrained network, sizes cannot be compared: the
    detector warns, scores every class 0 and accuses none.

    Args:
        classifier: Trained classifier of at least three classes, spiking or not. Images need clip values.
        steps: Steps of Adam for each class.
        init_cost: Initial weight of the mask's size in the loss.
        learning_rate: Learning rate of Adam.
        attack_success_threshold: Share of samples that a trigger must move to the class, in (0, 1].
        patience: Successful steps in a row after which the weight rises, or failed ones after which it falls.
        cost_multiplier: Factor by which the weight rises; it falls by the factor's power of 1.5.
        batch_size: Samples in one step.
        mask_over_time: For frames, "per-frame" for a mask of each time bin, "shared" for one of all bins. Images have
            one mask.
        threshold: Anomaly index, in deviations from the median size, from which on the model is accused. Among ten
            normally distributed sizes, one lies 2 deviations below the median in a fifth of all clean models.
        seed: Seed of initial masks and patterns, and of the choice of samples.
        verbose: Whether to show a progress bar.

    Attributes:
        masks: Smallest mask of each class after `detect_backdoor`, (K, 1, H, W) or (K, T, 1, H, W), with T = 1 if it is
            shared, in [0, 1]; ones for a class without a trigger.
        patterns: Pattern of each class, which its mask blends in, (K, C, H, W) or (K, T, C, H, W).

    Raises:
        ValueError: If a parameter is out of its range, or the classifier has too few classes or no clip values.

    Source: Wang et al., Neural Cleanse, 2019, https://doi.org/10.1109/SP.2019.00031, section 5.
    """

    masks: Array
    patterns: Array

    def __init__(
        self,
        classifier: PyTorchClassifier,
        steps: Count = 100,
        init_cost: Positive = 1e-3,
        learning_rate: Positive = 0.1,
        attack_success_threshold: FractionAboveZero = 0.99,
        patience: Count = 5,
        cost_multiplier: Positive = 1.5,
        batch_size: Count = 32,
        mask_over_time: MaskOverTime = "per-frame",
        threshold: Positive = 2.0,
        seed: Seed = 0,
        verbose: bool = False,
    ) -> None:
        super().__init__(classifier)
        self.steps, self.init_cost, self.learning_rate = steps, init_cost, learning_rate
        self.attack_success_threshold, self.patience = attack_success_threshold, patience
        self.cost_multiplier, self.batch_size, self.threshold = cost_multiplier, batch_size, threshold
        self.mask_over_time, self.seed, self.verbose = mask_over_time, seed, verbose
        self._check_params()

    def _examine(self, x: Array | None, y: Indices | None) -> ModelReport:
        """For each class, samples with that label are left out, if there are labels."""
        if x is None or len(x) == 0:
            raise ValueError("expected clean samples x, some of every class, got none")
        check_finite("x", x)
        if y is not None and len(np.unique(y)) == 1:
            raise ValueError(f"expected clean samples of several classes, got only class {y[0]}")
        highest = max(float(np.max(x[start : start + 256])) for start in range(0, len(x), 256))
        low, high = input_range(self.classifier, highest_count=highest)
        generator = torch_generator(self.seed)
        n_classes = self.classifier.nb_classes
        found = []
        with progress(verbose=self.verbose, total=n_classes * self.steps, desc="triggers", unit="step") as bar:
            for target in range(n_classes):
                others = x if y is None else rows_of(x, y != target)
                blend = Blend(
                    self.classifier.input_shape, low, high, self.learning_rate, generator, self.mask_over_time
                )
                found.append(self._smallest_trigger(blend, target, others, generator, bar))
        self.masks, self.patterns, is_reached = (np.stack(arrays) for arrays in zip(*found, strict=True))
        scores = self._anomalies(self.masks.reshape(n_classes, -1).sum(1), is_reached)
        suspect = int(scores.argmax())
        return ModelReport(bool(scores[suspect] >= self.threshold), suspect, None, scores, float(scores[suspect]))

    def _smallest_trigger(
        self, blend: Blend, target: int, samples: Array, generator: torch.Generator, bar: tqdm
    ) -> tuple[Array, Array, bool]:
        """The smallest successful mask, its pattern, and whether there was one; else a mask of ones."""
        cost, is_reached = MaskCost(self.init_cost, self.cost_multiplier, self.patience), False
        smallest, pattern = torch.ones_like(blend.mask), blend.pattern
        for _ in range(self.steps):
            rows = torch.randperm(len(samples), generator=generator)[: self.batch_size]
            outputs = logits(self.classifier, blend(torch.as_tensor(samples[rows.numpy()]).to(blend.mask)))
            success = float((outputs.argmax(1) == target).float().mean()) >= self.attack_success_threshold
            if success and blend.mask.sum() < smallest.sum():
                smallest, pattern, is_reached = blend.mask, blend.pattern, True
            goal = torch.full((len(rows),), target, device=outputs.device)
            descend(blend.optimizer, F.cross_entropy(outputs, goal) + cost.weight * blend.mask.sum())
            cost.update(success)
            bar.update()
        return smallest.detach().cpu().numpy(), pattern.detach().cpu().numpy(), is_reached

    @staticmethod
    def _anomalies(sizes: Array, is_reached: Mask) -> Array:
        """Anomaly index of each class; 0 for all unless triggers were found for more than half of the classes."""
        if 2 * is_reached.sum() > len(sizes):
            return anomaly_indices(sizes)
        warnings.warn(
            f"only {is_reached.sum()} of {len(sizes)} classes were reached by a trigger, too few to compare sizes: "
            "no class is accused; raise steps, unless the network is silent or untrained",
            stacklevel=4,
        )
        return np.zeros(len(sizes))

    def _check_params(self) -> None:
        super()._check_params()
        check_at_least("nb_classes", self.classifier.nb_classes, 3)


def anomaly_indices(sizes: Array) -> Array:
    """Distance of each size below the median, in standard deviations estimated by the median absolute deviation.

    Args:
        sizes: Size of each class's trigger, (K,).

    Returns:
        Finite indices, (K,); all 0 if the median absolute deviation is 0, because there is no scale then.

    Source: Wang et al., Neural Cleanse, 2019, section 5.1.

    >>> anomaly_indices(np.array([1.0, 9.0, 10.0, 11.0, 12.0])).round(2)
    array([ 6.07,  0.67,  0.  , -0.67, -1.35])
    """
    below = np.median(sizes) - sizes
    deviation = 1.4826 * np.median(np.abs(below))
    indices: Array = below / deviation if deviation > 0 else np.zeros_like(below)
    return indices
