"""How classifiers are trained: augmentation and its place, schedules, records by epoch, steps that are taken once."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from art.estimators.classification import PyTorchClassifier
from torch import nn

from art_snn.attacks.poisoning import PatchTrigger, TriggerBackdoor
from art_snn.estimators.classification import AnnClassifier, ConvertedClassifier, HybridClassifier
from art_snn.evaluations import Augmentation, BackdoorEvaluation, TrainingPlan, poison_combination
from art_snn.evaluations.training import StepRecord
from art_snn.models import small_cnn
from art_snn.testing.examples import example_arguments

RNG = np.random.default_rng(0)
X, Y = RNG.random((60, 1, 8, 8), dtype=np.float32), np.arange(60) % 3
ATTACK = TriggerBackdoor(PatchTrigger(2), 1, 0.2)


def _ann() -> AnnClassifier:
    return AnnClassifier(small_cnn(1, 3, pool="avg", width=0.25), nn.CrossEntropyLoss(), (1, 8, 8), 3)


def _converted(rule: type[ConvertedClassifier] = ConvertedClassifier, **settings: Any) -> ConvertedClassifier:
    net = small_cnn(1, 3, pool="avg", width=0.25)
    return rule(net, nn.CrossEntropyLoss(), (1, 8, 8), 3, 4, "robust", **settings)


def _evaluated(plan: TrainingPlan, estimator: PyTorchClassifier | None = None) -> tuple[Any, BackdoorEvaluation]:
    evaluation = BackdoorEvaluation(ATTACK, {"one": estimator or _ann()}, plans={"one": plan})
    (result,) = evaluation.evaluate(X, Y, X, Y, verbose=False, batch_size=20, nb_epochs=2)
    return result, evaluation


def _weights(classifier: PyTorchClassifier) -> torch.Tensor:
    return torch.cat([value.flatten().float() for value in classifier.model.state_dict().values()])


@pytest.mark.parametrize(("crop", "flip"), [(2, False), (0, True), (3, True)])
def test_an_augmented_image_is_the_image_shifted_and_mirrored(crop: int, flip: bool) -> None:
    changed = Augmentation(crop, flip)(X, np.random.default_rng(1))

    padded = np.pad(X, ((0, 0), (0, 0), (crop, crop), (crop, crop)))
    for image, one in zip(padded, changed, strict=True):
        places = [image[:, i : i + 8, j : j + 8] for i in range(2 * crop + 1) for j in range(2 * crop + 1)]
        mirrored = [place[..., ::-1] for place in places] if flip else []
        assert any(np.array_equal(one, place) for place in [*places, *mirrored])
    assert not np.array_equal(changed, X)


@pytest.mark.parametrize("place", ["before", "after"])
def test_a_trigger_stays_where_it_is_only_if_images_are_changed_before(place: Any) -> None:
    poisoned = ATTACK.poison_dataset(X, Y)
    prepare = Augmentation(2, True, place).preparing(ATTACK, X, poisoned.is_poison)
    rows = np.flatnonzero(poisoned.is_poison)

    batch = prepare(poisoned.x[rows], rows, np.random.default_rng(2))

    assert (batch[:, 0, -2:, -2:] == 1).all() == (place == "before")
    assert not np.array_equal(batch, poisoned.x[rows])


def test_clean_training_data_are_augmented_alike_wherever_the_trigger_comes() -> None:
    before, after = (
        _evaluated(TrainingPlan(augmentation=Augmentation(1, True, place)))[1] for place in ("before", "after")
    )
    plain = _evaluated(TrainingPlan())[1]

    assert torch.equal(_weights(before.trained["one"].clean), _weights(after.trained["one"].clean))
    assert not torch.equal(_weights(before.trained["one"].backdoored), _weights(after.trained["one"].backdoored))
    assert not torch.equal(_weights(plain.trained["one"].clean), _weights(after.trained["one"].clean))


def test_a_schedule_moves_the_learning_rate_of_both_trainings() -> None:
    def still(optimizer: torch.optim.Optimizer, n_epochs: int) -> torch.optim.lr_scheduler.LRScheduler:
        assert n_epochs == 2
        return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 0.0)

    _, evaluation = _evaluated(TrainingPlan(schedule=still))

    parts = [dict(one.model.named_parameters()) for one in evaluation.trained["one"]]
    assert all(torch.equal(parts[0][name], parts[1][name]) for name in parts[0])


def test_epochs_are_recorded_and_change_nothing() -> None:
    recorded, seen = _evaluated(TrainingPlan(record_epochs=True))
    plain, unseen = _evaluated(TrainingPlan())

    assert [sorted(epoch) for epoch in recorded.epochs] == [["accuracy", "asr", "step"]] * 2
    assert recorded.epochs[-1]["accuracy"] == recorded.accuracy
    assert plain.epochs == ()
    assert torch.equal(_weights(seen.trained["one"].backdoored), _weights(unseen.trained["one"].backdoored))


def test_epochs_of_a_hybrid_network_say_of_which_step_they_are() -> None:
    hybrid = HybridClassifier(**example_arguments("hybrid"))
    recorded, _ = _evaluated(TrainingPlan(record_epochs=True), hybrid)

    assert [epoch["step"] for epoch in recorded.epochs] == ["ann"] * 2 + ["snn"] * hybrid.nb_epochs_snn


def test_poisoned_rows_are_counted_by_their_true_class() -> None:
    result, _ = _evaluated(TrainingPlan())
    poisoned = ATTACK.poison_dataset(X, Y)

    assert result.n_poisoned_by_class == tuple(
        (poisoned.y_clean[poisoned.is_poison] == label).sum() for label in range(3)
    )


def test_poison_of_clean_labels_is_of_the_target_class_alone() -> None:
    attack = TriggerBackdoor(ATTACK.trigger, ATTACK.target_class, 0.2, clean_label=True)
    counts = [0] * 3
    counts[ATTACK.target_class] = len(X) // 5

    (result,) = BackdoorEvaluation(attack, {"one": _ann()}).evaluate(X, Y, X, Y, nb_epochs=1, verbose=False)

    assert result.n_poisoned_by_class == tuple(counts)


class _Kept(dict[Any, Any]):
    """Steps in memory; `taken` lists those that were not restored."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[Any] = []

    def __call__(
        self, step: str, poisoned: tuple[str, ...], is_measured: bool, module: nn.Module, take: Callable[[], Any]
    ) -> StepRecord:
        key = step, poisoned
        if key in self:
            module.load_state_dict(self[key][0])
        else:
            self.taken.append(key)
            record = take()
            self[key] = {name: value.clone() for name, value in module.state_dict().items()}, record
        return self[key][1]


@pytest.mark.parametrize("make", [_ann, _converted, lambda: _converted(HybridClassifier, nb_epochs_snn=1)])
def test_a_step_that_is_restored_gives_the_same_classifiers(make: Callable[[], PyTorchClassifier]) -> None:
    kept = _Kept()
    first, taken = _evaluated(TrainingPlan(once=kept), make())
    n_taken = len(kept.taken)
    again, restored = _evaluated(TrainingPlan(once=kept), make())

    assert len(kept.taken) == n_taken > 0
    times = {"seconds": 0}
    assert repr(vars(first) | times) == repr(vars(again) | times)
    for one, same in zip(taken.trained["one"], restored.trained["one"], strict=True):
        assert torch.equal(_weights(one), _weights(same))


def test_an_ann_and_the_ann_of_a_conversion_are_one_training() -> None:
    kept = _Kept()
    _, alone = _evaluated(TrainingPlan(once=kept))
    _, converted = _evaluated(TrainingPlan(once=_Kept()), _converted())

    for one, same in zip(alone.trained["one"], converted.trained["one"], strict=True):
        assert torch.equal(_weights(one), _weights(same.ann))


def test_a_clean_first_step_is_shared_by_both_trainings() -> None:
    kept = _Kept()
    _evaluated(TrainingPlan(once=kept, combination=poison_combination("com2")), _converted(HybridClassifier))

    assert kept.taken == [("ann", ()), ("snn", ()), ("snn", ("calibration", "snn"))]
