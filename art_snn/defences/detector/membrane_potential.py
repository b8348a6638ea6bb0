"""Backdoor detection by membrane potentials: one class reaches a larger margin, or with less input, than others."""

from typing import Literal

import numpy as np
import torch
from art.estimators.classification import PyTorchClassifier
from scipy import stats
from torch import Tensor
from tqdm import tqdm

from art_snn._declared import Count, Positive, Seed
from art_snn._progress import progress
from art_snn._random import torch_generator
from art_snn._validation import check_at_least
from art_snn.defences._differentiable import descend, input_range
from art_snn.defences.detector.model_detector import ModelDetector, ModelReport
from art_snn.estimators.classification import rule_of
from art_snn.estimators.classification.class_potentials import ClassPotentials
from art_snn.typing import Array, Indices

Statistic = Literal["sparse-margin", "maximum-margin"]
Optimizer = Literal["adam", "sgd"]
_PRICE = {"spiking": 15.0, "ann": 7.0}
_DISTANCE = {"spiking": 0.23, "ann": 0.09}
_CONFIDENCE = 0.95
_HIGHEST_COUNT = {
    "sparse-margin": 1.0,
    "maximum-margin": 10.0,
}  # in frames without clip values; 10 is published


class Ascent:
    """Gradient ascent of random inputs, each towards the largest margin of one class above all others.

    Args:
        potentials: Function from inputs to class potentials.
        classes: Class towards which each input is driven, (B,).
        low: Smallest value of an input.
        high: Largest value of an input.
        learning_rate: Learning rate: with "adam" as a share of the range of values, with "sgd" as it is.
        generator: Generator of the initial values, uniform in [low, low + 1] as published, but at most `high`.
        optimizer: "adam", or "sgd" for plain gradient ascent.
    """

    def __init__(
        self,
        potentials: ClassPotentials,
        classes: Tensor,
        low: Tensor,
        high: Tensor,
        learning_rate: float,
        generator: torch.Generator,
        optimizer: Optimizer = "adam",
    ) -> None:
        self._potentials, self._classes, self._low, self._high = potentials, classes, low, high
        shape = len(classes), *potentials.classifier.input_shape
        draw = torch.rand(shape, generator=generator).to(low.device)
        self._x = (low + draw * (high - low).clamp(max=1)).requires_grad_(True)
        self._optimizer: torch.optim.Optimizer = (
            torch.optim.SGD([self._x], lr=learning_rate)
            if optimizer == "sgd"
            else torch.optim.Adam([self._x], lr=learning_rate * float((high - low).max()))
        )

    def climb(self, prices: Array, bar: tqdm) -> Tensor:
        """Take a step at each price; returns the largest margins, less the price paid, met at the last price, (B,)."""
        best = torch.full(self._classes.shape, -torch.inf, device=self._x.device)
        for price in prices:
            gain = self._gain(price)
            if price == prices[-1]:
                best = torch.maximum(best, gain.detach())
            descend(self._optimizer, -gain.sum())
            with torch.no_grad():
                self._x.copy_(torch.minimum(torch.maximum(self._x, self._low), self._high))
            bar.update()
        with torch.no_grad():
            return torch.maximum(best, self._gain(prices[-1]))

    def _gain(self, price: float) -> Tensor:
        brightness = ((self._x - self._low) / (self._high - self._low)).flatten(1).mean(1)
        return margins(self._potentials(self._x), self._classes) - price * brightness


def margins(potentials: Tensor, classes: Tensor) -> Tensor:
    """Margin (N,) of each sample's class above the highest of the other classes.

    >>> margins(torch.tensor([[1.0, 4.0, 2.0]]), torch.tensor([1]))
    tensor([2.])
    """
    own = potentials.gather(1, classes[:, None])
    others = potentials.scatter(1, classes[:, None], -torch.inf)
    return (own - others.amax(1, keepdim=True))[:, 0]


class MembranePotentialDefence(ModelDetector):
    """Search, without data, for inputs that drive the potential of each class farthest above the others'.

    The target class of a backdoor reaches a margin that no other class reaches ("maximum-margin", as published), or
    needs only a few pixels for its margin ("sparse-margin"). The sparse margin subtracts a price for the brightness of
    the input: a small trigger is worth its price, a whole picture is not.

    Args:
        classifier: Trained classifier of at least three classes, spiking or not. Images need clip values; frames
            without clip values are searched up to 1 event per pixel and bin, or up to 10 for "maximum-margin".
        statistic: "sparse-margin" or "maximum-margin".
        n_starts: Random initial inputs per class; the one that reaches the largest margin counts.
        steps: Steps of gradient ascent. "sparse-margin" takes as many again, and its price rises during the first half
            of these.
        learning_rate: Learning rate of the ascent: with "adam" as a share of the range of input values, with "sgd" as
            it is.
        optimizer: "adam", or "sgd" for plain gradient ascent as published (with "maximum-margin", `steps=5000` and
            `learning_rate=0.01`).
        price: For "sparse-margin", the price of an input of full brightness, in maximum margins of a typical class: a
            trigger that covers more than 1/price of the input is not worth its price. None: 15 for spiking models, 7
            for ANNs, whose margins grow with every pixel without limit.
        threshold: Anomaly from which on the model is accused. For "maximum-margin" the anomaly is 1 - p; None: 0.95.
            For "sparse-margin" it is the highest score less the second highest, in maximum margins of a typical class;
            None: 0.23 for spiking models and 0.09 for ANNs, half-way between clean and backdoored models of eleven
            seeds each (digits).
        batch_size: Inputs in one forward pass.
        seed: Seed of the random inputs.
        verbose: Whether to show a progress bar.

    Raises:
        ValueError: If a parameter is out of its range, or the classifier has too few classes or no clip values.

    Source: Li et al., Unsupervised Backdoor Detection and Mitigation for Spiking Neural Networks, RAID 2025,
    https://arxiv.org/abs/2510.06629 (TMPBD, "maximum-margin"; plain gradient ascent, up to 5000 steps at rate 0.01, of
    inputs clamped to [0, 10]; the last margin counts, here the largest; in the released code, in training mode); the
    sparse margin is ours.
    """

    def __init__(
        self,
        classifier: PyTorchClassifier,
        statistic: Statistic = "sparse-margin",
        n_starts: Count = 2,
        steps: Count = 100,
        learning_rate: Positive = 0.1,
        optimizer: Optimizer = "adam",
        price: Positive | None = None,
        threshold: Positive | None = None,
        batch_size: Count = 64,
        seed: Seed = 0,
        verbose: bool = False,
    ) -> None:
        super().__init__(classifier)
        self.statistic, self.n_starts, self.steps = statistic, n_starts, steps
        self.learning_rate, self.optimizer, self.price, self.threshold = learning_rate, optimizer, price, threshold
        self.batch_size, self.seed, self.verbose = batch_size, seed, verbose
        self._check_params()

    def _examine(self, x: Array | None, y: Indices | None) -> ModelReport:
        """Neither samples nor labels are used."""
        scores, p_value = self._scores(), None
        if self.statistic == "maximum-margin":
            p_value = gamma_p_value(scores)
            anomaly, usual = 1 - p_value, _CONFIDENCE
        else:
            second, first = np.sort(np.maximum(scores, 0))[-2:]
            anomaly, usual = float(first - second), _DISTANCE[self._kind]
        threshold = usual if self.threshold is None else self.threshold
        return ModelReport(anomaly >= threshold, int(scores.argmax()), p_value, scores, anomaly)

    @property
    def _kind(self) -> str:
        return "spiking" if rule_of(self.classifier).is_spiking else "ann"

    def _scores(self) -> Array:
        """Largest margin of each class, less the price paid, (K,)."""
        potentials, generator = ClassPotentials(self.classifier), torch_generator(self.seed)
        low, high = input_range(self.classifier, _HIGHEST_COUNT[self.statistic])
        classes = torch.arange(self.classifier.nb_classes, device=low.device).repeat_interleave(self.n_starts)
        ascents = [
            Ascent(potentials, some, low, high, self.learning_rate, generator, self.optimizer)
            for some in torch.split(classes, self.batch_size)
        ]
        is_sparse = self.statistic == "sparse-margin"
        n_steps = len(ascents) * self.steps * (1 + is_sparse)
        with progress(verbose=self.verbose, total=n_steps, desc="margins", unit="step") as bar:
            largest = self._climb(ascents, np.zeros(self.steps), bar)
            typical = float(np.median(largest))
            if not is_sparse:
                return largest
            if typical <= 0:  # no class can be driven above the others
                return np.zeros_like(largest)
            price = typical * (_PRICE[self._kind] if self.price is None else self.price)
            rise = np.minimum(2 * np.arange(1, self.steps + 1) / self.steps, 1)
            return self._climb(ascents, rise * price, bar) / typical

    def _climb(self, ascents: list[Ascent], prices: Array, bar: tqdm) -> Array:
        """Move all inputs; returns the best margin of each class, (K,)."""
        reached = torch.cat([ascent.climb(prices, bar) for ascent in ascents])
        best: Array = reached.view(-1, self.n_starts).amax(1).double().cpu().numpy()
        return best

    def _check_params(self) -> None:
        super()._check_params()
        check_at_least("nb_classes", self.classifier.nb_classes, 3)


def gamma_p_value(scores: Array) -> float:
    """Probability that the highest of K draws, from the gamma distribution of all other scores, reaches the highest.

    Args:
        scores: Score of each class, (K,), K at least 3; those below 0 count as almost 0.

    Returns:
        A p-value in [0, 1], which is rough for few classes.

    Source: Li et al., as above; Wang et al., MM-BD, 2024, https://arxiv.org/abs/2205.06900.

    >>> gamma_p_value(np.array([1.0, 1.1, 0.9, 1.0, 5.0])) < 0.01
    True
    """
    highest = scores.max()
    if highest <= 0:
        return 1.0
    others = np.maximum(np.delete(scores, scores.argmax()), highest * 1e-6)
    if np.ptp(others) == 0:
        return float(others[0] == highest)
    shape, _, scale = stats.gamma.fit(others, floc=0)
    return float(1 - stats.gamma.cdf(highest, shape, scale=scale) ** len(scores))
