"""What the cases are tried on: small classifiers of digits, as images and before a simulated event camera."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import torch
from torch import nn

from art_snn._random import host_seed
from art_snn.attacks.poisoning import PatchTrigger, StaticTrigger, TriggerBackdoor
from art_snn.data import load_dataset
from art_snn.estimators.classification import (
    ConvertedClassifier,
    HybridClassifier,
    SpikingClassifier,
    SpikingModule,
)
from art_snn.models import small_cnn

K, T, TARGET, SOURCE = 10, 4, 1, 7
IMAGES = ("backpropagation", "converted", "hybrid")
FRAMES = ("frames", "folded")  # (N, T, C, H, W), and with time folded into the channels, (N, T*C, H, W)


@dataclass
class Subject:
    """One kind of classifier, trained, with its data.

    Args:
        kind: One of `IMAGES` or `FRAMES`.
        n_train: Training samples.
        nb_epochs: Passes over them.
    """

    kind: str
    n_train: int = 600
    nb_epochs: int = 6
    arrays: tuple[np.ndarray, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.arrays = _data("digits" if self.kind in IMAGES else "digits-dvs", self.n_train)
        if self.kind == "folded":
            x, y, x_test, y_test = self.arrays
            self.arrays = x.reshape(len(x), -1, 20, 20), y, x_test.reshape(len(x_test), -1, 20, 20), y_test

    @property
    def x(self) -> np.ndarray:
        return self.arrays[0].copy()

    @property
    def y(self) -> np.ndarray:
        """One-hot labels."""
        return np.eye(K, dtype=np.float32)[self.arrays[1]]

    @property
    def x_test(self) -> np.ndarray:
        return self.arrays[2].copy()

    @property
    def y_test(self) -> np.ndarray:
        return np.eye(K, dtype=np.float32)[self.arrays[3]]

    def of_class(self, wanted: int) -> np.ndarray:
        """Training samples of one class."""
        return self.x[self.arrays[1] == wanted]

    @property
    def shape(self) -> tuple[int, ...]:
        return self.arrays[0].shape[1:]

    @property
    def clip_values(self) -> tuple[float, float]:
        return 0.0, float(self.arrays[0].max())

    @property
    def trigger(self) -> Callable[[np.ndarray], np.ndarray]:
        if self.kind == "frames":
            return StaticTrigger(size=3)
        return PatchTrigger(size=3, clip_values=self.clip_values)

    @property
    def backdoor(self) -> TriggerBackdoor:
        return TriggerBackdoor(self.trigger, TARGET)

    def make(self, channels_times: int = 1, **settings: Any) -> SpikingClassifier:
        """An untrained classifier, of samples whose channels a defence may multiply."""
        common = {"clip_values": self.clip_values, **settings}
        channels = self.shape[-3] * channels_times // (T if self.kind == "folded" else 1)
        neuron = None if self.kind in ("converted", "hybrid") else "if"
        net = small_cnn(channels, K, pool="avg", width=0.25, neuron=neuron)
        if self.kind in ("converted", "hybrid"):
            rule = ConvertedClassifier if self.kind == "converted" else HybridClassifier
            return rule(net, nn.CrossEntropyLoss(), self.shape, K, 2 * T, "robust", **common)
        layout = {"frames": "NTCHW", "folded": "N(TC)HW"}.get(self.kind)
        module = SpikingModule(net, T, input_layout=layout)
        return SpikingClassifier(module, nn.CrossEntropyLoss(), self.shape, K, _adam(module), **common)

    @cached_property
    def _trained(self) -> SpikingClassifier:
        with host_seed(0):  # the same one whichever case asks first
            classifier = self.make()
        classifier.fit(self.x, self.y, batch_size=32, nb_epochs=self.nb_epochs)
        return classifier

    def trained(self, **settings: Any) -> SpikingClassifier:
        """A trained classifier of one's own."""
        classifier = copy.deepcopy(self._trained)
        classifier.set_params(**settings)
        return classifier

    def accuracy(self, classifier: Any) -> float:
        """On the test samples."""
        return float((classifier.predict(self.x_test).argmax(1) == self.arrays[3]).mean())


class Probabilities(SpikingModule):
    """A model whose logits are made probabilities, for those of ART's methods that ask for them."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.softmax(super().forward(x), 1)


def with_probabilities(classifier: SpikingClassifier) -> SpikingClassifier:
    """The same classifier, in place, with such a model."""
    classifier.model.__class__ = Probabilities
    return classifier


def _adam(module: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.Adam(module.parameters(), lr=5e-3)


@lru_cache
def _data(name: str, n_train: int) -> tuple[np.ndarray, ...]:
    with host_seed(0):
        data = load_dataset(name) if name == "digits" else load_dataset(name, n_bins=T, limit=n_train)
    x, x_test = (a[:n].astype(np.float32) for a, n in ((data.x_train, n_train), (data.x_test, 100)))
    return x, data.y_train[:n_train], x_test, data.y_test[:100]
