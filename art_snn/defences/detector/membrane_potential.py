"""A backdoor seen in the potentials: one class can be driven farther, or with less, than all the others."""

from typing import Literal

import numpy as np
import torch
from art.estimators.classification import PyTorchClassifier
from scipy import stats
from torch import Tensor
from tqdm import tqdm

from art_snn._progress import progress
from art_snn._random import torch_generator
from art_snn._validation import check_at_least, check_choice, check_positive
from art_snn.defences._differentiable import ClassPotentials, input_range
from art_snn.defences.detector.model_detector import ModelDetector, ModelReport
from art_snn.estimators.classification import rule_of
from art_snn.typing import Array, Indices

Statistic = Literal["sparse-margin", "maximum-margin"]
_PRICE = {"spiking": 15.0, "ann": 7.0}
_DISTANCE = {"spiking": 0.23, "ann": 0.09}
_CONFIDENCE = 0.95
_HIGHEST_COUNT = {"sparse-margin": 1.0, "maximum-margin": 10.0}  # of frames without clip values; 10 is published


class Ascent:
    """Random inputs, each on its way to the largest margin of a class above all others.

    Args:
        potentials: Of the classes, a function of inputs.
        classes: For each input the class that it is driven to, (B,).
        low: Smallest value of an input.
        high: Largest value.
        learning_rate: Of Adam, as a share of the range.
        generator: Of the first values, uniform in [low, low + 1] as published, or to the largest value if that is less.
    """

    def __init__(
        self,
        potentials: ClassPotentials,
        classes: Tensor,
        low: Tensor,
        high: Tensor,
        learning_rate: float,
        generator: torch.Generator,
    ) -> None:
        self._potentials, self._classes, self._low, self._high = potentials, classes, low, high
        shape = len(classes), *potentials.classifier.input_shape
        draw = torch.rand(shape, generator=generator).to(low.device)
        self._x = (low + draw * (high - low).clamp(max=1)).requires_grad_(True)
        self._optimizer = torch.optim.Adam([self._x], lr=learning_rate * float((high - low).max()))

    def climb(self, prices: Array, bar: tqdm) -> Tensor:
        """Take a step at each price; returns the largest margins less what was paid, as met at the last price, (B,)."""
        best = torch.full(self._classes.shape, -torch.inf, device=self._x.device)
        for price in prices:
            gain = self._gain(price)
            if price == prices[-1]:
                best = torch.maximum(best, gain.detach())
            (self._x.grad,) = torch.autograd.grad(-gain.sum(), self._x)
            self._optimizer.step()
            with torch.no_grad():
                self._x.copy_(torch.minimum(torch.maximum(self._x, self._low), self._high))
            bar.update()
        with torch.no_grad():
            return torch.maximum(best, self._gain(prices[-1]))

    def _gain(self, price: float) -> Tensor:
        brightness = ((self._x - self._low) / (self._high - self._low)).flatten(1).mean(1)
        return margins(self._potentials(self._x), self._classes) - price * brightness


def margins(potentials: Tensor, classes: Tensor) -> Tensor:
    """How far each sample's class lies above the highest of the other classes, (N,).

    >>> margins(torch.tensor([[1.0, 4.0, 2.0]]), torch.tensor([1]))
    tensor([2.])
    """
    own = potentials.gather(1, classes[:, None])
    others = potentials.scatter(1, classes[:, None], -torch.inf)
    return (own - others.amax(1, keepdim=True))[:, 0]


class MembranePotentialDefence(ModelDetector):
    """Drive the potential of each class as far above the others' as an input can, without any data.

    A backdoor leaves its class a margin that no other class reaches ("maximum-margin", as published), or one for which
    a few pixels are enough ("sparse-margin"): there the input pays for its brightness, so that a small trigger still
    pays off, and what a class needs a whole picture for does not.

    Args:
        classifier: A trained one of at least three classes, spiking or not. For images it needs clip values; frames
            without are searched up to 1 event a pixel and bin, or up to 10 for "maximum-margin".
        statistic: "sparse-margin" or "maximum-margin".
        n_starts: Random inputs from which each class is driven; the one that gets farthest counts.
        steps: Of gradient ascent (Adam), and for "sparse-margin" as many again, in whose first half the price rises.
        learning_rate: Of the ascent, as a share of the range of input values.
        price: Of "sparse-margin": what an input that is at its brightest throughout pays, in multiples of the maximum
            margin of a typical class; so a trigger that covers more than 1/price of the input cannot pay off. None is
            15 for spiking models, and 7 for ANNs, whose margins grow with every pixel without end.
        threshold: The anomaly from which on the model is accused. It is 1 - p for "maximum-margin"; None is 0.95. For
            "sparse-margin" it is the distance of the highest score from the second, in maximum margins of a typical
            class; None is 0.23 for spiking models and 0.09 for ANNs, half-way between clean and backdoored ones of
            eleven seeds each (digits).
        batch_size: Inputs driven at once.
        seed: Of the random inputs.
        verbose: Whether to show a progress bar.

    Raises:
        ValueError: If a parameter is out of its range, or the classifier has too few classes or no clip values.

    Source: Li et al., Unsupervised Backdoor Detection and Mitigation for Spiking Neural Networks, RAID 2025,
    https://arxiv.org/abs/2510.06629 (TMPBD, "maximum-margin"; with up to 5000 steps of plain gradient ascent at rate
    0.01, and, in the released code, in training mode); the sparse margin is ours.
    """

    def __init__(
        self,
        classifier: PyTorchClassifier,
        statistic: Statistic = "sparse-margin",
        n_starts: int = 2,
        steps: int = 100,
        learning_rate: float = 0.1,
        price: float | None = None,
        threshold: float | None = None,
        batch_size: int = 64,
        seed: int = 0,
        verbose: bool = False,
    ) -> None:
        super().__init__(classifier)
        self.statistic, self.n_starts, self.steps = statistic, n_starts, steps
        self.learning_rate, self.price, self.threshold = learning_rate, price, threshold
        self.batch_size, self.seed, self.verbose = batch_size, seed, verbose
        self._check_params()

    def _examine(self, x: Array | None, y: Indices | None) -> ModelReport:
        """The samples are not looked at."""
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
        """The largest margin of each class, less what was paid for it, (K,)."""
        potentials, generator = ClassPotentials(self.classifier), torch_generator(self.seed)
        low, high = input_range(self.classifier, _HIGHEST_COUNT[self.statistic])
        classes = torch.arange(self.classifier.nb_classes, device=low.device).repeat_interleave(self.n_starts)
        ascents = [
            Ascent(potentials, some, low, high, self.learning_rate, generator)
            for some in torch.split(classes, self.batch_size)
        ]
        is_sparse = self.statistic == "sparse-margin"
        n_steps = len(ascents) * self.steps * (1 + is_sparse)
        with progress(verbose=self.verbose, total=n_steps, desc="margins", unit="step") as bar:
            largest = self._climb(ascents, np.zeros(self.steps), bar)
            typical = float(np.median(largest))
            if not is_sparse:
                return largest
            if typical <= 0:  # nothing can be driven anywhere
                return np.zeros_like(largest)
            price = typical * (_PRICE[self._kind] if self.price is None else self.price)
            rise = np.minimum(2 * np.arange(1, self.steps + 1) / self.steps, 1)
            return self._climb(ascents, rise * price, bar) / typical

    def _climb(self, ascents: list[Ascent], prices: Array, bar: tqdm) -> Array:
        """Move all inputs on; the best of each class, (K,)."""
        reached = torch.cat([ascent.climb(prices, bar) for ascent in ascents])
        best: Array = reached.view(-1, self.n_starts).amax(1).double().cpu().numpy()
        return best

    def _check_params(self) -> None:
        check_choice("statistic", self.statistic, _HIGHEST_COUNT)
        check_at_least("nb_classes", self.classifier.nb_classes, 3)
        for name in ("n_starts", "steps", "batch_size"):
            check_at_least(name, getattr(self, name), 1)
        check_positive("learning_rate", self.learning_rate)
        for name in ("price", "threshold"):
            if getattr(self, name) is not None:
                check_positive(name, getattr(self, name))


def gamma_p_value(scores: Array) -> float:
    """Chance that, of as many draws from the gamma distribution that fits all but the highest score, one is as high.

    Args:
        scores: Of each class, (K,), K at least 3. Those below 0 count as next to nothing.

    Returns:
        A number in [0, 1]; few classes make it a rough one.

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
