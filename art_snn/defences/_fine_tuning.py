"""Fine-tuning of a trained classifier on clean samples, by its own learning rule."""

from art.estimators.classification import PyTorchClassifier

from art_snn._validation import check_finite, check_same_length
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
    """Fine-tune a classifier in place, with a fresh optimiser of its own kind.

    A hybrid classifier trains its spiking network; a converted one trains its ANN and converts it again.

    Args:
        classifier: ART's `PyTorchClassifier` or a spiking one.
        x: Clean samples, (N, ...).
        y: Labels of the clean samples, indices (N,) or one-hot (N, K).
        learning_rate: Learning rate of all parameters, whatever it was before.
        batch_size: Samples in one training step.
        nb_epochs: Passes over the samples.
        seed: Seed of the order of samples and of dropout; no global random stream is moved.
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
