"""The samples of an evaluation: checked before anything is trained, and poisoned, mapped ones without a copy."""

from collections.abc import Iterable
from typing import Any

from art.estimators.classification import PyTorchClassifier

from art_snn._validation import check_finite, class_indices
from art_snn.attacks.poisoning import BackdoorAttack, DataAttack, PoisonedDataset
from art_snn.estimators.classification.inputs import samples_for
from art_snn.evaluations.answers import Exam
from art_snn.lazy_rows import is_mapped
from art_snn.typing import Array, Labels


def samples_for_all(name: str, x: Any, classifiers: Iterable[PyTorchClassifier]) -> Array:
    """Samples that all classifiers take, as an array (N, ...) of finite numbers.

    Args:
        name: What they are called in an error.
        x: An array, a tensor or nested lists.
        classifiers: At least one.

    Raises:
        TypeError: If they are no numbers, such as event streams.
        ValueError: If they have another shape than one of the classifiers takes, or one is not finite.
    """
    for classifier in classifiers:
        x = samples_for(classifier, x, name)
    check_finite(name, x)
    return x  # type: ignore[no-any-return]


def poisoned(attack: BackdoorAttack, x: Array, y: Labels) -> PoisonedDataset:
    """A training set with poison in it; memory-mapped ones get theirs when read, where the attack can.

    Args:
        attack: What poisons: a `DataAttack`.
        x: Clean samples, (N, ...).
        y: Labels of the samples.

    Raises:
        TypeError: If the attack changes the training and not the data.
    """
    if not isinstance(attack, DataAttack):
        raise TypeError(f"expected an attack that poisons data, got {attack!r}, which takes part in the training")
    lazily = getattr(attack, "poison_lazily", None)
    if lazily is None or not is_mapped(x):
        return attack.poison_dataset(x, y)
    lazy = lazily(x, y)
    return PoisonedDataset(lazy.samples, lazy.y, lazy.is_poison, lazy.y_clean)


def exam_of(attack: BackdoorAttack, x: Array, y: Labels) -> Exam:
    """Test samples as they are and as the attacker shows them.

    Args:
        attack: The attack, as a classifier has learned it.
        x: Clean samples, (N, ...).
        y: Labels of the samples.

    Raises:
        ValueError: If none counts for success.
    """
    triggered, counted = attack.trigger_test(x, y)
    if not counted.any():
        raise ValueError(
            f"expected test samples of other classes than {attack.target_class}, got none that the attack is meant for"
        )
    return Exam(x, triggered, class_indices(y), attack.target_class, counted)
