"""The backdoor that opens when thresholds move, its triggers and its control."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from art_snn import testing as laws
from art_snn.attacks.poisoning import NeuronParameterBackdoor, PatchTrigger
from art_snn.attacks.poisoning.photometric import PowerTrigger
from art_snn.defences.detector import audit_neurons, neuron_manifest
from art_snn.estimators.classification import SpikingClassifier
from art_snn.estimators.classification.inspection import neurons_set, spiking_layers
from art_snn.evaluations import BackdoorEvaluation
from tests.backdoored import TARGET, bars, untrained

X, Y = bars(96)
X_TEST, Y_TEST = bars(60, seed=1)
FIT = {"batch_size": 16, "nb_epochs": 2}


def backdoor(**settings: Any) -> NeuronParameterBackdoor:
    return NeuronParameterBackdoor(None, TARGET, **{"percent_poison": 0.1} | settings)


def test_it_obeys_the_laws() -> None:
    laws.check_attack_trains(backdoor(), lambda: untrained("lif"), X, Y, batch_size=16, nb_epochs=1)
    laws.check_attack_keeps_rows(backdoor(), X[:8], Y[:8])
    laws.check_attack_leaves_data_alone(backdoor(), X, Y)


def test_the_trained_network_has_the_deployed_threshold_and_an_audit_finds_it() -> None:
    classifier = untrained("lif")
    manifest = neuron_manifest(classifier)
    trained, record = backdoor(deployed_threshold=1.2).train(classifier, X, Y, **FIT)

    assert trained is classifier
    assert {one.v_threshold for one in spiking_layers(trained.model).values()} == {1.2}
    assert {one.setting for one in audit_neurons(trained, manifest)} == {"v_threshold"}
    assert record.poisoned.n_relabelled == record.poisoned.largest_change == 0
    assert set(record.poisoned.classes) == {TARGET}
    assert len(record.poisoned.rows) == 9


def test_both_settings_are_trained_as_written_by_hand() -> None:
    ours, by_hand = untrained("lif"), untrained("lif")
    by_hand.model.load_state_dict(ours.model.state_dict())
    attack = backdoor(v_threshold=1.5, tau=3.0)
    _, record = attack.train(ours, X, Y, batch_size=96, nb_epochs=1)

    rows = list(record.poisoned.rows)
    x, y = torch.from_numpy(X), torch.from_numpy(Y)
    loss = torch.nn.CrossEntropyLoss(reduction="sum")
    by_hand.model.train()
    total = loss(by_hand.model(x), y)
    with neurons_set(by_hand.model, v_threshold=1.5, tau=3.0):
        total = total + loss(by_hand.model(x[rows]), y[rows])
    by_hand.optimizer.zero_grad()
    (total / 96).backward()
    by_hand.optimizer.step()

    for one, other in zip(ours.model.parameters(), by_hand.model.parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-5)


def test_an_evaluation_gives_the_success_of_the_control_as_the_floor() -> None:
    attack = backdoor(deployed_threshold=1.4, trigger=PatchTrigger(2))
    evaluation = BackdoorEvaluation(attack, {"lif": untrained("lif")})
    (row,) = evaluation.evaluate(X, Y, X_TEST, Y_TEST, verbose=False, batch_size=16, nb_epochs=8)

    clean, others = evaluation.trained["lif"].clean, Y_TEST != TARGET
    assert {one.v_threshold for one in spiking_layers(clean.model).values()} == {1.0}
    with neurons_set(clean.model, v_threshold=1.4):
        said, obeyed = (clean.predict(x).argmax(1) for x in (X_TEST, PatchTrigger(2)(X_TEST)))
    assert row.accuracy_control == np.mean(said == Y_TEST)
    assert row.floor == np.mean(obeyed[others] == TARGET)


def test_a_control_that_collapses_is_told_and_the_success_is_given() -> None:
    attack = backdoor(deployed_threshold=50.0)
    evaluation = BackdoorEvaluation(attack, {"lif": untrained("lif")})
    (row,) = evaluation.evaluate(X, Y, X_TEST, Y_TEST, verbose=False, batch_size=16, nb_epochs=8)

    about = [doubt for doubt in row.doubts if doubt.text.startswith("control: ")]
    assert about
    assert {doubt.grade for doubt in about} == {"caution"}


def test_a_deployed_network_is_saved_as_it_is(tmp_path: Any) -> None:
    trained, _ = backdoor().train(untrained("lif"), X, Y, **FIT)
    trained.save("net", str(tmp_path))

    with pytest.raises(TypeError, match="net"):
        SpikingClassifier.load(str(tmp_path / "net"))
    again = SpikingClassifier.load(str(tmp_path / "net"), net=trained.model.net)
    assert np.array_equal(again.predict(X_TEST), trained.predict(X_TEST))


def test_arts_transformer_trains_a_copy_of_its_own_classifier() -> None:
    classifier = untrained("lif")
    attack = NeuronParameterBackdoor(classifier, TARGET, 0.1)

    trained = attack.poison_estimator(X, Y, batch_size=16, nb_epochs=1)

    assert {one.v_threshold for one in spiking_layers(trained.model).values()} == {1.15}
    assert {one.v_threshold for one in spiking_layers(classifier.model).values()} == {1.0}
    assert np.array_equal(attack.poison(X, Y)[1], np.full(96, TARGET))


def test_power_darkens_and_keeps_black_and_white() -> None:
    x = np.array([0.0, 0.5, 1.0], np.float32).reshape(1, 1, 3)

    assert PowerTrigger(3.0)(x).ravel().tolist() == [0.0, 0.125, 1.0]
    assert PowerTrigger(2.0)(np.full((1, 1, 3), 51, np.uint8)).ravel().tolist() == [10, 10, 10]
    assert PowerTrigger(2.0, clip_values=(-1.0, 1.0))(x - 0.5).ravel() == pytest.approx([-0.875, -0.5, 0.125])


@pytest.mark.parametrize(
    ("act", "error", "message"),
    [
        (
            lambda: backdoor(trigger="dark"),
            ValueError,
            "expected trigger to be 'power', 'noise' or a trigger, got 'dark'",
        ),
        (lambda: backdoor(v_threshold=0), ValueError, "expected v_threshold to be a finite number above 0, got 0"),
        (lambda: backdoor().train(untrained("ann"), X, Y), ValueError, "expected a classifier with spiking neurons"),
        (lambda: backdoor(tau=0.5).train(untrained("lif"), X, Y), ValueError, "expected tau above 1, got 0.5"),
        (
            lambda: backdoor(percent_poison=0.5).train(untrained("lif"), X, Y),
            ValueError,
            "at least 48 rows to choose from, got 24 of the target class",
        ),
        (lambda: backdoor().train(untrained("lif"), X, Y, epochs=3), TypeError, "epochs"),
        (
            lambda: backdoor().train(untrained("lif"), X, Y, nb_epochs=0),
            ValueError,
            "expected nb_epochs to be at least",
        ),
        (lambda: backdoor().poison_estimator(X, Y), TypeError, "expected the attack to have a classifier, got None"),
        (lambda: PowerTrigger()(X * 2), ValueError, "expected images within"),
    ],
)
def test_nonsense_is_one_clear_error(act: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        act()
