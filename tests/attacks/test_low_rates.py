"""Small shares of poison: one row of a thousand is one row, and a share of none is an error."""

from functools import partial
from typing import Any

import numpy as np
import pytest
from art.attacks.poisoning import GradientMatchingAttack, PoisoningAttackCleanLabelBackdoor

from art_snn import catalogue
from art_snn.attacks.poisoning import PoisonedRows, adapted
from art_snn.attacks.poisoning.poisoned import poisoned_rows
from art_snn.testing.examples import example_arguments
from tests.attacks.test_adapted_attacks import BACKDOOR, BRIEF, GIVEN, ONE_HOT, TARGET, bullseye, proxy, sleeper_agent
from tests.attacks.test_adapted_attacks import X as FEW
from tests.attacks.test_adapted_attacks import Y as LABELS_OF_FEW
from tests.attacks.trigger_networks import classifier as small_classifier
from tests.backdoored import bars, untrained

X, Y = bars(1000)
Y = Y % 3  # as many classes as the examples know
SHARING = [name for name, kind in catalogue.ATTACKS.items() if "percent_poison" in kind.params]


def changed(name: str, share: float, n: int) -> PoisonedRows:
    """What an attack of the catalogue changes of the first n rows."""
    attack: Any = catalogue.ATTACKS[name](**example_arguments(name) | {"percent_poison": share})
    if hasattr(attack, "poison_dataset"):
        return poisoned_rows(X[:n], attack.poison_dataset(X[:n], Y[:n]))
    x, classifier = X[:n], untrained("lif")
    if name == "dynamic":  # whose trigger network takes sides from 16 up
        x, classifier = x.repeat(2, axis=2).repeat(2, axis=3), small_classifier("lif", (1, 16, 16))
        attack.set_params(channels=2)
    record: Any = attack.train(classifier, x, Y[:n], batch_size=500, nb_epochs=1)[1]
    return record.poisoned


@pytest.mark.parametrize("name", SHARING)
@pytest.mark.parametrize(("share", "n"), [(0.001, 1), (0.01, 10)])
def test_a_thousand_rows_hold_as_many_poisoned_ones_as_asked(name: str, share: float, n: int) -> None:
    assert len(changed(name, share, 1000).rows) == n


@pytest.mark.parametrize("name", SHARING)
def test_a_share_of_no_row_is_an_error_that_tells_the_cure(name: str) -> None:
    with pytest.raises(ValueError, match=r"percent_poison to come to at least one row, got 0.001 of 999 .*to 0.0011$"):
        changed(name, 0.001, 999)


def clean_label(share: float) -> Any:
    return adapted(PoisoningAttackCleanLabelBackdoor(BACKDOOR, proxy("ann"), ONE_HOT[TARGET], share, max_iter=2))


def gradient_matching(share: float) -> Any:
    attack = GradientMatchingAttack(proxy("ann"), share, clip_values=(0.0, 1.0), **BRIEF)
    return adapted(attack, target_class=TARGET, given=GIVEN)


def one_of_sleeper_agents(share: float) -> Any:
    attack = sleeper_agent()
    attack.attack.percent_poison = share
    return attack


MAKERS = [clean_label, gradient_matching, one_of_sleeper_agents, lambda share: bullseye(percent_poison=share)]


@pytest.mark.parametrize("make", MAKERS)
def test_of_arts_attacks_too(make: partial[Any]) -> None:
    assert np.count_nonzero(LABELS_OF_FEW == TARGET) == 20
    with pytest.raises(ValueError, match=r"p.*_poison to come to at least one row, got 0.001 of (20|80) rows"):
        make(0.001).poison_dataset(FEW, LABELS_OF_FEW)
