"""Laws of poisoning attacks that plug into ART.

`x` and `y` are clean samples and their labels, N first, of several classes.
"""

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from art.attacks import PoisoningAttack
from art.estimators.classification import PyTorchClassifier

from art_snn._validation import class_indices
from art_snn.attacks.poisoning import BackdoorAttack
from art_snn.testing._raising import check_refuses_unknown, message_of
from art_snn.typing import Array, Labels


def check_attack_keeps_rows(attack: PoisoningAttack, x: Array, y: Labels) -> None:
    """`poison` returns as many rows as it gets, in their order."""
    x_poison, y_poison = attack.poison(x, y)
    assert len(x_poison) == len(y_poison) == len(x), f"{len(x)} rows became {len(x_poison)}"
    for row in range(len(x)):
        alone, _ = attack.poison(x[row : row + 1], y[row : row + 1])
        assert _equal(alone[0], x_poison[row]), f"row {row} lies elsewhere or depends on its neighbours"


def check_attack_labels(attack: PoisoningAttack, x: Array, y: Labels) -> None:
    """Labels keep their form and name existing classes, and the array is writable."""
    _, y_poison = attack.poison(x, y)
    assert y_poison.shape == y.shape, f"labels of shape {y.shape} became {y_poison.shape}"
    assert y_poison.dtype == y.dtype, f"labels of dtype {y.dtype} became {y_poison.dtype}"
    assert y_poison.flags.writeable, "the labels cannot be written to"
    if y.ndim == 2:
        assert (y_poison.sum(axis=1) == 1).all(), "one-hot labels name not exactly one class"
    classes = class_indices(y_poison)
    assert classes.max() <= class_indices(y).max(), f"class {classes.max()} does not exist"


def check_attack_leaves_data_alone(attack: PoisoningAttack, x: Array, y: Labels) -> None:
    """The samples and labels given do not change, not even when the result is written to."""
    x_before, y_before = [sample.copy() for sample in x], y.copy()
    x_poison, y_poison = attack.poison(x, y)
    x_poison[:] = x_poison[:1]
    y_poison[:] = y_poison[::-1]
    assert all(_equal(*pair) for pair in zip(x, x_before, strict=True)), "the samples were changed"
    assert np.array_equal(y, y_before), "the labels were changed"


def check_attack_repeats_itself(make: Callable[[int], PoisoningAttack], x: Array, y: Labels) -> None:
    """One seed always draws the same rows, on a second call and in a second object; another seed draws others.

    Args:
        make: Function that builds the attack from a seed; there must be several rows to choose from.
        x: Clean samples.
        y: Labels of the samples.
    """
    attack = make(0)
    first = attack.poison_dataset(x, y).is_poison
    assert np.array_equal(attack.poison_dataset(x, y).is_poison, first), "a second call drew other rows"
    assert np.array_equal(make(0).poison_dataset(x, y).is_poison, first), "the same seed drew other rows"
    others = [make(seed).poison_dataset(x, y).is_poison for seed in range(1, 9)]
    assert any(not np.array_equal(first, other) for other in others), "eight other seeds drew the same rows"


def check_attack_keeps_labels(attack: PoisoningAttack, x: Array, y: Labels) -> None:
    """A clean-label attack: `poison_dataset` changes samples of the target class alone, and no label."""
    data = attack.poison_dataset(x, y)
    poisoned = set(class_indices(y)[data.is_poison].tolist())
    assert poisoned == {attack.target_class}, f"samples of the classes {sorted(poisoned)} were poisoned"
    assert _equal(data.y, y), "labels were changed"
    assert _equal(data.y_clean, y), "the clean labels are not those given"


def check_attack_rejects_unknown(attack: PoisoningAttack, x: Array, y: Labels) -> None:
    """The constructor, `poison` and `set_params` refuse a misspelt argument."""
    check_refuses_unknown(type(attack))
    check_refuses_unknown(attack.set_params)
    check_refuses_unknown(attack.poison, x, y)


def check_attack_is_arts(attack: PoisoningAttack, kind: type[PoisoningAttack]) -> None:
    """ART accepts it as one of its own `kind` and knows what it needs of a classifier."""
    assert isinstance(attack, kind), f"{type(attack).__name__} is no {kind.__name__}"
    assert isinstance(attack.estimator_requirements, tuple), "_estimator_requirements is not set"
    assert attack.is_estimator_valid(attack.estimator, attack.estimator_requirements), "its own classifier is not valid"


def check_attack_params(attack: PoisoningAttack) -> None:
    """`attack_params` are the constructor's arguments, each kept under its name; a wrong value changes none.

    A classifier is none of them, as in ART.
    """
    arguments = [name for name in inspect.signature(type(attack)).parameters if name != "classifier"]
    assert list(attack.attack_params) == arguments, f"attack_params {attack.attack_params}, arguments {arguments}"
    missing = [name for name in arguments if not hasattr(attack, name)]
    assert not missing, f"no attributes {missing}"
    before = {name: getattr(attack, name) for name in arguments}
    message_of((TypeError, ValueError), partial(attack.set_params, **{arguments[-1]: before[arguments[-1]]}, no_such=1))
    for name in ("target_class", "percent_poison", "seed"):
        if name in before:
            message_of((TypeError, ValueError), partial(attack.set_params, **{name: -1}))
    assert all(getattr(attack, name) is value for name, value in before.items()), "an error changed parameters"


def _equal(a: Array, b: Array) -> bool:
    return a.dtype == b.dtype and np.array_equal(a, b)


def check_attack_trains(
    attack: BackdoorAttack, make: Callable[[], PyTorchClassifier], x: Array, y: Labels, **fit_arguments: Any
) -> None:
    """Training leaves data and attack as they are, follows its seed, and tells what may be asked afterwards.

    Args:
        attack: The attack.
        make: Function that builds an untrained classifier, with the same weights each time.
        x: Clean samples; they serve as test samples, too.
        y: Labels of the samples.
        **fit_arguments: Arguments of `fit`, such as `nb_epochs`.
    """
    x_before, y_before, target = x.copy(), y.copy(), attack.target_class
    outcomes = [attack.train(make(), x, y, seed=seed, verbose=False, **fit_arguments) for seed in (0, 0, 1)]
    first, same, other = (torch.cat([p.flatten() for p in one.model.parameters()]) for one, _ in outcomes)
    assert torch.equal(first, same), "the same seed gives other weights: something was left from the training before"
    assert not torch.equal(first, other), "another seed gives the same weights"
    shown = [record.attack.trigger_test(x, y) for _, record in outcomes[:2]]
    assert np.array_equal(shown[0][0], shown[1][0]), "the same seed gives another trigger"
    (x_shown, counted), record = shown[0], outcomes[0][1]
    assert x_shown.shape == x.shape, f"test samples of shape {x.shape} became {x_shown.shape}"
    assert counted.shape == (len(x),), f"expected a mask of {len(x)} samples, got shape {counted.shape}"
    assert counted.any(), "no sample counts for success"
    assert not counted[class_indices(y) == target].any(), "samples of the target class count for success"
    classes = class_indices(y)[list(record.poisoned.rows)]
    assert tuple(classes) == record.poisoned.classes, "the changed rows are of other classes than told"
    assert np.array_equal(x, x_before), "the samples were changed"
    assert np.array_equal(y, y_before), "the labels were changed"
