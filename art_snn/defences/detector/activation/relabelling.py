"""What to do about poison that was found: train the classifier on with its true labels."""

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
        """Train a copy of a backdoored classifier on, with poisoned samples under their true labels.

        Args:
            classifier: It stays as it is.
            x: Poisoned samples.
            y_fix: Their true labels, indices (N,) or one-hot (N, K).
            test_set_split: Share of them, the first ones, to train on; the rest is to test on.
            tolerable_backdoor: Share of wrong answers at which to stop.
            max_epochs: Epochs in all.
            batch_epochs: Epochs between tests.
            seed: Decides order and draws.

        Returns:
            By how much the share of wrong answers fell, and the copy; 0 and the classifier given where it did not fall.

        Raises:
            ValueError: If a number is out of its range, or leaves nothing to train or to test on.
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
        """The best of `n_splits` such trainings, each from where the best one so far ended.

        The arguments are those of `relabel_poison_ground_truth`; each split trains on all but one part of the samples
        and tests on that part.
        """
        best: tuple[float, PyTorchClassifier] = (0.0, classifier)
        for train, test in KFold(n_splits).split(x):
            parts = x[train], y_fix[train], x[test], y_fix[test]
            outcome = retrained(best[1], *parts, tolerable_backdoor, max_epochs, batch_epochs, seed)
            best = max(best, outcome, key=lambda pair: pair[0])
        return best
