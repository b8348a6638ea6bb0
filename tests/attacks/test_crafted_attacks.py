"""ART's attacks by name, on a network of the attacker's; refused where they cannot be."""

from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from art_snn import catalogue
from art_snn import testing as laws
from art_snn.attacks.poisoning import CleanLabelAttack, GradientMatching, PatchTrigger, StaticTrigger
from art_snn.evaluations import Augmentation, BackdoorEvaluation
from art_snn.evaluations.training import TrainingPlan
from art_snn.experiment import Experiment
from art_snn.experiment.building import make_attack, make_dataset, streams
from tests.backdoored import TARGET, bars, trained, untrained

X, Y = bars(80)
SOURCE = 2
BRIEF: dict[str, dict[str, Any]] = {
    "clean-label": {"max_iter": 2},
    "hidden-trigger": {"max_iter": 2},
    "sleeper-agent": {"max_epochs": 1},
    "gradient-matching": {"max_epochs": 1},
    "bullseye-polytope": {"max_iter": 2},
}
SPEC: dict[str, Any] = {
    "data": {"name": "digits", "limit": 80},
    "network": {"width": 0.25},
    "models": ["ann"],
    "training": {"epochs": 1, "batch_size": 20},
}
FRAMES: dict[str, Any] = {**SPEC, "data": {"name": "digits-dvs", "limit": 40, "n_bins": 3}}
over_all = pytest.mark.parametrize("name", BRIEF)


def attack(name: str, **settings: Any) -> Any:
    source = {} if name == "clean-label" else {"source_class": SOURCE}
    own = {"trigger": PatchTrigger(2)} if catalogue.takes_trigger(name) else {}
    return catalogue.ATTACKS[name](
        target_class=TARGET, **{"percent_poison": 0.1, **source, **own, **BRIEF[name], **settings}
    )


def ready(name: str, kind: str = "ann", **settings: Any) -> Any:
    made = attack(name, **settings).with_classifier(trained(kind, backdoored=False))
    return made.aimed_at(X, Y) if hasattr(made, "aimed_at") else made


def of_spec(spec: Experiment) -> tuple[Any, Any]:
    drawn = streams(spec)
    dataset = make_dataset(spec, drawn.split)
    return make_attack(spec, dataset, drawn, verbose=False), dataset


@over_all
@pytest.mark.parametrize("kind", ["ann", "lif"])
def test_at_most_the_share_of_rows_changes_all_of_the_target_and_no_label(name: str, kind: str) -> None:
    made = ready(name, kind)
    dataset = made.poison_dataset(X, Y)

    laws.check_attack_keeps_labels(made, X, Y)
    assert dataset.is_poison.sum() <= 8
    assert dataset.is_poison.sum() == 8 or name == "clean-label"  # whose rows ART draws with replacement
    assert 0 < np.abs(dataset.x - X)[..., :-2, :-2].max() <= 0.3 + 1e-6


@over_all
def test_a_spec_names_it_and_the_attacker_trains_a_network_of_its_own(name: str) -> None:
    spec = Experiment(**SPEC, attack={"attack": name, "percent_poison": 0.05, **BRIEF[name]})
    made, dataset = of_spec(spec)

    assert isinstance(made, catalogue.ATTACKS[name])
    assert spec.surrogate == spec.models[0]
    assert made.classifier.input_shape == dataset.x_train.shape[1:]
    shown, counted = made.trigger_test(dataset.x_test, dataset.y_test)
    assert counted.any()
    if hasattr(made, "given"):
        assert np.array_equal(shown, dataset.x_test)
        assert counted.sum() == made.n_targets
    else:
        assert (shown != dataset.x_test).any()


@over_all
def test_without_a_network_of_the_attackers_nothing_is_made(name: str) -> None:
    with pytest.raises(ValueError, match="with a network of the attacker's, got none"):
        attack(name, **({"given": X[:1]} if hasattr(attack(name), "given") else {})).poison_dataset(X, Y)


def test_given_samples_are_of_the_source_class() -> None:
    made = ready("gradient-matching", n_targets=3)

    assert len(made.given) == 3
    assert (Y[[np.flatnonzero((one == X).all(axis=(1, 2, 3)))[0] for one in made.given]] == SOURCE).all()
    with pytest.raises(ValueError, match="aims at given samples, got none"):
        attack("gradient-matching").trigger_test(X, Y)
    with pytest.raises(ValueError, match="expected n_targets to be at most the 20 test samples of class 2, got 21"):
        ready("gradient-matching", n_targets=21)


def test_frames_keep_whole_counts_from_a_spec() -> None:
    given = {"attack": "clean-label", "trigger": "static", "percent_poison": 0.05, "max_iter": 2}
    made, dataset = of_spec(Experiment(**FRAMES, attack=given))
    poisoned = made.poison_dataset(dataset.x_train, dataset.y_train)

    assert poisoned.is_poison.any()
    assert poisoned.x.dtype == dataset.x_train.dtype
    change = poisoned.x.astype(int) - StaticTrigger()(dataset.x_train)
    assert np.abs(change[poisoned.is_poison]).max() == 1
    assert isinstance(made, CleanLabelAttack)


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({**FRAMES, "attack": {"attack": "sleeper-agent"}}, "attack.attack to be one of .*clean-label.* for frames"),
        ({**FRAMES, "attack": {"attack": "hidden-trigger"}}, "attack.attack to be one of .* for frames, got 'hidden"),
        ({**FRAMES, "attack": {"attack": "clean-label", "eps": 0.3}}, "eps to be at least 0.5 events for frames"),
        ({"attack": {"attack": "bullseye-polytope", "trigger": "patch"}}, "trigger to be left out for bullseye"),
        ({"attack": {"attack": "hidden-trigger", "source_class": 1}}, "source_class to be another than target_class"),
        ({"attack": {"attack": "gradient-matching", "source_class": 10}}, "attack.source_class to be a class of dig"),
        ({"attack": {"attack": "sleeper-agent", "size": 17}}, "attack.size to be at most 16 pixels"),
        ({"attack": {"attack": "clean-label", "percent_poison": 0}}, "percent_poison"),
        (
            {
                "attack": {"attack": "clean-label"},
                "training": {"augmentation": {"crop": 1, "place": "before"}},
            },
            "training.augmentation.place to be 'after' for clean-label",
        ),
        (
            {"attack": {"attack": "gradient-matching"}, "training": {"resize": 8}},
            "training.resize to be left out for gradient-matching",
        ),
        (
            {
                "attack": {"attack": "sleeper-agent"},
                "data": {"name": "digits", "normalisation": {"mean": [0.5], "std": [0.5]}},
            },
            "data.normalisation to be left out for sleeper-agent",
        ),
    ],
)
def test_what_cannot_be_is_found_in_the_spec(sections: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Experiment(**{**SPEC, **sections})


def test_poison_is_not_put_on_anew_after_an_augmentation() -> None:
    plans = {"ann": TrainingPlan(augmentation=Augmentation(1, place="before"))}

    with pytest.raises(ValueError, match="augment after"):
        BackdoorEvaluation(ready("clean-label"), {"ann": untrained("ann")}, plans=plans)


def test_a_silent_network_is_told_and_poisons_nothing() -> None:
    silent = untrained("lif")
    with torch.no_grad():
        for parameter in silent.model.parameters():
            parameter.zero_()
    made = attack("bullseye-polytope").with_classifier(silent).aimed_at(X, Y)

    with pytest.raises(ValueError, match=r"expected poison of finite values .* its network may be silent"):
        made.poison_dataset(X, Y)


def test_a_share_beyond_the_target_class_and_images_beyond_the_range_are_refused() -> None:
    with pytest.raises(ValueError, match="expected percent_poison to come to 1 to 20 rows of class"):
        ready("sleeper-agent", percent_poison=0.5).poison_dataset(X, Y)
    with pytest.raises(ValueError, match=r"expected images within \[0.0, 1.0\]"):
        ready("hidden-trigger").poison_dataset(X * 2, Y)
    with pytest.raises(ValueError, match="expected layer to be one of the"):
        ready("hidden-trigger", layer=99).poison_dataset(X, Y)
    assert isinstance(ready("gradient-matching"), GradientMatching)
