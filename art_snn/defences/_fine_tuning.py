"""Fine-tuning of a trained classifier on clean samples, by its own learning rule."""

from art.estimators.classification import PyTorchClassifier

from art_snn._parameters import Parameters
from art_snn._validation import check_finite, check_same_length
from art_snn.estimators.classification import TrainingData, rule_of
from art_snn.estimators.classification.inputs import samples_for
from art_snn.typing import Array, Labels

_SETTINGS = ("learning_rate", "schedule", "batch_size", "nb_epochs", "seed", "verbose", "retrain")


def fine_tune(
    classifier: PyTorchClassifier,
    x: Array,
    y: Labels,
    defence: Parameters,
) -> None:
    """Fine-tune a classifier in place, with a fresh optimiser of its own kind, as a defence's parameters say.

    A hybrid classifier trains its spiking network; a converted one trains its ANN and converts it again.

    Args:
        classifier: ART's `PyTorchClassifier` or a spiking one.
        x: Clean samples, (N, ...).
        y: Labels of the clean samples, indices (N,) or one-hot (N, K).
        defence: Defence with the parameters `learning_rate` (of all weights, whatever it was before), `schedule`
            ("constant", or "cosine" down to 0), `batch_size` (the samples in one training step), `nb_epochs` (the
            passes over the samples), `seed` (of the order of samples and of dropout) and `verbose` (whether to show a
            progress bar), and `retrain` (whether to take all steps of the training again).

    Raises:
        ValueError: If samples and labels do not fit, or a sample is not finite.
    """
    x = samples_for(classifier, x, "x")
    check_same_length("x", x, "y", y)
    check_finite("x", x)
    settings = {name: getattr(defence, name) for name in _SETTINGS}
    rule_of(classifier).fine_tune(TrainingData(x, y), **settings)
