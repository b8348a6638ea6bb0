"""A patch optimised on the attacker's converted networks."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from art.estimators.classification import PyTorchClassifier

from art_snn import testing as laws
from art_snn.attacks.poisoning import ConversionAwareBackdoor, PatchTrigger, conversion_aware
from art_snn.estimators.classification import TrainingData
from art_snn.typing import Images, Indices
from tests.backdoored import TARGET, K, bars, untrained

X, Y = bars(96)
QUICK = {"timesteps": [6, 3], "width": 0.25, "rounds": 1, "steps": 4, "step_size": 0.25, "nb_epochs": 2}


def unfitted(**settings: Any) -> ConversionAwareBackdoor:
    return ConversionAwareBackdoor(TARGET, 0.2, **QUICK | settings)


@pytest.fixture(scope="module")
def attack() -> ConversionAwareBackdoor:
    return unfitted().fit(X, Y, verbose=False)


def test_a_fitted_attack_obeys_the_laws(attack: ConversionAwareBackdoor) -> None:
    laws.check_attack_keeps_rows(attack, X[:8], Y[:8])
    laws.check_attack_labels(attack, X, Y)
    laws.check_attack_leaves_data_alone(attack, X, Y)
    laws.check_attack_params(attack)
    laws.check_attack_trains(attack, lambda: untrained("lif"), X, Y, batch_size=16, nb_epochs=1)
    with laws.check_global_streams_stand_still():
        unfitted(steps=1).fit(X, Y, verbose=False)


def test_fitting_gives_a_new_attack_with_a_patch_of_its_own(attack: ConversionAwareBackdoor) -> None:
    given = unfitted()
    again = given.fit(X, Y, verbose=False)

    assert given.pattern is None
    assert attack.pattern.shape == (1, 2, 2)
    assert np.array_equal(again.pattern, attack.pattern)
    assert set(np.unique(attack.pattern)) <= {0.0, 0.25, 0.5, 0.75, 1.0}  # whole steps of 1/4 from grey
    assert np.array_equal(attack.trigger(X)[..., -2:, -2:], np.broadcast_to(attack.pattern, (96, 1, 2, 2)))
    assert {name: value for name, value in attack.get_params().items() if name != "pattern"} == {
        name: value for name, value in given.get_params().items() if name != "pattern"
    }


def test_the_attacker_learns_from_the_source_classes_and_covers_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    trained: list[Indices] = []
    asked: list[Images] = []
    slope = ConversionAwareBackdoor._slope

    def watched_data(x: Images, y: Indices) -> TrainingData:
        trained.append(
            np.flatnonzero((x[:, 0, -2:, -2:] == 0.5).all((1, 2)))
        )  # the patch is grey before its first step
        return TrainingData(x, y)

    def watched_slope(self: Any, network: PyTorchClassifier, x: Images, side: int) -> Any:
        asked.append(x)
        return slope(self, network, x, side)

    monkeypatch.setattr(conversion_aware, "TrainingData", watched_data)
    monkeypatch.setattr(ConversionAwareBackdoor, "_slope", watched_slope)
    attack = unfitted(source_classes=2, percent_cover=0.1, steps=1).fit(X, Y, verbose=False)

    data = attack.poison_dataset(X, Y)
    assert np.array_equal(trained[0], np.flatnonzero(data.is_poison))
    assert (Y[trained[0]] != 2).sum() == 9
    of_source = {sample[0, :-2].tobytes() for sample in X[Y == 2]}
    assert {sample[0, :-2].tobytes() for sample in asked[0]} <= of_source


def test_the_attackers_spiking_networks_obey_the_patch_better_than_a_grey_one(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[PyTorchClassifier] = []
    networks = ConversionAwareBackdoor._networks
    monkeypatch.setattr(
        ConversionAwareBackdoor, "_networks", lambda self, *given: made.extend(networks(self, *given)) or made
    )
    found = unfitted(nb_epochs=15, width=0.5, timesteps=[16, 8]).fit(X, Y, verbose=False).pattern

    def losses(pattern: Images | float) -> float:
        x = PatchTrigger(2, pattern=np.broadcast_to(pattern, (1, 2, 2)))(X[Y != TARGET])
        return sum(one.compute_loss(x, np.eye(K)[np.full(len(x), TARGET)]).mean() for one in made)

    assert [one.model.timesteps for one in made] == [16, 8]
    assert losses(found) < 0.9 * losses(np.float32(0.5))


def test_images_of_bytes_get_a_patch_of_whole_numbers() -> None:
    attack = unfitted(steps=1).fit((X * 255).astype(np.uint8), Y, verbose=False)
    triggered, _ = attack.poison((X[:3] * 255).astype(np.uint8))

    assert triggered.dtype == np.uint8
    assert np.array_equal(triggered[0, :, -2:, -2:], np.rint(attack.pattern))
    assert attack.pattern.max() > 1


@pytest.mark.parametrize(
    ("act", "error", "message"),
    [
        (lambda: unfitted().poison_dataset(X, Y), ValueError, r"got none; use attack.fit\(x_train, y_train\)"),
        (lambda: unfitted().trigger_test(X, Y), ValueError, "expected an attack whose patch was optimised, got none"),
        (lambda: unfitted(timesteps=[]), ValueError, "expected timesteps to hold at least one number, got none"),
        (lambda: unfitted(timesteps=[0]), ValueError, "expected timesteps to be at least 1, got 0"),
        (lambda: unfitted(scale=0), ValueError, "expected scale to be a finite number above 0, got 0"),
        (lambda: unfitted(network="large"), ValueError, "expected network to be one of"),
        (lambda: unfitted(size=9).fit(X, Y), ValueError, "of 8 pixels, got 9"),
        (
            lambda: unfitted().fit(X, np.full(96, TARGET)),
            ValueError,
            "expected images of other classes than 1, of source_classes None, got none",
        ),
        (lambda: unfitted().fit(np.zeros((4, 3, 2, 8, 8)), np.arange(4) % K), ValueError, "which looks like frames"),
        (lambda: unfitted().fit(X * 2, Y), ValueError, "expected images within"),
    ],
)
def test_nonsense_is_one_clear_error(act: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        act()
