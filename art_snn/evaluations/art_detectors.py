"""ART's own detectors of poisoned samples, as they are, with the scores that they compute: to be compared with.

They take all samples at once, also those that are memory-mapped.
"""

import functools
from typing import Any

import numpy as np
from art.defences.detector.poison import ActivationDefence, SpectralSignatureDefense
from art.defences.transformer.poisoning import STRIP
from art.estimators.classification import PyTorchClassifier
from art.estimators.poison_mitigation.strip.strip import combine_images
from scipy import special, stats

from art_snn._random import host_seed
from art_snn._validation import class_indices
from art_snn.estimators.classification import rule_of
from art_snn.typing import Array, Labels

N_OVERLAYS = 20  # ART's default


class ArtActivationDefence:
    """ART's `ActivationDefence` with its defaults; it has no score but its flags.

    Where ART fails, as on a class whose features hold still, nothing is flagged, and the report holds the error.

    Args:
        classifier: Classifier, which is copied: ART leaves hooks behind.
        x_train: The samples, (N, ...).
        y_train: Labels of the samples, indices (N,) or one-hot (N, K).
        seed: Seed of ART's draws, which come from the global streams.
    """

    def __init__(self, classifier: PyTorchClassifier, x_train: Array, y_train: Labels, seed: int = 0) -> None:
        self._defence, self._seed = (
            ActivationDefence(rule_of(classifier).copied().classifier, np.asarray(x_train), y_train),
            seed,
        )
        self._labels = class_indices(y_train, classifier.nb_classes)

    def detect_poison(self) -> tuple[dict[str, Any], list[int]]:
        """ART's report with the classes that it accuses, and 1 for each sample that looks clean; found once."""
        return self._found

    def scores(self) -> Array:
        """1 for each sample that is flagged, else 0."""
        return 1 - np.asarray(self._found[1], np.float32)

    @functools.cached_property
    def _found(self) -> tuple[dict[str, Any], list[int]]:
        try:
            with host_seed(self._seed):
                report, is_clean = self._defence.detect_poison()
        except (IndexError, ValueError) as error:
            report, is_clean = {"error": repr(error)}, [1] * len(self._labels)
        accused = np.unique(self._labels[np.asarray(is_clean) == 0]).tolist()
        return {**report, "accused_classes": accused}, [int(clean) for clean in is_clean]


class ArtSpectralSignatureDefense:
    """ART's `SpectralSignatureDefense` with its defaults.

    Args:
        classifier: Classifier, which is copied: ART leaves hooks behind.
        x_train: The samples, (N, ...).
        y_train: Labels of the samples, indices (N,) or one-hot (N, K).
        seed: Seed of ART's draws, which come from the global streams.
    """

    def __init__(self, classifier: PyTorchClassifier, x_train: Array, y_train: Labels, seed: int = 0) -> None:
        self._data, self._seed = (rule_of(classifier).copied().classifier, np.asarray(x_train), y_train), seed

    def detect_poison(self) -> tuple[dict[str, Any], list[int]]:
        """ART's report, and 1 for each sample that looks clean."""
        with host_seed(self._seed):
            report, is_clean = SpectralSignatureDefense(*self._data).detect_poison()
        return {"outliers": report}, [int(clean) for clean in is_clean]

    def scores(self) -> Array:
        """What ART's report says when everything is expected to be poison: then it holds every sample."""
        with host_seed(self._seed):
            whole = SpectralSignatureDefense(*self._data, expected_pp_poison=1.0, eps_multiplier=1.0)
            report, _ = whole.detect_poison()
        return np.array([report[row] for row in range(len(self._data[1]))], np.float32)


class ArtSTRIP:
    """ART's `STRIP` with its defaults; the predictions are turned into probabilities, without which it gives NaN.

    Args:
        classifier: Classifier, which is copied: ART changes its class.
        x_train: The samples, (N, ...), which are also laid over each other.
        y_train: Labels, which are not used.
        seed: Seed of ART's draws, which come from the global streams.
    """

    def __init__(self, classifier: PyTorchClassifier, x_train: Array, y_train: Labels, seed: int = 0) -> None:
        self._classifier, self._x, self._seed = classifier, np.asarray(x_train), seed

    def detect_poison(self) -> tuple[dict[str, Any], list[int]]:
        """An empty report, and 1 for each sample on which ART does not abstain."""
        defended = STRIP(rule_of(self._classifier).copied().classifier)()
        defended.predict_fn = self._probabilities
        with host_seed(self._seed):
            defended.mitigate(self._x)
            predictions = defended.predict(self._x)
        return {}, predictions.any(axis=1).astype(int).tolist()

    def scores(self) -> Array:
        """Negative entropy as ART computes it: over the superpositions of a sample, where it should be over classes."""
        entropies = []
        with host_seed(self._seed):
            for sample in self._x:
                rows = np.random.choice(len(self._x), N_OVERLAYS)  # noqa: NPY002 - as ART draws
                laid = np.array([combine_images(sample, self._x[row]) for row in rows])
                entropies.append(stats.entropy(self._probabilities(laid), base=2, axis=0).sum() / N_OVERLAYS)
        return -np.array(entropies, np.float32)

    def _probabilities(self, x: Array) -> Array:
        shares: Array = special.softmax(self._classifier.predict(x.astype(np.float32)), axis=1)
        return shares


ART_DETECTORS: dict[str, type] = {
    "ActivationDefence": ArtActivationDefence,
    "SpectralSignatureDefense": ArtSpectralSignatureDefense,
    "STRIP": ArtSTRIP,
}
