"""Fine-tuning: a trained classifier is trained on, with few clean samples, by its own learning rule."""

from art.estimators.classification import PyTorchClassifier

from art_snn._validation import check_at_least, check_finite, check_positive, check_same_length
from art_snn.estimators.classification import TrainingData, rule_of
from art_snn.estimators.classification.inputs import samples_for
from art_snn.typing import Array, Labels


def fine_tune(
    classifier: PyTorchClassifier,
    x: Array,
    y: Labels,
    *,
    learning_rate: float,
    batch_size: int,
    nb_epochs: int,
    seed: int,
    verbose: bool,
) -> None:
    """Train a classifier on, in place, with its own kind of optimiser, which starts without memory.

    Of a hybrid classifier the spiking network is trained; of a converted one the ANN, which is converted again.

    Args:
        classifier: ART's own or a spiking one.
        x: Clean samples, (N, ...).
        y: Their labels, indices (N,) or one-hot (N, K).
        learning_rate: Of all parameters, whatever it was before.
        batch_size: Samples a step.
        nb_epochs: Passes over the samples.
        seed: Of the order of samples and of dropout; no global random stream is moved.
        verbose: Whether to show a progress bar.

    Raises:
        ValueError: If samples and labels do not fit, or a sample is not finite.
    """
    x = samples_for(classifier, x, "x")
    check_same_length("x", x, "y", y)
    check_finite("x", x)
    rule_of(classifier).fine_tune(
        TrainingData(x, y),
        learning_rate=learning_rate,
        seed=seed,
        batch_size=batch_size,
        nb_epochs=nb_epochs,
        verbose=verbose,
    )


def check_tuning(learning_rate: float, batch_size: int, nb_epochs: int, *, minimum: int = 1) -> None:
    """Numbers with which something can be trained."""
    check_positive("learning_rate", learning_rate)
    check_at_least("batch_size", batch_size, 1)
    check_at_least("nb_epochs", nb_epochs, minimum)
