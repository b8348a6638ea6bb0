"""Trigger networks on disk: what is loaded is what was measured, and nothing else is loaded."""

from pathlib import Path

import numpy as np
import pytest
from torch import nn

from art_snn._random import host_seed
from art_snn.attacks.poisoning import DynamicBackdoor
from art_snn.estimators.classification import SpikingClassifier
from art_snn.evaluations import BackdoorEvaluation
from tests.attacks.trigger_networks import FIT, X, Y, attack, classifier, learnt


def test_the_measured_model_and_trigger_are_the_saved_ones(tmp_path: Path) -> None:
    evaluation = BackdoorEvaluation(attack(gamma=0.5), {"lif": classifier("lif", X.shape[1:])})
    evaluation.evaluate(X, Y, X, Y, verbose=False, **FIT)
    evaluation.trained["lif"].backdoored.save("model", str(tmp_path))
    evaluation.attacks["lif"].save("trigger", str(tmp_path))  # type: ignore[attr-defined]

    model, trigger = SpikingClassifier.load(str(tmp_path / "model")), DynamicBackdoor.load(str(tmp_path / "trigger"))
    shown, _ = trigger.trigger_test(X, Y)

    assert np.array_equal(shown, evaluation.exams["lif"].x_triggered)
    assert np.array_equal(model.predict(shown), evaluation.answers["lif"].backdoored.triggered)
    assert trigger.get_params() | {"autoencoder": None} == evaluation.attack.get_params()  # type: ignore[attr-defined]


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    learnt().save("trigger", str(tmp_path))
    path = tmp_path / "trigger.safetensors"
    whole = path.read_bytes()

    path.write_bytes(whole[:-4] + b"\0\0\1\0")
    with pytest.raises(ValueError, match="SHA-256"):
        DynamicBackdoor.load(str(tmp_path / "trigger"))
    path.write_bytes(whole.replace(b"DynamicBackdoor", b"DynamicBackdoos"))
    with pytest.raises(ValueError, match=r"trigger\.safetensors: "):
        DynamicBackdoor.load(str(tmp_path / "trigger"))
    with pytest.raises(FileNotFoundError, match="save\\(\\) writes it"):
        DynamicBackdoor.load(str(tmp_path / "other"))
    with pytest.raises(ValueError, match="expected a trained trigger network to save"):
        attack().save("none", str(tmp_path))


def test_an_autoencoder_of_ones_own_is_handed_over(tmp_path: Path) -> None:
    with host_seed(0):
        one, other = attack(autoencoder=nn.Conv3d(3, 3, 1)), nn.Conv3d(3, 3, 1)
    one.save("own", str(tmp_path))

    with pytest.raises(TypeError, match="expected an autoencoder, for the card describes none"):
        DynamicBackdoor.load(str(tmp_path / "own"))
    again = DynamicBackdoor.load(str(tmp_path / "own"), autoencoder=other)
    assert np.array_equal(again.poison(X)[0], one.poison(X)[0])
