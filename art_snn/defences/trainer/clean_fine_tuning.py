"""Fine-tuning on clean data: the network forgets triggers that it no longer sees."""

from typing import Any

from art.defences.trainer import Trainer
from art.estimators.classification import PyTorchClassifier

from art_snn._declared import Count, Positive, Seed
from art_snn._parameters import Parameters
from art_snn._validation import check_unknown
from art_snn.defences._fine_tuning import fine_tune
from art_snn.estimators.classification import Schedule, rule_of
from art_snn.typing import Array, Labels


class CleanFineTuning(Parameters, Trainer):
    """Fine-tune a copy of the classifier on a few clean samples.

    Args:
        classifier: Trained classifier, which is not changed.
        learning_rate: Learning rate of the classifier's own kind of optimiser. It matters more than anything else.
        batch_size: Samples in one training step.
        nb_epochs: Passes over the samples, at least 1.
        recalibrate: Whether to convert a hybrid classifier anew from its ANN first, with thresholds from the clean
            samples. A converted classifier is always converted anew after its ANN was fine-tuned.
        retrain: Whether to take all steps of the training again, where the rule fine-tunes the last one alone: a hybrid
            classifier first fine-tunes its ANN and is converted anew, without what its spiking network had learnt; that
            is then trained for its own `nb_epochs_snn` at its own learning rate.
        seed: Seed of the order of samples and of dropout.
        verbose: Whether to show a progress bar.
        schedule: "constant", or "cosine", by which the learning rate falls to 0 over the epochs.

    Source: Jin et al., 2024, https://arxiv.org/abs/2409.15670, section 5.2.2 (hybrid learning on clean data as
    elimination).
    """

    def __init__(
        self,
        classifier: PyTorchClassifier,
        learning_rate: Positive = 2e-3,
        batch_size: Count = 32,
        nb_epochs: Count = 20,
        recalibrate: bool = False,
        seed: Seed = 0,
        verbose: bool = False,
        schedule: Schedule = "constant",
        retrain: bool = False,
    ) -> None:
        super().__init__(classifier)
        self._given = classifier
        self.learning_rate, self.schedule = learning_rate, schedule
        self.batch_size, self.nb_epochs = batch_size, nb_epochs
        self.recalibrate, self.retrain, self.seed, self.verbose = recalibrate, retrain, seed, verbose
        self._check_params()

    def fit(self, x: Array, y: Labels, **kwargs: Any) -> None:
        """Fine-tune a new copy, which `get_classifier` then returns; every call starts from the given classifier.

        Args:
            x: Clean samples, (N, ...), at least one.
            y: Labels of the clean samples, indices (N,) or one-hot (N, K).

        Raises:
            TypeError: If an argument is unknown.
            ValueError: If samples and labels do not fit.
        """
        check_unknown(f"{type(self).__name__}.fit", kwargs)
        tuned = rule_of(self._given).copied().classifier
        if self.recalibrate:
            rule_of(tuned).recalibrate(x)
        self._tune(tuned, x, y)
        self._classifier = tuned

    def _tune(self, tuned: PyTorchClassifier, x: Array, y: Labels) -> None:
        """Fine-tune the copy."""
        fine_tune(tuned, x, y, self)
