"""How far each of several classifiers learns a backdoor, and what it costs on clean samples."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from art.estimators.classification import PyTorchClassifier
from art.evaluations.evaluation import Evaluation
from tqdm import tqdm

from art_snn._random import Rng, draw_seed, host_seed
from art_snn._validation import check_same_length, class_indices
from art_snn.attacks.poisoning import TriggerBackdoor
from art_snn.estimators.classification import SpikingClassifier
from art_snn.metrics import accuracy, attack_success_rate, counts_for_success, robust_accuracy
from art_snn.typing import Array, Labels


@dataclass(frozen=True, kw_only=True)
class BackdoorResult:
    """What a backdoor does to one classifier; rates are fractions in [0, 1].

    Args:
        model: Its name.
        accuracy_clean: Accuracy on clean test samples after training on clean data.
        accuracy: The same after training on poisoned data.
        robust_accuracy: Share of triggered samples of other classes that are still recognised.
        asr: Attack success rate, samples of the target class left out.
        asr_all: The same with the target class counted, as many papers do.
        n_asr: The denominator of `asr`.
        n_asr_all: The denominator of `asr_all`.
        floor: `asr` of the model that was trained on clean data: what the trigger does without a backdoor.
        seconds: Of both trainings and all predictions.
    """

    model: str
    accuracy_clean: float
    accuracy: float
    robust_accuracy: float
    asr: float
    asr_all: float
    n_asr: int
    n_asr_all: int
    floor: float
    seconds: float


class TrainedPair(NamedTuple):
    """One classifier trained twice from the same initial weights."""

    clean: PyTorchClassifier
    backdoored: PyTorchClassifier


class BackdoorEvaluation(Evaluation):
    """Train each classifier on clean and on poisoned data, and measure both on clean and on triggered samples.

    Both trainings start from the same weights and see batches in the same order, and all classifiers see the same
    poisoned rows and the same triggered test samples. The classifiers given are not changed.

    Args:
        attack: Chooses and changes rows of the training data.
        estimators: ART's `PyTorchClassifier`s, spiking ones among them, by name.

    Attributes:
        trained: After `evaluate`, the pair of trained classifiers of each name.
    """

    def __init__(self, attack: TriggerBackdoor, estimators: Mapping[str, PyTorchClassifier]) -> None:
        if not estimators:
            raise ValueError("expected at least one estimator, got none")
        self.attack, self.estimators = attack, dict(estimators)
        self.trained: dict[str, TrainedPair] = {}

    def evaluate(
        self,
        x_train: Array,
        y_train: Labels,
        x_test: Array,
        y_test: Labels,
        *,
        seed: Rng = 0,
        verbose: bool = True,
        **fit_arguments: Any,
    ) -> list[BackdoorResult]:
        """One result a classifier, in the order given.

        Args:
            x_train: Clean training samples, (N, ...).
            y_train: Their labels, indices (N,) or one-hot (N, K).
            x_test: Clean test samples, (M, ...).
            y_test: Their labels.
            seed: Of weights, order of batches and draws in training, for each classifier alike.
            verbose: Whether to show a progress bar.
            **fit_arguments: For every `fit`, such as `batch_size` and `nb_epochs`.

        Raises:
            ValueError: If data and labels do not fit, or the attack finds no rows to poison.
        """
        check_same_length("x_train", x_train, "y_train", y_train)
        check_same_length("x_test", x_test, "y_test", y_test)
        weights, batches, host = (draw_seed(stream) for stream in np.random.default_rng(seed).spawn(3))
        poisoned = self.attack.poison_dataset(x_train, y_train)
        x_triggered, _ = self.attack.poison(x_test)
        results = []
        bar = tqdm(total=2 * len(self.estimators), disable=not verbose, unit="training")
        with bar, host_seed(host):  # ART's own class draws from the global streams even to predict
            for name, estimator in self.estimators.items():
                started = time.perf_counter()
                trained = []
                for state, x, y in (("clean", x_train, y_train), ("poisoned", poisoned.x, poisoned.y)):
                    bar.set_description(f"{name}, {state} data")
                    trained.append(_refitted(estimator, x, y, weights, batches, fit_arguments))
                    bar.update()
                self.trained[name] = TrainedPair(*trained)
                result = self._measure(name, x_test, x_triggered, class_indices(y_test))
                results.append(BackdoorResult(**result, seconds=time.perf_counter() - started))
        return results

    def _measure(self, name: str, x_test: Array, x_triggered: Array, y_test: Labels) -> dict[str, Any]:
        clean, backdoored = self.trained[name]
        target = self.attack.target_class
        obeyed = backdoored.predict(x_triggered)
        return {
            "model": name,
            "accuracy_clean": accuracy(y_test, clean.predict(x_test)),
            "accuracy": accuracy(y_test, backdoored.predict(x_test)),
            "robust_accuracy": robust_accuracy(y_test, obeyed, target),
            "asr": attack_success_rate(y_test, obeyed, target),
            "asr_all": attack_success_rate(y_test, obeyed, target, "include"),
            "n_asr": int(counts_for_success(y_test, target).sum()),
            "n_asr_all": len(y_test),
            "floor": attack_success_rate(y_test, clean.predict(x_triggered), target),
        }


def _refitted(
    estimator: PyTorchClassifier, x: Array, y: Labels, weights: int, batches: int, fit_arguments: Mapping[str, Any]
) -> PyTorchClassifier:
    """A copy of the estimator, trained from weights and in an order that the two seeds decide."""
    with host_seed(weights):  # ART's own class draws fresh weights
        copy = estimator.clone_for_refitting()
    if isinstance(copy, SpikingClassifier):
        copy.reset(weights)
    with host_seed(batches):  # and the order of batches
        copy.fit(x, y, seed=batches, **fit_arguments)
    return copy
