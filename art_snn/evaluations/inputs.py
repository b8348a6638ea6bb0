"""What evaluations are given, checked before anything is trained."""

from collections.abc import Iterable
from typing import Any

from art.estimators.classification import PyTorchClassifier

from art_snn._validation import check_finite
from art_snn.estimators.classification.inputs import samples_for
from art_snn.typing import Array


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
