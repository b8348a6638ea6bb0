"""Repair of a classifier after detection: fine-tune it on the poisoned samples with their true labels."""

from art.estimators.classification import PyTorchClassifier
from sklearn.model_selection import KFold

from art_snn._validation import check_fraction, share_of
from art_snn.defences.detector.activation.refitting import retrained
from art_snn.typing import Array, Labels


class Relabelling:
    """`relabel_poison_ground_truth` and `relabel_poison_cross_validation`, as ART's `ActivationDefence` has them."""

    @staticmethod
    def relabel_poison_ground_truth(
        classifier: PyTorchClassifier,
        x: Array,
        y_fix: Labels,
        test_set_split: float = 0.7,
        tolerable_backdoor: float = 0.01,
        max_epochs: int = 50,
        batch_epochs: int = 10,
        *,
        seed: int = 0,
    ) -> tuple[float, PyTorchClassifier]:
        """Fine-tune a copy of a backdoored classifier on poisoned samples with their true labels.

        Args:
            classifier: Backdoored classifier, which is not changed.
            x: Poisoned samples.
            y_fix: True labels of the poisoned samples, indices (N,) or one-hot (N, K).
            test_set_split: Share of the samples to train on, the first ones; the rest is for testing.
            tolerable_backdoor: Error rate on the test samples at which to stop.
            max_epochs: Largest number of epochs.
            batch_epochs: Epochs between tests.
            seed: Seed of the order of samples and of dropout.

        Returns:
            Decrease of the error rate, and the copy; 0 and the given classifier if it did not decrease.

        Raises:
            ValueError: If a number is out of its range, or leaves no samples to train or to test on.
        """
        check_fraction("test_set_split", test_set_split)
        n_train = share_of(test_set_split, len(x))
        if not 0 < n_train < len(x):
            raise ValueError(f"expected samples on both sides of test_set_split, got {n_train} of {len(x)} to train on")
        train, test = (x[:n_train], y_fix[:n_train]), (x[n_train:], y_fix[n_train:])
        return retrained(classifier, *train, *test, tolerable_backdoor, max_epochs, batch_epochs, seed)

    @staticmethod
    def relabel_poison_cross_validation(
        classifier: PyTorchClassifier,
        x: Array,
        y_fix: Labels,
        n_splits: int = 10,
        tolerable_backdoor: float = 0.01,
        max_epochs: int = 50,
        batch_epochs: int = 10,
        *,
        seed: int = 0,
    ) -> tuple[float, PyTorchClassifier]:
        """Fine-tune as `relabel_poison_ground_truth` on each of `n_splits` splits, and return the best result.

        The arguments are the same, but each split trains on all parts of the samples except one and tests on that one.
        Each training starts from the best classifier so far.
        """
        best: tuple[float, PyTorchClassifier] = (0.0, classifier)
        for train, test in KFold(n_splits).split(x):
            parts = x[train], y_fix[train], x[test], y_fix[test]
            outcome = retrained(best[1], *parts, tolerable_backdoor, max_epochs, batch_epochs, seed)
            best = max(best, outcome, key=lambda pair: pair[0])
        return best
