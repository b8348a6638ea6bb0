"""Cases of poisoning attacks: each makes poison for a surrogate that is ours."""

import tempfile
from collections.abc import Callable
from typing import Any

import art.attacks.poisoning as attacks
import numpy as np
from art.attacks.poisoning.perturbations import add_pattern_bd, add_single_bd, insert_image
from PIL import Image

from tests.compatibility.checks import check_examples
from tests.compatibility.subjects import SOURCE, TARGET, K, Subject

Case = Callable[[Subject], None]
_TARGET = np.eye(K, dtype=np.float32)[TARGET]


def _backdoor(subject: Subject) -> None:
    x = subject.x[:20]
    poisoned, y = attacks.PoisoningAttackBackdoor(subject.trigger).poison(x, _TARGET, broadcast=True)
    check_examples(subject, x, poisoned)
    assert (y.argmax(1) == TARGET).all()


def _clean_label(subject: Subject) -> None:
    steps = {"eps": 0.3, "eps_step": 0.1, "max_iter": 2, "num_random_init": 0}
    attack = attacks.PoisoningAttackCleanLabelBackdoor(
        subject.backdoor, subject.trained(), target=_TARGET, pp_poison=0.5, norm=np.inf, **steps
    )
    poisoned, y = attack.poison(subject.x, subject.y)
    check_examples(subject, subject.x, poisoned)
    assert np.array_equal(y, subject.y), "labels were changed"


def _hidden_trigger(subject: Subject) -> None:
    classifier = subject.trained()
    attack = attacks.HiddenTriggerBackdoor(
        classifier,
        target=_TARGET,
        source=np.eye(K)[SOURCE],
        feature_layer=classifier.layer_names[-1],
        backdoor=subject.backdoor,
        eps=0.3,
        max_iter=3,
        batch_size=5,
        poison_percent=0.5,
        verbose=False,
    )
    poisoned, rows = attack.poison(subject.x, subject.y)
    check_examples(subject, subject.x[rows], poisoned)


def _feature_collision(subject: Subject) -> None:
    classifier, bases = subject.trained(), subject.of_class(TARGET)[:1]
    settings = {"max_iter": 3, "learning_rate": 1.0, "watermark": 0.3, "verbose": False}
    attack = attacks.FeatureCollisionAttack(
        classifier, subject.of_class(SOURCE)[:1], classifier.layer_names[-1], **settings
    )
    poisoned, _ = attack.poison(bases)
    check_examples(subject, bases, poisoned)


def _bullseye(subject: Subject) -> None:
    classifier, bases = subject.trained(), subject.of_class(TARGET)[:3]
    settings = {"max_iter": 3, "learning_rate": 0.05, "epsilon": 0.3, "dropout": 0.0, "endtoend": True}
    layer = classifier.layer_names[0]
    attack = attacks.BullseyePolytopeAttackPyTorch(
        classifier, subject.of_class(SOURCE)[:1], layer, verbose=False, **settings
    )
    poisoned, _ = attack.poison(bases, np.repeat(_TARGET[None], 3, axis=0))
    check_examples(subject, bases, poisoned)


def _gradient_matching(subject: Subject) -> None:
    settings = {"max_trials": 1, "max_epochs": 2, "batch_size": 32, "epsilon": 0.3, "verbose": 0}
    attack = attacks.GradientMatchingAttack(subject.trained(), percent_poison=0.2, **settings)
    poisoned, _ = attack.poison(subject.of_class(SOURCE)[:1], _TARGET[None], subject.x, subject.y)
    check_examples(subject, subject.x, poisoned)


def _sleeper_agent(subject: Subject) -> None:
    of_target = np.flatnonzero(subject.y.argmax(1) == TARGET)
    given = subject.of_class(SOURCE)
    attack = attacks.SleeperAgentAttack(
        subject.trained(),
        percent_poison=0.5,
        patch=np.ones((subject.shape[-3], 3, 3), np.float32),
        indices_target=of_target,
        class_source=SOURCE,
        class_target=TARGET,
        max_trials=1,
        max_epochs=2,
        learning_rate_schedule=([0.1, 0.01], [1, 2]),
        batch_size=32,
        epsilon=0.3,
        clip_values=subject.clip_values,
        device_name="cpu",
        model_retrain=True,
        model_retraining_epoch=1,
        verbose=0,
    )
    test = subject.x_test, subject.y_test
    poisoned, _ = attack.poison(given, [TARGET] * len(given), subject.x, subject.y, *test)
    check_examples(subject, subject.x, poisoned)


def _perturbation(perturb: Callable[..., Any], **settings: Any) -> Case:
    def case(subject: Subject) -> None:
        x = subject.x[:5]
        changed = perturb(x, **settings)
        check_examples(subject, x, changed)
        rows = np.abs(changed - x).reshape(5, -1, *x.shape[-2:]).max(1) > 0
        assert rows.sum((1, 2)).max() <= 4, "more pixels were changed than belong to the pattern"

    return case


def _insert_image(subject: Subject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/white.png"
        Image.new("L", (2, 2), 255).save(path)
        _perturbation(insert_image, backdoor_path=path, channels_first=True, random=False)(subject)


CASES: dict[str, Case] = {
    "PoisoningAttackBackdoor": _backdoor,
    "PoisoningAttackCleanLabelBackdoor": _clean_label,
    "HiddenTriggerBackdoor": _hidden_trigger,
    "HiddenTriggerBackdoorPyTorch": _hidden_trigger,
    "FeatureCollisionAttack": _feature_collision,
    "BullseyePolytopeAttackPyTorch": _bullseye,
    "GradientMatchingAttack": _gradient_matching,
    "SleeperAgentAttack": _sleeper_agent,
    "add_single_bd": _perturbation(add_single_bd),
    "add_pattern_bd": _perturbation(add_pattern_bd, channels_first=True),
    "insert_image": _insert_image,
}
