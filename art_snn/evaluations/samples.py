"""The samples of an evaluation: checked before anything is trained, and poisoned, mapped ones without a copy."""

from collections.abc import Iterable
from typing import Any

from art.estimators.classification import PyTorchClassifier

from art_snn._validation import check_finite, class_indices
from art_snn.attacks.poisoning import TriggerBackdoor
from art_snn.attacks.poisoning.backdoor import PoisonedDataset
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


def poisoned(attack: TriggerBackdoor, x: Array, y: Labels) -> PoisonedDataset:
    """A training set with poison in it; memory-mapped samples get their triggers when they are read.

    Args:
        attack: What poisons.
        x: Clean samples, (N, ...).
        y: Labels of the samples.
    """
    if not is_mapped(x):
        return attack.poison_dataset(x, y)
    lazy = attack.poison_lazily(x, y)
    return PoisonedDataset(lazy.samples, lazy.y, lazy.is_poison, lazy.y_clean)


def exam_of(attack: TriggerBackdoor, x: Array, y: Labels) -> Exam:
    """Test samples with and without the trigger; memory-mapped ones get it when they are read.

    Args:
        attack: Whose trigger it is.
        x: Clean samples, (N, ...).
        y: Labels of the samples.
    """
    triggered = attack.trigger_lazily(x) if is_mapped(x) else attack.poison(x)[0]
    return Exam(x, triggered, class_indices(y), attack.target_class)
