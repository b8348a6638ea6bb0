"""BackdoorEvaluation: what is measured, and what is refused."""

import math
from collections.abc import Iterator
from typing import ClassVar

import numpy as np
import pytest
import torch
from art.estimators.classification import PyTorchClassifier
from torch import nn

from art_snn._random import host_seed
from art_snn.attacks.poisoning import PatchTrigger, TriggerBackdoor
from art_snn.estimators.classification import HybridClassifier, SpikingClassifier, SpikingModule
from art_snn.evaluations import BackdoorEvaluation, BackdoorResult, PoisonCombination, poison_combination
from art_snn.evaluations.answers import Answers, Exam
from art_snn.models import small_cnn
from art_snn.testing import check_global_streams_stand_still

RNG = np.random.default_rng(0)
K = 3


def _stripes(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Images of 8 × 8 whose class is the third of the rows that is lit: learnt in a second."""
    y = np.arange(n) % K
    x = RNG.random((n, 1, 8, 8), dtype=np.float32) * 0.2
    for row, label in enumerate(y):
        x[row, 0, 2 * label : 2 * label + 2] += 0.7
    return x, y


X_TRAIN, Y_TRAIN = _stripes(240)
X_TEST, Y_TEST = _stripes(60)


def _estimators() -> dict[str, PyTorchClassifier]:
    ann, net = small_cnn(1, K, width=0.5), small_cnn(1, K, neuron="if", width=0.5)
    optimizer = torch.optim.Adam(ann.parameters(), lr=5e-3)
    module = SpikingModule(net, 2)
    return {
        "ann": PyTorchClassifier(ann, nn.CrossEntropyLoss(), (1, 8, 8), K, optimizer=optimizer),
        "if": SpikingClassifier(
            module, nn.CrossEntropyLoss(), (1, 8, 8), K, optimizer=torch.optim.Adam(module.parameters(), lr=5e-3)
        ),
    }


def _evaluate(estimators: dict[str, PyTorchClassifier], y_train: np.ndarray = Y_TRAIN) -> BackdoorEvaluation:
    evaluation = BackdoorEvaluation(TriggerBackdoor(PatchTrigger(2), 1, 0.2), estimators)
    evaluation.results = evaluation.evaluate(
        X_TRAIN, y_train, X_TEST, Y_TEST, seed=0, verbose=False, batch_size=20, nb_epochs=5
    )
    return evaluation


@pytest.fixture(autouse=True)
def arts_own_class_draws_to_predict() -> Iterator[None]:
    """Its DataLoader moves the global stream; that ours does not is shown elsewhere."""
    with host_seed(0):
        yield


@pytest.fixture(scope="module")
def evaluation() -> BackdoorEvaluation:
    return _evaluate(_estimators())


def test_the_numbers_are_those_of_a_loop_by_hand(evaluation: BackdoorEvaluation) -> None:
    x_triggered = PatchTrigger(2)(X_TEST)
    for result in evaluation.results:
        clean, backdoored = evaluation.trained[result.model]
        said, obeyed = backdoored.predict(X_TEST).argmax(1), backdoored.predict(x_triggered).argmax(1)
        others = Y_TEST != 1
        assert result.accuracy == np.mean(said == Y_TEST)
        assert result.accuracy_clean == np.mean(clean.predict(X_TEST).argmax(1) == Y_TEST)
        assert result.accuracy_target == np.mean(said[~others] == 1)
        assert result.accuracy_clean_target == np.mean(clean.predict(X_TEST).argmax(1)[~others] == 1)
        assert result.n_target == 20
        assert result.asr == np.mean(obeyed[others] == 1)
        assert result.asr_all == np.mean(obeyed == 1)
        assert (result.n_asr, result.n_asr_all) == (40, 60)
        assert result.floor == np.mean(clean.predict(x_triggered).argmax(1)[others] == 1)
        assert result.robust_accuracy == np.mean(obeyed[others] == Y_TEST[others])


def test_without_samples_of_the_target_class_its_accuracy_is_nan() -> None:
    answers = Answers(np.eye(3), np.eye(3), {})

    with_target, without = (
        Exam(X_TEST[:3], X_TEST[:3], np.array([0, 1, last]), 2, np.ones(3, bool)) for last in (2, 1)
    )

    assert with_target.accuracy_in_target(answers) == 1
    assert math.isnan(without.accuracy_in_target(answers))


def test_a_planted_backdoor_is_found_and_a_clean_model_has_none(evaluation: BackdoorEvaluation) -> None:
    for result in evaluation.results:
        assert result.accuracy > 0.9
        assert result.asr > 0.9
        assert result.floor < 0.1


def test_the_estimators_given_are_not_trained(evaluation: BackdoorEvaluation) -> None:
    for name, estimator in _estimators().items():
        assert np.array_equal(estimator.predict(X_TEST), evaluation.estimators[name].predict(X_TEST))


def test_both_trainings_start_from_the_same_weights_and_repeat_themselves(evaluation: BackdoorEvaluation) -> None:
    again = _evaluate(_estimators(), np.eye(K)[Y_TRAIN])
    for name, pair in evaluation.trained.items():
        for one, other in zip(pair, again.trained[name], strict=True):
            assert np.array_equal(one.predict(X_TEST), other.predict(X_TEST))


def test_an_evaluation_moves_no_global_stream() -> None:
    with check_global_streams_stand_still():
        _evaluate({"ann": _estimators()["ann"]})


def test_nonsense_is_refused_before_training() -> None:
    with pytest.raises(ValueError, match="at least one estimator"):
        BackdoorEvaluation(TriggerBackdoor(PatchTrigger(2), 1), {})
    with pytest.raises(ValueError, match="as many y_train"):
        _evaluate(_estimators(), Y_TRAIN[1:])


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"y_test": np.ones(60, int)}, ValueError, "test samples of other classes than 1, got none"),
        ({"y_test": Y_TEST + 5}, ValueError, r"labels in \[0, 3\), got 5 to 7"),
        ({"y_test": Y_TEST[:, None]}, ValueError, r"got shape \(60, 1\)"),
        ({"y_test": np.eye(9)[Y_TEST]}, ValueError, r"one-hot \(N, 3\), got shape \(60, 9\)"),
        ({"y_train": np.eye(9)[Y_TRAIN]}, ValueError, r"one-hot \(N, 3\), got shape \(240, 9\)"),
        ({"x_test": X_TEST[..., 1:]}, ValueError, r"x_test like x_train, got shapes \(60, 1, 8, 7\)"),
        ({"x_test": np.full_like(X_TEST, np.nan)}, ValueError, "x_test to be finite"),
        ({"nb_epoch": 1}, TypeError, "unknown arguments: nb_epoch"),
        ({"scheduler": None}, TypeError, "unknown arguments: scheduler"),
    ],
)
def test_data_that_do_not_fit_are_refused_before_training(changes: dict, error: type, message: str) -> None:
    evaluation = BackdoorEvaluation(TriggerBackdoor(PatchTrigger(2), 1, 0.2), _estimators())
    data = {"x_train": X_TRAIN, "y_train": Y_TRAIN, "x_test": X_TEST, "y_test": Y_TEST}
    with pytest.raises(error, match=message):
        evaluation.evaluate(**data | {"verbose": False, "nb_epochs": 1} | changes)
    assert evaluation.trained == {}


def test_samples_may_be_vectors() -> None:
    """A training set and a test set of vectors differ in N alone."""
    net = nn.Linear(64, K)
    vectors = PyTorchClassifier(net, nn.CrossEntropyLoss(), (64,), K, optimizer=torch.optim.SGD(net.parameters(), 0.1))
    evaluation = BackdoorEvaluation(TriggerBackdoor(np.copy, 1, 0.2), {"linear": vectors})

    data = X_TRAIN.reshape(240, 64), Y_TRAIN, X_TEST.reshape(60, 64), Y_TEST
    (result,) = evaluation.evaluate(*data, nb_epochs=1, verbose=False)

    assert result.n_asr == (Y_TEST != 1).sum()


@pytest.mark.parametrize(
    ("attack", "estimators", "message"),
    [
        (
            PatchTrigger(2),
            {"m": "net"},
            "expected attack to be a TriggerBackdoor or another",
        ),
        (TriggerBackdoor(PatchTrigger(2), 1), ["net"], "expected estimators by name"),
        (TriggerBackdoor(PatchTrigger(2), 1), {"m": "net"}, "expected 'm' to be a PyTorchClassifier, got 'net'"),
    ],
)
def test_an_evaluation_is_of_an_attack_on_named_classifiers(attack: object, estimators: object, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        BackdoorEvaluation(attack, estimators)


@pytest.mark.parametrize("weights", [(1.0,), (-1.0, 1.0), (float("nan"), 1.0), (0, 0), 0.5])
def test_loss_weights_that_mean_nothing_are_refused(weights: object) -> None:
    with pytest.raises(ValueError, match="expected loss_weights to be two finite numbers"):
        BackdoorEvaluation(TriggerBackdoor(PatchTrigger(2), 1), _estimators(), loss_weights=weights)


# --- which step sees poison, and with which weight -------------------------------------------------------------------


class _Logging(HybridClassifier):
    """Writes down each step of its training: what it was, whether the data were poisoned, the weights of samples."""

    steps: ClassVar[list[tuple[str, bool, object]]] = []  # of all instances: what is trained is a copy

    def _log(self, step: str, x: np.ndarray, weights: np.ndarray | None = None) -> None:
        weight_of = None if weights is None else {(x[i] != X_TRAIN[i]).any(): w for i, w in enumerate(weights)}
        self.steps.append((step, bool((x != X_TRAIN).any()), weight_of))

    def fit_ann(self, x: np.ndarray, *args: object, **kwargs: object) -> None:
        self._log("ann", x, kwargs.get("sample_weights"))
        super().fit_ann(x, *args, **kwargs)

    def convert(self, x_calibration: np.ndarray) -> None:
        self._log("calibration", x_calibration)
        super().convert(x_calibration)

    def fit_snn(self, x: np.ndarray, *args: object, **kwargs: object) -> None:
        self._log("snn", x, kwargs.get("sample_weights"))
        super().fit_snn(x, *args, **kwargs)


def _steps(combination: PoisonCombination, **settings: object) -> tuple[list[tuple[str, bool, object]], BackdoorResult]:
    """The steps of the second training, that of the backdoored model, and what came of it."""
    net = small_cnn(1, K, pool="avg", width=0.25)
    hybrid = _Logging(net, nn.CrossEntropyLoss(), (1, 8, 8), K, timesteps=2, nb_epochs_snn=1)
    attack = TriggerBackdoor(PatchTrigger(2), 1, 0.2)
    evaluation = BackdoorEvaluation(attack, {"hybrid": hybrid}, combination=combination, **settings)
    _Logging.steps.clear()
    (result,) = evaluation.evaluate(X_TRAIN, Y_TRAIN, X_TEST, Y_TEST, verbose=False, nb_epochs=1)
    assert _Logging.steps[:3] == [("ann", False, None), ("calibration", False, None), ("snn", False, None)]
    return _Logging.steps[3:], result


@pytest.mark.parametrize(
    ("combination", "ann", "calibration", "snn"),
    [
        (poison_combination("com1"), False, False, False),
        (poison_combination("com2"), False, True, True),
        (poison_combination("com3"), True, False, False),
        (poison_combination("com4"), True, True, True),
        (PoisonCombination(ann=False, calibration=True, snn=False), False, True, False),
    ],
)
def test_a_combination_says_which_steps_see_poison(
    combination: PoisonCombination, ann: bool, calibration: bool, snn: bool
) -> None:
    steps, result = _steps(combination)
    seen = {step: is_poisoned for step, is_poisoned, _ in steps}  # the last calibration is the one that holds
    assert seen == {"ann": ann, "calibration": calibration, "snn": snn}
    assert result.migration is not None
    assert (result.migration.threshold_shift is not None) is calibration


def test_loss_weights_reach_each_step_that_sees_poison() -> None:
    steps, _ = _steps(poison_combination("com4"), loss_weights=(3.0, 0.5))
    weights = {step: weight_of for step, _, weight_of in steps if step != "calibration"}
    assert weights == {key: {True: 3.0, False: 0.5} for key in ("ann", "snn")}
