"""BackdoorEvaluation: what is measured, and what is refused."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from art.estimators.classification import PyTorchClassifier
from torch import nn

from art_snn._random import host_seed
from art_snn.attacks.poisoning import PatchTrigger, TriggerBackdoor
from art_snn.estimators.classification import SpikingClassifier, SpikingModule
from art_snn.evaluations import BackdoorEvaluation
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
        assert result.asr == np.mean(obeyed[others] == 1)
        assert result.asr_all == np.mean(obeyed == 1)
        assert (result.n_asr, result.n_asr_all) == (40, 60)
        assert result.floor == np.mean(clean.predict(x_triggered).argmax(1)[others] == 1)
        assert result.robust_accuracy == np.mean(obeyed[others] == Y_TEST[others])


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
