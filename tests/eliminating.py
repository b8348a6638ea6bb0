"""Eliminations with few epochs, and clean and test bars, that the tests of eliminations share."""

import pytest
from art.estimators.classification import PyTorchClassifier

from art_snn._random import host_seed
from art_snn.metrics import accuracy, attack_success_rate
from tests.backdoored import KINDS, TARGET, TRIGGER, bars

CLEAN = bars(40, seed=2)
TEST = bars(80, seed=1)
ALL_KINDS = pytest.mark.parametrize("kind", KINDS)


def rates(classifier: PyTorchClassifier) -> tuple[float, float]:
    """Accuracy and attack success rate."""
    x, y = TEST
    with host_seed(0):
        return accuracy(y, classifier.predict(x)), attack_success_rate(y, classifier.predict(TRIGGER(x)), TARGET)
