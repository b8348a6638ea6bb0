"""Fine-tuning on clean data: the network forgets what it is no longer shown."""

from typing import Any

from art.defences.trainer import Trainer
from art.estimators.classification import PyTorchClassifier

from art_snn._parameters import Parameters
from art_snn._validation import check_unknown
from art_snn.defences._fine_tuning import check_tuning, fine_tune
from art_snn.estimators.classification import rule_of
from art_snn.typing import Array, Labels


class CleanFineTuning(Parameters, Trainer):
    """Train a copy of a classifier on, with few clean samples.

    Args:
        classifier: A trained one, which is not changed.
        learning_rate: Of the classifier's own kind of optimiser. It decides more than anything else.
        batch_size: Samples a step.
        nb_epochs: Passes over the samples, at least 1.
        recalibrate: Whether a hybrid classifier is first converted afresh from its ANN, with thresholds from the clean
            samples; a converted one is in any case, once its ANN has been trained on.
        seed: Of the order of samples and of dropout.
        verbose: Whether to show a progress bar.

    Source: Jin et al., 2024, https://arxiv.org/abs/2409.15670, section 5.2.2 (hybrid learning on clean data as
    elimination).
    """

    def __init__(
        self,
        classifier: PyTorchClassifier,
        learning_rate: float = 2e-3,
        batch_size: int = 32,
        nb_epochs: int = 20,
        recalibrate: bool = False,
        seed: int = 0,
        verbose: bool = False,
    ) -> None:
        super().__init__(classifier)
        self._given = classifier
        self.learning_rate, self.batch_size, self.nb_epochs = learning_rate, batch_size, nb_epochs
        self.recalibrate, self.seed, self.verbose = recalibrate, seed, verbose
        self._check_params()

    def fit(self, x: Array, y: Labels, **kwargs: Any) -> None:
        """Train a new copy, which `get_classifier` returns from then on; a second call starts afresh.

        Args:
            x: Clean samples, (N, ...), at least one.
            y: Their labels, indices (N,) or one-hot (N, K).

        Raises:
            TypeError: If an argument is unknown.
            ValueError: If samples and labels do not fit.
        """
        check_unknown("CleanFineTuning.fit", kwargs)
        tuned = rule_of(self._given).copied().classifier
        if self.recalibrate:
            rule_of(tuned).recalibrate(x)
        settings = self.get_params()
        del settings["recalibrate"]
        fine_tune(tuned, x, y, **settings)
        self._classifier = tuned

    def _check_params(self) -> None:
        check_tuning(self.learning_rate, self.batch_size, self.nb_epochs)
