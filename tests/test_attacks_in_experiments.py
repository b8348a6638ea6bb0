"""Attacks that take part in the training, in experiments: their trigger is known only after it, and by model."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from art_snn.attacks.poisoning import DynamicBackdoor
from art_snn.estimators.classification import SpikingClassifier
from art_snn.experiment import Experiment, run, show_trigger
from art_snn.experiment.defending import chosen_defences
from art_snn.report.tables import attack_done
from art_snn.sweep.measured import measured

SPEC: dict[str, Any] = {
    "data": {"name": "digits", "limit": 24},
    "network": {"width": 0.25},
    "models": [{"rule": "bptt", "timesteps": 2}, {"rule": "hybrid", "timesteps": 4, "nb_epochs_snn": 1}],
    "training": {"epochs": 1, "batch_size": 12},
    "attack": {"attack": "dynamic", "channels": 2, "gamma": 0.5},
    "measure": {"stealth": True, "over_time": [1, 2], "cost": True, "evidence": True},
}


def spec(**sections: Any) -> Experiment:
    return Experiment(**{**SPEC, **sections})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def result(folder: Path) -> Any:
    return run(spec(), verbose=False, trainings=folder / "trainings", models=folder)


def test_each_model_is_measured_with_the_trigger_that_it_has_learned(result: Any) -> None:
    assert set(result.measures) >= {"stealth", "over_time", "cost"}
    lines = {line["model"]: line for line in measured(result.as_json(), "stealth")}
    assert set(lines) == {"lif", "hybrid"}
    assert all(line["n"] == 24 for line in lines.values())
    assert [len(row.poisoned.rows) for row in result.rows] == [24, 24]


def test_the_saved_trigger_is_the_one_that_was_measured(result: Any, folder: Path) -> None:
    attack = DynamicBackdoor.load(str(folder / "lif-trigger"))
    examples = result.examples
    shown, _ = attack.trigger_test(examples.clean, examples.labels)
    model = SpikingClassifier.load(str(folder / "lif-backdoored"))

    assert np.array_equal(shown, examples.triggered)
    assert np.array_equal(model.predict(shown).argmax(1), examples.predicted["lif"][1])


def test_trainings_under_the_attack_are_not_shared(result: Any, folder: Path) -> None:
    """Only clean ones are kept: of the LIF network, of the ANN, and of what the hybrid network adds to that."""
    assert len(list((folder / "trainings").iterdir())) == 3
    alone = run(spec(), verbose=False)

    assert [row.accuracy for row in alone.rows] == [row.accuracy for row in result.rows]
    assert alone.measures["stealth"] == result.measures["stealth"]


def test_titles_name_the_attack_where_there_is_no_trigger() -> None:
    assert attack_done(spec().attack, "digits") == "dynamic attack on digits"
    assert attack_done(spec(attack={}).attack, "digits") == "patch trigger in 10 % of digits"


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"attack": {"attack": "dynamic", "trigger": "patch"}}, "trigger to be left out for dynamic"),
        ({"attack": {"attack": "dynamic", "valid_frames": True}}, "frames .* for valid_frames, got images"),
        ({"attack": {"attack": "dynamic", "include_target": True}}, "include_target to be left out for dynamic"),
        ({"attack": {"attack": "dynamic", "percent_cover": 0.1}}, "source_classes for cover samples"),
        ({"attack": {"attack": "dynamic", "target_class": 10}}, "to be a class of digits"),
        ({"defences": ["activation"]}, "to search no poisoned samples for dynamic"),
        ({"measure": {"with_art": True}}, "to search no poisoned samples for dynamic"),
        ({"measure": {"onset_length": {"onsets": [0], "lengths": [1]}}}, "onset_length to be left out"),
    ],
)
def test_what_does_not_go_with_it_is_found_in_the_spec(sections: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        spec(**sections)


def test_every_detector_is_every_one_that_can_find_something() -> None:
    found = chosen_defences(spec(measure={"detection": True}))

    assert "neural-cleanse" in found
    assert "activation" not in found


def test_there_is_no_trigger_to_show_before_a_training() -> None:
    with pytest.raises(ValueError, match="made with a trigger, got 'dynamic'"):
        show_trigger(spec())
